{% macro plays_by_period(plays) -%}
    select
        plays.*,
        period_types.period_type,
        case period_types.period_type
            when 'day' then trunc(plays.start_time)
            else trunc(date_trunc('week', plays.start_time))
        end as period_start
    from {{ plays }} as plays
    cross join (
        select cast('day' as varchar(8)) as period_type
        union all
        select cast('week' as varchar(8)) as period_type
    ) as period_types
    where {{ is_affected('plays.start_time', by=['event_date', 'week', 'all_time']) }}

    union all

    select
        plays.*,
        cast('all_time' as varchar(8)) as period_type,
        trunc(min(plays.start_time) over ()) as period_start
    from {{ plays }} as plays
    where {{ not is_incremental() or rebuilds_all_time(['all_time']) }}
{%- endmacro %}
