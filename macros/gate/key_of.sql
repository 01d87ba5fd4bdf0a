{% macro key_of(relation) -%}
    {% for node in (graph.nodes.values() | list) + (graph.sources.values() | list)
        if node.resource_type in ('model', 'source') and node.relation_name == relation | string %}
        {% if node.config.meta.get('judged_by') %}
            {{ return(node.config.meta.judged_by) }}
        {% elif node.config.get('unique_key') and node.config.meta.get('affected_by') %}
            {{ return({'column': node.config.unique_key, 'by': node.config.meta.affected_by}) }}
        {% endif %}
    {% endfor %}
    {{ return(none) }}
{%- endmacro %}
