{# dist: small, and joined to everything. #}
{{
    config(
        unique_key='song_id',
        dist='all',
        sort='song_id',
        meta={'affected_by': ['song_id']}
    )
}}

with

songs as (

    select * from {{ ref('stg_sparkify__songs') }}
    where {{ is_affected('song_id') }}

),

{# As with events: the greatest content wins, whatever the order of the loads. #}
numbered as (

    select
        *,
        row_number() over (
            partition by song_id
            order by
                num_songs desc nulls last,
                artist_id desc nulls last,
                artist_latitude desc nulls last,
                artist_longitude desc nulls last,
                artist_location desc nulls last,
                artist_name desc nulls last,
                title desc nulls last,
                duration desc nulls last,
                year desc nulls last
        ) as copy_number
    from songs

),

final as (

    select
        song_id,
        artist_id,
        title,
        artist_name,
        artist_location,
        artist_latitude,
        artist_longitude,
        duration,
        year
    from numbered
    where copy_number = 1

)

select * from final
