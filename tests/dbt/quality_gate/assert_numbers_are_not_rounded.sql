{#
    Durations, coordinates and start times are the same in the marts as in the logs and the catalogue,
    to the last digit. Guards songs, artists and songplays. Without it a cast to a whole number would
    match plays to other songs, and times without milliseconds would merge two plays into one moment.
#}

with

given_songs as (

    select * from {{ ref('stg_sparkify__songs') }}

),

rounded_songs as (

    select
        cast('songs' as varchar) as mart,
        songs.song_id as key_value
    from {{ ref('songs') }} as songs
    left join given_songs
        on songs.song_id = given_songs.song_id
        and songs.duration = given_songs.duration
    where songs.duration is not null
        and {{ is_judged(ref('songs'), 'songs.song_id') }}
        and given_songs.song_id is null

),

rounded_artists as (

    select
        cast('artists' as varchar) as mart,
        artists.artist_id as key_value
    from {{ ref('artists') }} as artists
    left join given_songs
        on artists.artist_id = given_songs.artist_id
        and artists.latitude = given_songs.artist_latitude
        and artists.longitude = given_songs.artist_longitude
    where artists.latitude is not null
        and {{ is_judged(ref('artists'), 'artists.artist_id') }}
        and given_songs.artist_id is null

),

rounded_plays as (

    select
        cast('songplays' as varchar) as mart,
        songplays.songplay_id as key_value
    from {{ ref('songplays') }} as songplays
    inner join {{ ref('stg_sparkify__events') }} as events
        on songplays.songplay_id = events.event_id
    where songplays.start_time != events.event_at
        and {{ is_judged(ref('songplays'), 'songplays.start_time') }}
        and {{ is_judged(ref('stg_sparkify__events'), 'events.ts') }}

)

select * from rounded_songs
union all
select * from rounded_artists
union all
select * from rounded_plays
