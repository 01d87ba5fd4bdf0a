{#
    Each user has exactly one current period, and it bears the user's level. Guards users and
    user_levels. Without it a user could stand twice, once for each level, or be stuck on an old one
    after a late load.
#}

with

current_periods as (

    select
        user_id,
        max(level) as level,
        count(*) as periods
    from {{ ref('user_levels') }}
    where is_current
    group by user_id

),

users as (

    select * from {{ ref('users') }}

)

select
    coalesce(users.user_id, current_periods.user_id) as user_id,
    users.level as expected_level,
    current_periods.level as actual_level,
    current_periods.periods
from users
full outer join current_periods on users.user_id = current_periods.user_id
where users.user_id is null
    or current_periods.user_id is null
    or current_periods.periods != 1
    or users.level != current_periods.level
