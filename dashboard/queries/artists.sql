-- The ten artists played most.
select
    min(artist_name) as artist_name,
    count(*) as plays,
    count(distinct lower(song_title)) as songs,
    count(distinct user_id) as listeners
from analytics.songplays
where start_time >= cast(:first_day as date)
    and start_time < dateadd(day, 1, cast(:last_day as date))
group by lower(artist_name)
order by plays desc, listeners desc, artist_name asc
limit 10
