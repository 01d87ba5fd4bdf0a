{% macro has_keys(keys) -%}
    {% set found = run_query("select 1 as found from (" ~ keys ~ ") as keys limit 1") %}
    {{ return(found.rows | length > 0) }}
{%- endmacro %}
