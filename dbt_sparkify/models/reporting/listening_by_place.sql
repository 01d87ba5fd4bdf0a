{# unique_key: all rows are replaced together. #}
{{ config(unique_key='place') }}

with

plays as (

    select
        *,
        coalesce(location, 'Unknown') as place
    from {{ ref('songplays') }}
    where {{ is_affected('place', by=['all_time']) }}

),

places as (

    select
        place,
        count(*) as plays,
        count(distinct user_id) as listeners,
        sum(case when level = 'paid' then 1 else 0 end) as paid_plays
    from plays
    group by place

),

final as (

    select
        place,
        plays,
        listeners,
        split_part(place, ', ', 1) as area,
        nullif(split_part(place, ', ', 2), '') as states,
        cast(paid_plays as double precision) / plays as paid_play_share
    from places

)

select * from final
