{# sort: session ids grow with time, so that zone maps prune by them and by started_at. #}
{{ config(unique_key='session_id', sort='session_id') }}

with

plays as (

    select
        *,
        row_number() over (
            partition by user_id, session_id
            order by start_time asc, item_in_session asc, songplay_id asc
        ) as play_number
    from {{ ref('songplays') }}
    where user_id is not null
        and {{ is_day_of_affected_session('start_time') }}
        and {{ is_affected('session_id', by=['session_id']) }}

),

sessions as (

    select
        user_id,
        session_id,
        max(case when play_number = 1 then level end) as first_level,
        min(start_time) as started_at,
        max(start_time) as last_play_at,
        count(*) as plays
    from plays
    group by user_id, session_id

),

final as (

    select
        user_id,
        session_id,
        first_level,
        started_at,
        last_play_at,
        plays,
        datediff(second, started_at, last_play_at) as duration_seconds
    from sessions

)

select * from final
