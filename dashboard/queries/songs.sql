-- The ten songs played most, by the title as played: the catalogue has few of them.
select
    min(song_title) as song_title,
    min(artist_name) as artist_name,
    count(*) as plays,
    count(distinct user_id) as listeners
from analytics.songplays
where start_time >= cast(:first_day as date)
    and start_time < dateadd(day, 1, cast(:last_day as date))
group by lower(song_title), lower(artist_name)
order by plays desc, listeners desc, song_title asc, artist_name asc
limit 10
