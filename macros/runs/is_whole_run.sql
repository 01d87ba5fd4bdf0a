{% macro is_whole_run() -%}
    {# Not while dbt parses: it would parse every node anew in a run of the other kind. #}
    {{ return(not execute or env_var('SPARKIFY_WHOLE_RUN', 'true') != 'false') }}
{%- endmacro %}
