select
    device_family,
    browser_family,
    plays,
    paid_play_share,
    cast(plays as double precision) / sum(plays) over () as play_share
from {{ ref('listening_by_device') }}
order by plays desc, device_family asc, browser_family asc
