{#
    A user's changes of level alternate in direction and are numbered in order of time. Guards
    level_conversions. Without it a user could go from free to paid twice in a row, and the conversion
    would be counted twice.
#}

with

conversions as (

    select
        *,
        lag(direction) over (partition by user_id order by conversion_number) as direction_before,
        lag(converted_at) over (partition by user_id order by conversion_number)
            as converted_at_before,
        row_number() over (partition by user_id order by converted_at) as expected_number
    from {{ ref('level_conversions') }}
    where {{ is_judged(ref('level_conversions')) }}

)

select
    user_id,
    converted_at_before,
    converted_at,
    direction_before,
    direction,
    expected_number,
    conversion_number as actual_number
from conversions
where direction = direction_before
    or converted_at <= converted_at_before
    or conversion_number != expected_number
