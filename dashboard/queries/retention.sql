-- How many of those who first listened in a week listened again in the weeks after.
select
    cohort_week,
    week_number,
    is_complete,
    cohort_size,
    listeners,
    retention
from reporting.cohort_retention
where cohort_week between cast(:first_day as date) - 6 and cast(:last_day as date)
order by cohort_week, week_number
