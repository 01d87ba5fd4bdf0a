with

source as (

    select * from {{ source('sparkify', 'staging_songs') }}

),

final as (

    select
        -- ids
        {{ song_id_key('song_id') }} as song_id,
        {{ artist_id_key('artist_id') }} as artist_id,

        -- strings
        {{ clean_text(repair_encoding('title')) }} as title,
        {{ clean_text(repair_encoding('artist_name')) }} as artist_name,
        {{ clean_text(repair_encoding('artist_location')) }} as artist_location,

        -- numerics
        artist_latitude,
        artist_longitude,
        duration,
        nullif(year, 0) as year,
        num_songs,

        -- quarantine
        {{ song_fault() }} as quarantine_reason,

        -- load
        _partition,
        _loaded_at,
        _load_id

    from source

)

select * from final
