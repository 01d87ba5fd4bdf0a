{# dist: small, joined from every node. #}
{{
    config(
        unique_key='song_id',
        dist='all',
        sort='song_id'
    )
}}

with

songs as (

    select * from {{ ref('int_songs_deduplicated') }}
    where {{ is_affected('song_id', by=['song_id']) }}

),

final as (

    select
        song_id,
        title,
        artist_id,
        year,
        duration
    from songs

)

select * from final
