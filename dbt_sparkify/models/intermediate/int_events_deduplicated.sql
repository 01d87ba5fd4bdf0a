{# dist: the heavy readers group by user; sort: days are replaced whole and read by range. #}
{{
    config(
        unique_key='event_date',
        dist='user_id',
        sort='event_date'
    )
}}

{%- set columns = documented_columns('stg_sparkify__events', except=[
    'ts', 'quarantine_reason', 'given_user_id', 'given_registration', '_partition', '_loaded_at',
    '_load_id'
]) %}

with

events as (

    {# On ts: it is the sort key of the source, and the date is computed from it. #}
    select * from {{ ref('stg_sparkify__events') }}
    where quarantine_reason is null
        and {{ is_affected('ts', by=['event_date'], in_epoch_ms=true) }}

),

{# Copies of an event may differ. The choice must not depend on the order of the loads, so the
   greatest content counts, column by column. #}
numbered as (

    select
        *,
        row_number() over (
            partition by event_id
            order by {{ columns | join(' desc nulls last, ') }} desc nulls last
        ) as copy_number
    from events

),

final as (

    select {{ columns | join(', ') }}
    from numbered
    where copy_number = 1

)

select * from final
