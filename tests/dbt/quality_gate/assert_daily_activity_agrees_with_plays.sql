{#
    Each day of daily_activity has the plays and the listeners that songplays has on that day, and no
    day is missing. Guards daily_activity, and through assert_reports_count_the_same_plays the other
    reports. Without it a report that was built before its mart would show yesterday's numbers.
#}

with

expected as (

    select
        trunc(start_time) as activity_date,
        count(*) as plays,
        count(distinct user_id) as listeners
    from {{ ref('songplays') }}
    group by trunc(start_time)

),

actual as (

    select * from {{ ref('daily_activity') }}

)

select
    coalesce(expected.activity_date, actual.activity_date) as activity_date,
    expected.plays as expected_plays,
    actual.plays as actual_plays,
    expected.listeners as expected_listeners,
    actual.listeners as actual_listeners
from expected
full outer join actual on expected.activity_date = actual.activity_date
where expected.activity_date is null
    or actual.activity_date is null
    or expected.plays != actual.plays
    or expected.listeners != actual.listeners
