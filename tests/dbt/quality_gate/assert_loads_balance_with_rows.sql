{#
    A batch holds as many rows as its newest load brought, and each load's lines are its rows and its
    rejected lines. Guards raw.staging_events and raw.staging_songs against rows that came or went
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

newest_loads as (

    select * from loads
    where age = 1

),

batches as (

    select
        'raw.staging_events' as target_table,
        _batch as batch,
        count(*) as row_count
    from {{ source('sparkify', 'staging_events') }}
    group by _batch

    union all

    select
        'raw.staging_songs' as target_table,
        _batch as batch,
        count(*) as row_count
    from {{ source('sparkify', 'staging_songs') }}
    group by _batch

)

select
    coalesce(newest_loads.target_table, batches.target_table) as target_table,
    coalesce(newest_loads.batch, batches.batch) as batch,
    newest_loads.lines_scanned,
    newest_loads.rows_rejected,
    coalesce(newest_loads.rows_loaded, 0) as expected_rows,
    coalesce(batches.row_count, 0) as actual_rows
from newest_loads
full outer join batches
    on newest_loads.target_table = batches.target_table
    and newest_loads.batch = batches.batch
where coalesce(newest_loads.rows_loaded, 0) != coalesce(batches.row_count, 0)
    or newest_loads.lines_scanned != newest_loads.rows_loaded + newest_loads.rows_rejected
