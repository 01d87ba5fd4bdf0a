-- Mean plays of each hour of the week. A range holds some weekdays more often than others.
with

plays as (

    select
        start_time,
        trunc(start_time) as play_date
    from analytics.songplays
    where start_time >= cast(:first_day as date)
        and start_time < dateadd(day, 1, cast(:last_day as date))

),

timed_plays as (

    select
        times.weekday,
        times.hour,
        plays.play_date
    from plays
    inner join analytics.time as times on plays.start_time = times.start_time

),

weekdays as (

    select
        weekday,
        count(distinct play_date) as days
    from timed_plays
    group by weekday

),

hours as (

    select
        weekday,
        hour,
        count(*) as plays
    from timed_plays
    group by weekday, hour

)

select
    hours.weekday,
    hours.hour,
    hours.plays,
    cast(hours.plays as double precision) / weekdays.days as mean_plays
from hours
inner join weekdays on hours.weekday = weekdays.weekday
order by hours.weekday, hours.hour
