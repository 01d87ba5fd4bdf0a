{% macro remember_unseen_loads() -%}
    {% if execute %}
        {% do unseen_loads() %}
    {% endif %}
{%- endmacro %}
