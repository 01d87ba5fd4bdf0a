{#
    A partition holds as many rows as its newest load brought. Guards raw.staging_events and
    raw.staging_songs against rows that were added or removed outside a load. Without it half a repair
    by hand would pass for data.
#}

with

loads as (

    select
        *,
        row_number() over (partition by target_table, partition_prefix order by load_id desc) as age
    from {{ ref('stg_sparkify__load_history') }}
    where status in ('loaded', 'absorbed')
        and mode = 'replace'
        and {{ within_gate('load_id', by=['load_id']) }}

),

expected as (

    select
        target_table,
        partition_prefix,
        rows_loaded
    from loads
    where age = 1
        and rows_loaded > 0

),

actual as (

    select
        'raw.staging_events' as target_table,
        _partition as partition_prefix,
        count(*) as rows_loaded
    from {{ source('sparkify', 'staging_events') }}
    where {{ within_gate('_load_id', by=['load_id']) }}
    group by _partition

    union all

    select
        'raw.staging_songs' as target_table,
        _partition as partition_prefix,
        count(*) as rows_loaded
    from {{ source('sparkify', 'staging_songs') }}
    where {{ within_gate('_load_id', by=['load_id']) }}
    group by _partition

)

{{ compare(['target_table', 'partition_prefix'], ['rows_loaded']) }}
