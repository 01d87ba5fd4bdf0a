-- What the range comes to. Listeners and sessions are distinct in all of it, not sums of days.
select
    cast(coalesce(sum(case when level = 'paid' then 1 else 0 end), 0) as bigint) as paid_plays,
    count(*) as plays,
    count(distinct user_id) as listeners,
    count(distinct cast(user_id as varchar) || '-' || cast(session_id as varchar)) as sessions
from analytics.songplays
where start_time >= cast(:first_day as date)
    and start_time < dateadd(day, 1, cast(:last_day as date))
