{% macro tested_relation() -%}
    {{ return(graph.nodes[model.attached_node].relation_name) }}
{%- endmacro %}
