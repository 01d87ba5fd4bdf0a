{{ config(severity = 'warn') }}

{#
    Redshift loaded or rejected each line that it scanned of a partition. Guards raw.staging_events and
    raw.staging_songs. It warns only, as AWS does not promise that the number of lines is that of the
    rows; without it a lost row would leave no trace at all.
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
    rows_loaded,
    rows_rejected
from loads
where age = 1
    and lines_scanned != rows_loaded + rows_rejected
