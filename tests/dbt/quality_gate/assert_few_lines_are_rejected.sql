{{ config(
    fail_calc = "coalesce(max(rejected_percent), 0)",
    warn_if = "> 1",
    error_if = "> 10",
) }}

{#
    Of a partition's lines, at most 1 in 100 is rejected; more warns, more than 10 in 100 fails. Guards
    raw.staging_events and raw.staging_songs against a source that changed its format: the error budget
    of a load counts lines, so a small file may lose most of its own within it. Partitions of fewer than
    100 lines are left out: there one line would be a share.
#}

with

loads as (

    select
        *,
        row_number() over (partition by target_table, partition_prefix order by load_id desc) as age
    from {{ ref('stg_sparkify__load_history') }}
    where status in ('loaded', 'absorbed')
        and {{ within_gate('load_id', by=['load_id']) }}

)

select
    target_table,
    partition_prefix,
    lines_scanned,
    rows_rejected,
    cast(ceil(100.0 * rows_rejected / lines_scanned) as integer) as rejected_percent
from loads
where age = 1
    and lines_scanned >= 100
    and rows_rejected > 0
