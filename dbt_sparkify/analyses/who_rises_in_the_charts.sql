{# An artist outside the previous week's ten counts as new and has no rank to compare with. #}
with

weeks as (

    select * from {{ ref('top_artists') }}
    where period_type = 'week'

)

select
    this_week.period_start,
    this_week.artist_rank,
    this_week.artist_name,
    this_week.plays,
    last_week.artist_rank as rank_of_week_before,
    last_week.artist_rank - this_week.artist_rank as ranks_gained
from weeks as this_week
left join weeks as last_week
    on this_week.period_start = dateadd(day, 7, last_week.period_start)
    and lower(this_week.artist_name) = lower(last_week.artist_name)
order by this_week.period_start, this_week.artist_rank
