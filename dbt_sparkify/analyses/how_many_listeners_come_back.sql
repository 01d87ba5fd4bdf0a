{# All cohorts together, weighted by size; an unfinished week would look too low. #}
select
    week_number,
    count(*) as cohorts,
    sum(cohort_size) as users,
    sum(listeners) as listeners,
    cast(sum(listeners) as double precision) / sum(cohort_size) as retention
from {{ ref('cohort_retention') }}
where is_complete
group by week_number
order by week_number
