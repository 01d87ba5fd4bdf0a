{% macro days_of_months(days) -%}
    {% set one_day = modules.datetime.timedelta(days=1) %}
    {% set whole_months = [] %}
    {% for month in days | map('string') | map('truncate', 7, true, '', 0) | unique | sort %}
        {% set first = modules.datetime.date.fromisoformat(month ~ '-01') %}
        {% for number in range(31) %}
            {% set day = first + one_day * number %}
            {% if day.month == first.month %}
                {% do whole_months.append(day) %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {{ return(whole_months) }}
{%- endmacro %}
