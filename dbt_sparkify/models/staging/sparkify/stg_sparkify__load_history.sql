with

source as (

    select * from {{ source('sparkify', 'load_history') }}

),

final as (

    select
        -- ids
        load_id,
        run_id,
        partition_prefix,

        -- strings
        target_table,
        mode,
        status,

        -- numerics
        files,
        bytes,
        lines_scanned,
        rows_loaded,
        rows_rejected,

        -- timestamps
        started_at,
        finished_at

    from source

)

select * from final
