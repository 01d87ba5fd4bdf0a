{#
    A user has as many sessions as session ids in the user's plays, and they hold each play once.
    Guards sessions. Without it two users with one session id, or a lost play, would make sessions
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
