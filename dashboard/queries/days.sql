-- The days with plays, and how many plays there are in all.
select
    cast(coalesce(sum(plays), 0) as bigint) as plays,
    min(activity_date) as first_day,
    max(activity_date) as last_day
from reporting.daily_activity
