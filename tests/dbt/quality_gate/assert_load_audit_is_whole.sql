{#
    Each load has an id of its own, and each refused line and each changed key belongs to a load.
    Guards raw.load_history, raw.load_errors and raw.load_changes. Without it a model that has built
    one of two loads with the same id would never build the other.
#}

with

loads as (

    select
        load_id,
        count(*) as copies
    from {{ ref('stg_sparkify__load_history') }}
    where {{ within_gate('load_id', by=['load_id']) }}
    group by load_id

),

mentions as (

    select
        load_id,
        'load_errors' as audit_table
    from {{ source('sparkify', 'load_errors') }}
    where {{ within_gate('load_id', by=['load_id']) }}

    union distinct

    select
        load_id,
        'load_changes' as audit_table
    from {{ ref('stg_sparkify__load_changes') }}
    where {{ within_gate('load_id', by=['load_id']) }}

)

select
    load_id,
    'load_history' as audit_table,
    1 as expected_entries,
    copies as actual_entries
from loads
where copies != 1

union all

select
    mentions.load_id,
    mentions.audit_table,
    1 as expected_entries,
    0 as actual_entries
from mentions
left join loads on mentions.load_id = loads.load_id
where loads.load_id is null
