{% macro gate_days(by) -%}
    {% set days = run_query(
        "select distinct key_value as day from (" ~ gate_keys('event_date') ~ ") as keys order by day"
    ).columns[0].values() | list %}
    {% if 'month' in by %}
        {{ return(days_of_months(days)) }}
    {% endif %}
    {{ return(days_of_weeks(days) if 'week' in by else days) }}
{%- endmacro %}
