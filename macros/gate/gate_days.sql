{% macro gate_days(by) -%}
    {% set days = run_query(
        "select distinct key_value as day from (" ~ gate_keys('event_date') ~ ") as keys order by day"
    ).columns[0].values() | list %}
    {% if 'song_id' in by and has_keys(gate_keys('song_id')) %}
        {# Which days a song matched before it changed is known to the build alone. #}
        {% set replaced = replaced_days('songplays') %}
        {% if replaced is none %}
            {{ return(none) }}
        {% endif %}
        {% set days = (days + replaced) | unique | sort %}
    {% endif %}
    {% if 'month' in by %}
        {{ return(days_of_months(days)) }}
    {% endif %}
    {{ return(days_of_weeks(days) if 'week' in by else days) }}
{%- endmacro %}
