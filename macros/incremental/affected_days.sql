{% macro affected_days(by) -%}
    {% set days = changed_days(by_songs='song_id' in by) %}
    {{ return(days_of_weeks(days) if 'week' in by else days) }}
{%- endmacro %}
