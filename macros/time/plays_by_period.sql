{% macro plays_by_period(plays) -%}
    select
        plays.*,
        period_types.period_type,
        case period_types.period_type
            when 'day' then trunc(plays.start_time)
            when 'week' then trunc(date_trunc('week', plays.start_time))
            else trunc(min(plays.start_time) over ())
        end as period_start
    from {{ plays }} as plays
    cross join (
        select 'day' as period_type
        union all
        select 'week' as period_type
        union all
        select 'all_time' as period_type
    ) as period_types
{%- endmacro %}
