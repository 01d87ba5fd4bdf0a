-- The days with plays, how many plays there are in all, and a fingerprint of what was published: it
-- changes with any count of a day, any song or artist of the charts, and any change of level.
with

days as (

    select
        cast(coalesce(sum(plays), 0) as bigint) as plays,
        min(activity_date) as first_day,
        max(activity_date) as last_day,
        sum(plays + 3 * listeners + 7 * sessions + 11 * paid_plays) as counts
    from reporting.daily_activity

),

songs as (

    select
        sum(
            fnv_hash(song_title || '|' || artist_name || '|' || cast(plays as varchar))
        ) as charts
    from reporting.top_songs

),

artists as (

    select sum(fnv_hash(artist_name || '|' || cast(plays as varchar))) as charts
    from reporting.top_artists

),

conversions as (

    select count(*) as changes from reporting.level_conversions

)

select
    days.plays,
    days.first_day,
    days.last_day,
    cast(days.counts as varchar)
    || '/' || cast(songs.charts as varchar)
    || '/' || cast(artists.charts as varchar)
    || '/' || cast(conversions.changes as varchar) as fingerprint
from days
cross join songs
cross join artists
cross join conversions
