{# dist: as-of joins with songplays stay on the node. #}
{{
    config(
        unique_key='user_id',
        dist='user_id',
        sort=['user_id', 'valid_from']
    )
}}

with

levels_by_day as (

    select * from {{ ref('int_user_levels_by_day') }}
    where {{ is_affected('user_id', by=['user_id']) }}

),

compared as (

    select
        *,
        lag(level) over (partition by user_id order by started_at) as previous_level
    from levels_by_day

),

changes as (

    select
        user_id,
        level,
        started_at as valid_from,
        lead(started_at) over (partition by user_id order by started_at) as valid_to
    from compared
    where previous_level is null or previous_level != level

),

final as (

    select
        user_id,
        level,
        valid_from,
        valid_to,
        valid_to is null as is_current
    from changes

)

select * from final
