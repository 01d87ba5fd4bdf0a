{# dist: on the same node as the user's plays. #}
{{
    config(
        unique_key='user_id',
        dist='user_id',
        sort='user_id'
    )
}}

with

levels_by_day as (

    select * from {{ ref('int_user_levels_by_day') }}
    where {{ is_affected('user_id', by=['user_id']) }}

),

ranked as (

    select
        *,
        min(started_at) over (partition by user_id) as first_seen_at,
        row_number() over (partition by user_id order by ended_at desc) as reverse_number
    from levels_by_day

),

final as (

    select
        user_id,
        first_name,
        last_name,
        gender,
        level,
        registered_at,
        first_seen_at,
        ended_at as last_seen_at
    from ranked
    where reverse_number = 1

)

select * from final
