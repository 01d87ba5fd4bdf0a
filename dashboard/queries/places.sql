-- The fifteen places with most plays of all days: a play's own place is not for readers.
select
    place,
    plays,
    listeners,
    paid_play_share
from reporting.listening_by_place
order by plays desc, place asc
limit 15
