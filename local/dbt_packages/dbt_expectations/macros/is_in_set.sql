{% macro is_in_set(value, value_set, quote_values) %}
    {%- set members = [] -%}
    {%- for member in value_set -%}
        {%- do members.append(dbt.string_literal(member) if quote_values else member) -%}
    {%- endfor -%}
    {{- value }} is not null and {{ value }} in ({{ members | join(', ') }})
{%- endmacro %}
