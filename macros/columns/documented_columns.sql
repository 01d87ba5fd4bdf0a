{% macro documented_columns(model_name, except=[]) -%}
    {%- set names = [] -%}
    {#- dbt has no graph while it parses. -#}
    {%- set nodes = graph.nodes.values() if execute else [] -%}
    {%- for node in nodes if node.resource_type == 'model' and node.name == model_name -%}
        {%- for name in node.columns if name not in except -%}
            {%- do names.append(name) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(names) }}
{%- endmacro %}
