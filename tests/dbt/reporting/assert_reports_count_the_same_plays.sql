{#
    However plays are cut, by day, hour, place or device, they add up to the same number.
    Guards the tables of counts in reporting. Without it a cut that drops what it cannot name (a play
    without a place or a user agent) would show fewer plays than the next chart on the same page.
#}

with

totals as (

    select
        'daily_activity' as report,
        sum(plays) as plays
    from {{ ref('daily_activity') }}
    union all
    select
        'listening_by_hour' as report,
        sum(plays) as plays
    from {{ ref('listening_by_hour') }}
    union all
    select
        'listening_by_place' as report,
        sum(plays) as plays
    from {{ ref('listening_by_place') }}
    union all
    select
        'listening_by_device' as report,
        sum(plays) as plays
    from {{ ref('listening_by_device') }}

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
