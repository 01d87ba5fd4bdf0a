{# Weekdays differ, so each day is shown with the mean of the seven days that end with it. #}
select
    activity_date,
    plays,
    listeners,
    sessions,
    paid_play_share,
    avg(cast(plays as double precision)) over (
        order by activity_date
        rows between 6 preceding and current row
    ) as mean_plays_of_seven_days
from {{ ref('daily_activity') }}
order by activity_date
