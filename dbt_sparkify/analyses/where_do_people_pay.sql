{# A place with one or two listeners tells more about them than about the place. #}
select
    place,
    listeners,
    plays,
    paid_play_share,
    cast(plays as double precision) / listeners as plays_per_listener
from {{ ref('listening_by_place') }}
where listeners >= 3
order by paid_play_share desc, place asc
