-- One row: how many keys of each relationship of the star schema lead nowhere.
with

of_plays as (

    select
        count(case when songplays.user_id is not null and users.user_id is null then 1 end)
            as plays_without_user,
        count(case when times.start_time is null then 1 end) as plays_without_time,
        count(case when songplays.song_id is not null and songs.song_id is null then 1 end)
            as plays_without_song,
        count(case when songplays.artist_id is not null and artists.artist_id is null then 1 end)
            as plays_without_artist
    from analytics.songplays as songplays
    left join analytics.users as users on songplays.user_id = users.user_id
    left join analytics.time as times on songplays.start_time = times.start_time
    left join analytics.songs as songs on songplays.song_id = songs.song_id
    left join analytics.artists as artists on songplays.artist_id = artists.artist_id

),

of_songs as (

    select count(*) as songs_without_artist
    from analytics.songs as songs
    left join analytics.artists as artists on songs.artist_id = artists.artist_id
    where songs.artist_id is not null
        and artists.artist_id is null

),

of_periods as (

    select count(*) as periods_without_user
    from analytics.user_levels as periods
    left join analytics.users as users on periods.user_id = users.user_id
    where users.user_id is null

)

select
    of_plays.*,
    of_songs.*,
    of_periods.*
from of_plays
cross join of_songs
cross join of_periods
