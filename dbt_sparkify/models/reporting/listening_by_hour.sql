{# unique_key: all rows are replaced together. #}
{{ config(unique_key='weekday') }}

with

plays as (

    select * from {{ ref('songplays') }}
    where {{ is_affected('weekday', by=['all_time']) }}

),

times as (

    select * from {{ ref('time') }}
    where {{ is_affected('weekday', by=['all_time']) }}

),

plays_by_hour as (

    select
        times.weekday,
        times.hour,
        count(*) as plays,
        count(distinct plays.user_id) as listeners
    from plays
    inner join times on plays.start_time = times.start_time
    group by times.weekday, times.hour

),

{# Ten days of logs hold some weekdays twice and others once; the mean compensates for that. #}
weekdays as (

    select
        weekday,
        count(distinct trunc(start_time)) as days
    from times
    group by weekday

),

final as (

    select
        plays_by_hour.weekday,
        plays_by_hour.hour,
        plays_by_hour.plays,
        plays_by_hour.listeners,
        cast(plays_by_hour.plays as double precision) / weekdays.days as mean_plays
    from plays_by_hour
    inner join weekdays on plays_by_hour.weekday = weekdays.weekday

)

select * from final
