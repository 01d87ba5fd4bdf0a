{# Median and mean: a few sessions of many hours pull the mean up. #}
select
    first_level,
    count(*) as sessions,
    sum(case when plays = 1 then 1 else 0 end) as sessions_of_one_play,
    avg(cast(plays as double precision)) as mean_plays,
    avg(duration_seconds / 60.0) as mean_minutes,
    median(duration_seconds / 60.0) as median_minutes,
    max(duration_seconds) / 60.0 as longest_minutes
from {{ ref('sessions') }}
group by first_level
order by first_level
