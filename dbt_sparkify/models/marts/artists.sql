{# dist: small, joined from every node. #}
{{
    config(
        unique_key='artist_id',
        dist='all',
        sort='artist_id'
    )
}}

with

songs as (

    select * from {{ ref('int_songs_deduplicated') }}
    where artist_id is not null
        and {{ is_affected('artist_id', by=['artist_id']) }}

),

spellings as (

    select
        artist_id,
        artist_name,
        artist_location,
        artist_latitude,
        artist_longitude,
        count(*) as songs
    from songs
    group by artist_id, artist_name, artist_location, artist_latitude, artist_longitude

),

{# One whole spelling, never a mix of several: the one on most songs, then one with coordinates,
   then one with a location, then the first in byte order. #}
ranked as (

    select
        *,
        row_number() over (
            partition by artist_id
            order by
                songs desc,
                case when artist_latitude is null then 1 else 0 end asc,
                case when artist_location is null then 1 else 0 end asc,
                artist_name asc nulls last,
                artist_location asc nulls last,
                artist_latitude asc nulls last,
                artist_longitude asc nulls last
        ) as spelling_number
    from spellings

),

final as (

    select
        artist_id,
        artist_name as name,
        artist_location as location,
        artist_latitude as latitude,
        artist_longitude as longitude
    from ranked
    where spelling_number = 1

)

select * from final
