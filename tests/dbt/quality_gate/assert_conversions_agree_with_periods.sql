{#
    A user with n periods in user_levels has n - 1 changes of level. Guards level_conversions. Without
    it a join that drops users, or a first period that is taken for a change, would distort the rate of
    conversion.
#}

with

expected as (

    select
        user_id,
        count(*) - 1 as conversions
    from {{ ref('user_levels') }}
    where {{ is_judged(ref('user_levels')) }}
    group by user_id
    having count(*) > 1

),

actual as (

    select
        user_id,
        count(*) as conversions
    from {{ ref('level_conversions') }}
    where {{ is_judged(ref('level_conversions')) }}
    group by user_id

)

{{ compare(['user_id'], ['conversions']) }}
