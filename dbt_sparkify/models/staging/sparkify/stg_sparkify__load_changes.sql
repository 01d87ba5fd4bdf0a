with

changes as (

    select * from {{ source('sparkify', 'load_changes') }}

),

songs as (

    select * from {{ ref('stg_sparkify__songs') }}

),

{# Of the copies of a song one counts. A load that brings another may take the song from its artist,
   of whom the feed then says nothing. Read from the source again, and of the source's type, so that
   what is asked of the view reaches the table. #}
artists_of_copies as (

    select
        changes.load_id,
        songs.artist_id as key_value,
        cast('artist_id' as varchar(64)) as key_name
    from {{ source('sparkify', 'load_changes') }} as changes
    inner join songs on changes.key_value = songs.song_id
    where changes.key_name = 'song_id'

),

final as (

    select
        load_id,
        key_name,
        key_value
    from changes

    union all

    select
        load_id,
        key_name,
        key_value
    from artists_of_copies

)

select * from final
