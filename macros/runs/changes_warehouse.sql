{% macro changes_warehouse() -%}
    {{ return(execute and flags.WHICH in ['run', 'build', 'test', 'seed', 'snapshot']) }}
{%- endmacro %}
