{#
    A user with n periods in user_levels has n - 1 changes of level. Guards level_conversions. Without
    it a join that drops users, or a first period that is taken for a change, would bend the rate of
    conversion.
#}

with

expected as (

    select
        user_id,
        count(*) - 1 as conversions
    from {{ ref('user_levels') }}
    group by user_id

),

actual as (

    select
        user_id,
        count(*) as conversions
    from {{ ref('level_conversions') }}
    group by user_id

)

select
    coalesce(expected.user_id, actual.user_id) as user_id,
    coalesce(expected.conversions, 0) as expected_conversions,
    coalesce(actual.conversions, 0) as actual_conversions
from expected
full outer join actual on expected.user_id = actual.user_id
where coalesce(expected.conversions, 0) != coalesce(actual.conversions, 0)
