{% macro days_of_weeks(days) -%}
    {% set mondays = [] %}
    {% for iso_day in days | map('string') %}
        {% set day = modules.datetime.date.fromisoformat(iso_day) %}
        {% do mondays.append(day - modules.datetime.timedelta(days=day.weekday())) %}
    {% endfor %}
    {% set whole_weeks = [] %}
    {% for monday in mondays | unique | sort %}
        {% for number in range(7) %}
            {% do whole_weeks.append(monday + modules.datetime.timedelta(days=number)) %}
        {% endfor %}
    {% endfor %}
    {{ return(whole_weeks) }}
{%- endmacro %}
