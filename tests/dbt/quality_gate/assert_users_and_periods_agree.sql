{#
    Each user has exactly one current period, and its level is the user's. Guards users and
    user_levels. Without it a user could appear twice, once for each level, or keep an old level after
    a late load.
#}

with

expected as (

    select
        user_id,
        level,
        1 as periods
    from {{ ref('users') }}
    where {{ is_judged(ref('users')) }}

),

actual as (

    select
        user_id,
        max(level) as level,
        count(*) as periods
    from {{ ref('user_levels') }}
    where is_current
        and {{ is_judged(ref('user_levels')) }}
    group by user_id

)

{{ compare(['user_id'], ['level', 'periods']) }}
