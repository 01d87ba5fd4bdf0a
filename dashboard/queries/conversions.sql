-- Changes of level by day.
select
    direction,
    trunc(converted_at) as converted_on,
    count(*) as conversions,
    count(distinct user_id) as users,
    avg(days_on_previous_level) as mean_days_on_previous_level
from reporting.level_conversions
where converted_at >= cast(:first_day as date)
    and converted_at < dateadd(day, 1, cast(:last_day as date))
group by trunc(converted_at), direction
order by converted_on, direction
