{#
    A user's sessions are those of the user's plays, and hold each of them once. Guards sessions.
    Without it two users under one session number, or a play that falls out, would make sessions
    longer or shorter than they were.
#}

with

expected as (

    select
        user_id,
        count(distinct session_id) as sessions,
        count(*) as plays
    from {{ ref('songplays') }}
    where user_id is not null
    group by user_id

),

actual as (

    select
        user_id,
        count(*) as sessions,
        sum(plays) as plays
    from {{ ref('sessions') }}
    group by user_id

)

{{ compare(['user_id'], ['sessions', 'plays']) }}
