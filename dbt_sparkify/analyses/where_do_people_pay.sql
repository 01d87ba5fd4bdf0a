{# A place of one listener says more of the listener than of the place. #}
select
    place,
    listeners,
    plays,
    cast(plays as double precision) / listeners as plays_per_listener,
    paid_play_share
from {{ ref('listening_by_place') }}
where listeners >= 3
order by paid_play_share desc, place asc
