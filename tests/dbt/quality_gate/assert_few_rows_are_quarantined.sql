{{ config(
    fail_calc = "coalesce(max(quarantined_percent), 0)",
    warn_if = "> 1",
    error_if = "> 10",
) }}

{#
    Of a partition's rows, at most 1 in 100 is in quarantine; more warns, more than 10 in 100 stops
    the run. Guards the marts against a source that changed as a whole, such as times in another unit:
    row by row it would all be kept out, and the marts would be good and nearly empty. Partitions of
    fewer than 100 rows are left out: there one row would be a share.
#}

with

loaded as (

    select
        cast('events' as varchar(16)) as source_name,
        _partition,
        count(*) as loaded_rows,
        count(quarantine_reason) as quarantined_rows
    from {{ ref('stg_sparkify__events') }}
    group by _partition

    union all

    select
        cast('songs' as varchar(16)) as source_name,
        _partition,
        count(*) as loaded_rows,
        count(quarantine_reason) as quarantined_rows
    from {{ ref('stg_sparkify__songs') }}
    group by _partition

)

select
    *,
    cast(ceil(100.0 * quarantined_rows / loaded_rows) as integer) as quarantined_percent
from loaded
where loaded_rows >= 100
    and quarantined_rows > 0
