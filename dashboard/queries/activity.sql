-- Each day's plays, listeners and sessions.
select
    activity_date,
    plays,
    listeners,
    sessions,
    paid_play_share
from reporting.daily_activity
where activity_date between cast(:first_day as date) and cast(:last_day as date)
order by activity_date
