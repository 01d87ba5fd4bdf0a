{# A user agent also names its ancestors: Chrome says Safari, Edge says Chrome, Android says Linux.
   So the order of the cases decides.
   unique_key: all rows are replaced together. #}
{{ config(unique_key='device_family') }}

with

plays as (

    select
        *,
        case
            when user_agent is null then 'Unknown'
            when user_agent like '%iPhone%' then 'iPhone'
            when user_agent like '%iPad%' then 'iPad'
            when user_agent like '%Android%' then 'Android'
            when user_agent like '%Windows%' then 'Windows'
            when user_agent like '%Macintosh%' then 'Mac'
            when user_agent like '%Linux%' then 'Linux'
            else 'Other'
        end as device_family,
        case
            when user_agent is null then 'Unknown'
            when user_agent like '%MSIE %' or user_agent like '%Trident/%' then 'Internet Explorer'
            when user_agent like '%Edge/%' or user_agent like '%Edg/%' then 'Edge'
            when user_agent like '%OPR/%' or user_agent like '%Opera%' then 'Opera'
            when user_agent like '%Firefox/%' or user_agent like '%FxiOS/%' then 'Firefox'
            when user_agent like '%Chromium/%' then 'Chromium'
            when user_agent like '%Chrome/%' or user_agent like '%CriOS/%' then 'Chrome'
            when user_agent like '%Safari/%' then 'Safari'
            else 'Other'
        end as browser_family
    from {{ ref('songplays') }}
    where {{ is_affected('device_family', by=['all_time']) }}

),

devices as (

    select
        device_family,
        browser_family,
        count(*) as plays,
        count(distinct user_id) as listeners,
        sum(case when level = 'paid' then 1 else 0 end) as paid_plays
    from plays
    group by device_family, browser_family

),

final as (

    select
        device_family,
        browser_family,
        plays,
        listeners,
        cast(paid_plays as double precision) / plays as paid_play_share
    from devices

)

select * from final
