-- One row: keys that are there more than once, levels that disagree, and the plays of each report.
with

of_plays as (

    select
        count(*) as plays,
        count(*) - count(distinct songplay_id) as repeated_plays
    from analytics.songplays

),

of_users as (

    select count(*) - count(distinct user_id) as repeated_users from analytics.users

),

of_songs as (

    select count(*) - count(distinct song_id) as repeated_songs from analytics.songs

),

of_artists as (

    select count(*) - count(distinct artist_id) as repeated_artists from analytics.artists

),

of_times as (

    select count(*) - count(distinct start_time) as repeated_times from analytics.time

),

of_levels as (

    select count(*) as wrong_levels
    from analytics.users as users
    inner join analytics.user_levels as periods on users.user_id = periods.user_id
    where periods.is_current
        and users.level != periods.level

),

by_day as (

    select coalesce(sum(plays), 0) as plays_by_day from reporting.daily_activity

),

by_hour as (

    select coalesce(sum(plays), 0) as plays_by_hour from reporting.listening_by_hour

),

by_place as (

    select coalesce(sum(plays), 0) as plays_by_place from reporting.listening_by_place

),

by_device as (

    select coalesce(sum(plays), 0) as plays_by_device from reporting.listening_by_device

)

select
    of_plays.*,
    of_users.*,
    of_songs.*,
    of_artists.*,
    of_times.*,
    of_levels.*,
    by_day.*,
    by_hour.*,
    by_place.*,
    by_device.*
from of_plays
cross join of_users
cross join of_songs
cross join of_artists
cross join of_times
cross join of_levels
cross join by_day
cross join by_hour
cross join by_place
cross join by_device
