{% macro clean_text(column) -%}
    nullif(btrim({{ column }}, ' \t\r\n'), '')
{%- endmacro %}
