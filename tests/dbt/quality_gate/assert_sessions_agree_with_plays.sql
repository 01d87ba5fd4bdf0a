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

select
    coalesce(expected.user_id, actual.user_id) as user_id,
    expected.sessions as expected_sessions,
    actual.sessions as actual_sessions,
    expected.plays as expected_plays,
    actual.plays as actual_plays
from expected
full outer join actual on expected.user_id = actual.user_id
where expected.user_id is null
    or actual.user_id is null
    or expected.sessions != actual.sessions
    or expected.plays != actual.plays
