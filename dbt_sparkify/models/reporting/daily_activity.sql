{# sort: days are replaced and read by range. #}
{{ config(unique_key='activity_date', sort='activity_date') }}

with

plays as (

    select
        *,
        trunc(start_time) as activity_date,
        cast(user_id as varchar) || '-' || cast(session_id as varchar) as user_session
    from {{ ref('songplays') }}
    where {{ is_affected('start_time', by=['event_date']) }}

),

days as (

    select
        activity_date,
        count(*) as plays,
        count(distinct user_id) as listeners,
        count(distinct user_session) as sessions,
        sum(case when level = 'paid' then 1 else 0 end) as paid_plays
    from plays
    group by activity_date

),

final as (

    select
        activity_date,
        plays,
        listeners,
        sessions,
        paid_plays,
        cast(paid_plays as double precision) / plays as paid_play_share
    from days

)

select * from final
