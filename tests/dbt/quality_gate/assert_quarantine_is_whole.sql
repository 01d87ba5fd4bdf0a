{#
    In each partition quarantine holds, of the days and songs judged, as many rows as staging finds faulty. Guards
    int_events_quarantined and int_songs_quarantined. Without it a row could be missing from the marts
    and from quarantine, or a corrected row could stay in quarantine for ever.
#}

with

expected as (

    select
        cast('events' as varchar(16)) as source_name,
        _partition,
        count(quarantine_reason) as quarantined_rows
    from {{ ref('stg_sparkify__events') }}
    where quarantine_reason is not null
        and {{ is_judged(ref('stg_sparkify__events')) }}
    group by _partition

    union all

    select
        cast('songs' as varchar(16)) as source_name,
        _partition,
        count(quarantine_reason) as quarantined_rows
    from {{ ref('stg_sparkify__songs') }}
    where quarantine_reason is not null
        and {{ is_judged(ref('stg_sparkify__songs')) }}
    group by _partition

),

actual as (

    select
        cast('events' as varchar(16)) as source_name,
        _partition,
        count(*) as quarantined_rows
    from {{ ref('int_events_quarantined') }}
    where {{ is_judged(ref('int_events_quarantined')) }}
    group by _partition

    union all

    select
        cast('songs' as varchar(16)) as source_name,
        _partition,
        count(*) as quarantined_rows
    from {{ ref('int_songs_quarantined') }}
    where {{ is_judged(ref('int_songs_quarantined')) }}
    group by _partition

)

{{ compare(['source_name', '_partition'], ['quarantined_rows']) }}
