{#
    Each cohort starts with week 0, in which all of its users listen; no later week has more listeners.
    Guards cohort_retention. Without it users counted in a week other than that of their first play
    would shift the whole retention curve.
#}

with

cohorts as (

    select
        cohort_week,
        min(week_number) as first_week_number,
        max(cohort_size) as cohort_size,
        max(case when week_number = 0 then listeners end) as first_listeners,
        max(listeners) as most_listeners
    from {{ ref('cohort_retention') }}
    where {{ is_judged(ref('cohort_retention')) }}
    group by cohort_week

)

select
    cohort_week,
    first_week_number,
    cohort_size as expected_listeners,
    first_listeners as actual_listeners,
    most_listeners
from cohorts
where first_week_number != 0
    or first_listeners != cohort_size
    or most_listeners > cohort_size
