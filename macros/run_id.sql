{% macro run_id() -%}
    {{ return(env_var('SPARKIFY_RUN_ID', invocation_id)) }}
{%- endmacro %}
