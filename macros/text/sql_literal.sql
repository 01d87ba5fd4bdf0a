{% macro sql_literal(text) -%}
    '{{ text | string | replace("\\", "\\\\") | replace("'", "''") }}'
{%- endmacro %}
