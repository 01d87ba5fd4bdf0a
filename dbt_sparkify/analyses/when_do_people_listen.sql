{# Each hour's share of the mean week, independent of volume. #}
select
    weekday,
    hour,
    mean_plays,
    mean_plays / sum(mean_plays) over () as share_of_week
from {{ ref('listening_by_hour') }}
order by weekday, hour
