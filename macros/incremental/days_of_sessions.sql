{% macro days_of_sessions(sessions, keys, days, margin=0) -%}
    {% set one_day = modules.datetime.timedelta(days=1) %}
    {% set found = run_query(
        "select distinct trunc(started_at) as first_day, trunc(last_play_at) as last_day from "
        ~ sessions ~ " where " ~ within_keys('session_id', keys)
    ).rows %}
    {% set all_days = days | map('string') | list %}
    {% for session in found %}
        {% set lasted = (session['last_day'] - session['first_day']).days %}
        {% for number in range(-margin, lasted + 1 + margin) %}
            {% do all_days.append((session['first_day'] + one_day * number) | string) %}
        {% endfor %}
    {% endfor %}
    {{ return(all_days | unique | sort) }}
{%- endmacro %}
