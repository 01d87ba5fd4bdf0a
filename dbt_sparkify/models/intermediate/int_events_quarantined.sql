{# sort: days are replaced whole. #}
{{
    config(
        unique_key='event_date',
        dist='even',
        sort='event_date'
    )
}}

{%- set columns = documented_columns('stg_sparkify__events', except=['_load_id']) %}

with

events as (

    {# On ts first: it is the sort key of the source. Rows without a plausible time lie outside of
       all its ranges. #}
    select * from {{ ref('stg_sparkify__events') }}
    where quarantine_reason is not null
        and (
            {{ is_affected('ts', by=['event_date'], in_epoch_ms=true) }}
            or ts is null
            or not {{ is_plausible_epoch_ms('ts') }}
        )
        and {{ is_affected('event_date', by=['event_date']) }}

),

numbered as (

    select
        *,
        row_number() over (
            partition by _partition, event_date
            order by {{ columns | join(' desc nulls last, ') }} desc nulls last
        ) as number_in_key
    from events

),

final as (

    select
        md5(_partition || '|' || event_date || '|' || number_in_key) as quarantine_id,
        {{ columns | join(', ') }}
    from numbered

)

select * from final
