{#
    The level on a play is the level of the period in user_levels that the play falls in. Guards
    user_levels and songplays. Without it a lost flip or a period with a wrong end would put plays on
    a level that the user did not have. A play is left out when another event of its user in the same
    millisecond came later in the session: the period follows that one.
#}

with

plays as (

    select * from {{ ref('songplays') }}
    where user_id is not null
        and {{ is_judged(ref('songplays')) }}

),

moments as (

    select
        user_id,
        event_at,
        count(distinct level) as levels
    from {{ ref('int_events_deduplicated') }}
    where {{ is_judged(ref('songplays'), 'event_date') }}
    group by user_id, event_at

),

periods as (

    select * from {{ ref('user_levels') }}

)

select
    plays.songplay_id,
    plays.user_id,
    plays.start_time,
    plays.level as actual_level,
    periods.level as expected_level
from plays
inner join moments
    on plays.user_id = moments.user_id
    and plays.start_time = moments.event_at
    and moments.levels = 1
left join periods
    on plays.user_id = periods.user_id
    and plays.start_time >= periods.valid_from
    and (plays.start_time < periods.valid_to or periods.valid_to is null)
where periods.level is null
    or plays.level != periods.level
