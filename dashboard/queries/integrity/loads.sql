-- The newest good load of each partition, with the listing of S3 that it saw.
with

loads as (

    select
        *,
        row_number() over (partition by target_table, partition_prefix order by load_id desc) as age
    from "raw".load_history
    where status in ('loaded', 'absorbed')

)

select
    target_table,
    partition_prefix,
    load_id,
    files,
    listing_hash,
    lines_scanned,
    rows_loaded,
    rows_rejected,
    finished_at
from loads
where age = 1
    and status = 'loaded'
order by target_table, partition_prefix
