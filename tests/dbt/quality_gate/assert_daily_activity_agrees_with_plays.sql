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
    where {{ is_judged(ref('daily_activity'), 'start_time') }}
    group by trunc(start_time)

),

actual as (

    select * from {{ ref('daily_activity') }}
    where {{ is_judged(ref('daily_activity')) }}

)

{{ compare(['activity_date'], ['plays', 'listeners']) }}
