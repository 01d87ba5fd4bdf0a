{% macro replaced_keys(by) -%}
    {# What a model without keys changes, such as one that appends, nobody knows. #}
    {% if not by or not is_incremental() or rebuilds_all_time(by) %}
        {{ return("select cast(null as varchar(256)) as key_value") }}
    {% elif by[0] == 'all_time' %}
        {{ return(none) }}
    {% elif by[0] != 'event_date' %}
        {{ return(changed_keys(by[0])) }}
    {% endif %}
    {% set rows = [] %}
    {% for day in affected_days(by) %}
        {% do rows.append("select cast('" ~ day ~ "' as varchar(256)) as key_value") %}
    {% endfor %}
    {{ return(rows | join(" union all ") if rows else none) }}
{%- endmacro %}
