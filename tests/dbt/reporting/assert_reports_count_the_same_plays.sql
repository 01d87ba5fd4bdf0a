{#
    Plays add up to the same total by day, hour, place and device. Guards daily_activity,
    listening_by_hour, listening_by_place and listening_by_device. Without it a report that drops plays
    without a place or a user agent would show fewer plays than the chart beside it. It judges the day's
    whole run, as no other rebuilds all of them.
#}

with

totals as (

    select
        'daily_activity' as report,
        sum(plays) as plays
    from {{ ref('daily_activity') }}
    where {{ within_gate('activity_date', by=['all_time']) }}
    union all
    select
        'listening_by_hour' as report,
        sum(plays) as plays
    from {{ ref('listening_by_hour') }}
    where {{ is_judged(ref('listening_by_hour')) }}
    union all
    select
        'listening_by_place' as report,
        sum(plays) as plays
    from {{ ref('listening_by_place') }}
    where {{ is_judged(ref('listening_by_place')) }}
    union all
    select
        'listening_by_device' as report,
        sum(plays) as plays
    from {{ ref('listening_by_device') }}
    where {{ is_judged(ref('listening_by_device')) }}

),

expected as (

    select plays from totals
    where report = 'daily_activity'

)

select
    totals.report,
    expected.plays as expected_plays,
    totals.plays as actual_plays
from totals
cross join expected
where totals.plays != expected.plays
