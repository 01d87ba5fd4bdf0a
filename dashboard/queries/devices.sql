-- Plays by device and browser, of all days.
select
    device_family,
    browser_family,
    plays,
    listeners,
    paid_play_share
from reporting.listening_by_device
order by plays desc, device_family asc, browser_family asc
