{# sort: days are replaced whole. #}
{{
    config(
        unique_key='event_date',
        dist='user_id',
        sort='event_date'
    )
}}

with

events as (

    select * from {{ ref('int_events_deduplicated') }}
    where user_id is not null
        and {{ is_affected('event_date', by=['event_date']) }}

),

{# Of events in the same millisecond the last by session and item holds, so that no level lasts for
   no time at all. #}
last_of_each_moment as (

    select
        *,
        row_number() over (
            partition by user_id, event_at
            order by session_id desc, item_in_session desc
        ) as reverse_position
    from events

),

moments as (

    select
        *,
        lag(level) over (partition by user_id, event_date order by event_at) as previous_level
    from last_of_each_moment
    where reverse_position = 1

),

numbered as (

    select
        *,
        sum(case when level = previous_level then 0 else 1 end) over (
            partition by user_id, event_date
            order by event_at
            rows between unbounded preceding and current row
        ) as run_number
    from moments

),

ranked as (

    select
        *,
        min(event_at) over (partition by user_id, event_date, run_number) as started_at,
        row_number() over (
            partition by user_id, event_date, run_number
            order by event_at desc
        ) as reverse_number
    from numbered

),

final as (

    select
        user_id,
        event_date,
        run_number,
        level,
        started_at,
        event_at as ended_at,
        first_name,
        last_name,
        gender,
        registered_at
    from ranked
    where reverse_number = 1

)

select * from final
