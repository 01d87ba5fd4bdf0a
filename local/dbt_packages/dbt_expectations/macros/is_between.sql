{% macro is_between(value, min_value, max_value, strictly) %}
    {%- set bounds = [] -%}
    {%- if min_value is not none -%}
        {%- do bounds.append(value ~ (' > ' if strictly else ' >= ') ~ min_value) -%}
    {%- endif -%}
    {%- if max_value is not none -%}
        {%- do bounds.append(value ~ (' < ' if strictly else ' <= ') ~ max_value) -%}
    {%- endif -%}
    {%- if not bounds -%}
        {%- do exceptions.raise_compiler_error('A range needs min_value, max_value or both.') -%}
    {%- endif -%}
    {{- bounds | join(' and ') -}}
{% endmacro %}
