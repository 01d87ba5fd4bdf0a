{#
    Each session has as many plays as songplays has of its user and session id, and no session is
    missing. Guards sessions. Without it two users with one session id, or a lost play, would make
    sessions longer or shorter than they were.
#}

with

expected as (

    select
        user_id,
        session_id,
        count(*) as plays
    from {{ ref('songplays') }}
    where user_id is not null
        and {{ is_day_of_judged_session('start_time') }}
        and {{ is_judged(ref('sessions')) }}
    group by user_id, session_id

),

actual as (

    select
        user_id,
        session_id,
        plays
    from {{ ref('sessions') }}
    where {{ is_judged(ref('sessions')) }}

)

{{ compare(['user_id', 'session_id'], ['plays']) }}
