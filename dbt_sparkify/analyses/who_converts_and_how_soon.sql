{# How many of the users who were ever on a level left it, and after how many days. The days before
   a user's first change count from the first event in the logs, so they are a lower bound. #}
with

levels as (

    select
        level,
        count(distinct user_id) as users
    from {{ ref('user_levels') }}
    group by level

),

{# Directions alternate, so a user's first change in each direction is among the first two. #}
conversions as (

    select
        direction,
        split_part(direction, '_', 1) as level,
        count(*) as users,
        median(days_on_previous_level) as median_days_on_level,
        avg(days_since_registration) as mean_days_since_registration
    from {{ ref('level_conversions') }}
    where conversion_number <= 2
    group by direction

)

select
    conversions.direction,
    levels.users as users_on_level,
    conversions.users as users_converted,
    conversions.median_days_on_level,
    conversions.mean_days_since_registration,
    cast(conversions.users as double precision) / levels.users as conversion_rate
from conversions
inner join levels on conversions.level = levels.level
order by conversions.direction
