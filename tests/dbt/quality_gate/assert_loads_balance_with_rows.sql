{#
    A batch holds as many rows as its newest load brought, which are the lines that it read and did
    not reject. Guards raw.staging_events and raw.staging_songs against rows that came or went
    outside a load; without it a half-done repair by hand would pass for data.
#}

with

loads as (

    select
        *,
        row_number() over (partition by target_table, batch order by load_id desc) as age
    from {{ ref('stg_sparkify__load_history') }}
    where status = 'loaded'
        and mode = 'replace_batch'

),

expected as (

    select
        target_table,
        batch,
        rows_loaded,
        lines_scanned - rows_rejected as lines_taken
    from loads
    where age = 1
        and lines_scanned != rows_rejected

),

actual as (

    select
        'raw.staging_events' as target_table,
        _batch as batch,
        count(*) as rows_loaded,
        count(*) as lines_taken
    from {{ source('sparkify', 'staging_events') }}
    group by _batch

    union all

    select
        'raw.staging_songs' as target_table,
        _batch as batch,
        count(*) as rows_loaded,
        count(*) as lines_taken
    from {{ source('sparkify', 'staging_songs') }}
    group by _batch

)

{{ compare(['target_table', 'batch'], ['rows_loaded', 'lines_taken']) }}
