{# A place of one listener says more of the listener than of the place. #}
select
    place,
    listeners,
    plays,
    paid_play_share,
    cast(plays as double precision) / listeners as plays_per_listener
from {{ ref('listening_by_place') }}
where listeners >= 3
order by paid_play_share desc, place asc
