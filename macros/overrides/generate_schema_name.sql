{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if is_built_apart(node) -%}
        {{ var('unpublished_schema') }}
    {%- elif custom_schema_name is none -%}
        {{ target.schema }}
    {%- elif target.schema == var('production_schema') -%}
        {{ custom_schema_name | trim }}
    {%- else -%}
        {{ target.schema }}_{{ custom_schema_name | trim }}
    {%- endif -%}
{%- endmacro %}
