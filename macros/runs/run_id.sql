{% macro run_id() -%}
    {# Not while dbt parses: it would parse every model anew that a run of another name reads. #}
    {{ return(env_var('SPARKIFY_RUN_ID', invocation_id) if execute else '') }}
{%- endmacro %}
