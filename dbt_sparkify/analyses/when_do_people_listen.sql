{# The week's shape, whatever its volume: each hour's share of the week. #}
select
    weekday,
    hour,
    mean_plays,
    mean_plays / sum(mean_plays) over () as share_of_week
from {{ ref('listening_by_hour') }}
order by weekday, hour
