{{ config(
    fail_calc = "coalesce(max(is_lost + 1), 0)",
    warn_if = "> 0",
    error_if = "> 1",
) }}

{#
    The JSON objects of the newest run's loads have the columns as keys, and no others: a new key
    warns, and a key that earlier loads had and these lack fails. Guards raw.staging_events and
    raw.staging_songs against a source that changed. Without it nobody would notice: COPY ignores keys
    that it does not know, and leaves a column null when its key is gone.
#}

with

keys as (

    select
        loads.run_id,
        loads.target_table,
        lower(seen.json_key) as json_key,
        max(loads.load_id) as load_id
    from {{ source('sparkify', 'load_keys') }} as seen
    inner join {{ ref('stg_sparkify__load_history') }} as loads
        on seen.load_id = loads.load_id
    where loads.status = 'loaded'
        and {{ is_of_load_to_compare('seen.load_id') }}
    group by loads.run_id, loads.target_table, lower(seen.json_key)

),

ranked as (

    select
        *,
        max(load_id) over (partition by target_table) as newest_load_id,
        max(load_id) over (partition by target_table, run_id) as newest_of_run
    from keys

),

by_key as (

    select
        target_table,
        json_key,
        max(case when newest_of_run = newest_load_id then 1 else 0 end) as is_in_newest_run
    from ranked
    group by target_table, json_key

),

judged as (

    select
        *,
        case
            when {{ is_source_key('target_table', 'json_key') }} then 1
            else 0
        end as is_column
    from by_key

)

select
    target_table,
    json_key,
    is_column as is_lost
from judged
where is_column != is_in_newest_run
    and (is_column = 1 or is_in_newest_run = 1)
