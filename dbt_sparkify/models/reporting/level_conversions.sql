{{ config(unique_key='user_id', sort='user_id') }}

with

periods as (

    select
        *,
        lag(level) over (partition by user_id order by valid_from) as previous_level,
        lag(valid_from) over (partition by user_id order by valid_from) as previous_valid_from,
        row_number() over (partition by user_id order by valid_from) as period_number
    from {{ ref('user_levels') }}
    where {{ is_affected('user_id', by=['user_id']) }}

),

users as (

    select * from {{ ref('users') }}

),

conversions as (

    select
        periods.user_id,
        periods.valid_from as converted_at,
        periods.previous_level || '_to_' || periods.level as direction,
        periods.period_number - 1 as conversion_number,
        datediff(second, periods.previous_valid_from, periods.valid_from) as seconds_on_previous,
        datediff(second, users.registered_at, periods.valid_from) as seconds_since_registration
    from periods
    inner join users on periods.user_id = users.user_id
    where periods.previous_level is not null

),

final as (

    select
        user_id,
        converted_at,
        direction,
        conversion_number,
        cast(seconds_on_previous as double precision) / 86400 as days_on_previous_level,
        cast(seconds_since_registration as double precision) / 86400 as days_since_registration
    from conversions

)

select * from final
