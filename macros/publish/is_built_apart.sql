{% macro is_built_apart(node) -%}
    {{ return(
        target.schema == var('production_schema')
        and not target.name.startswith('published')
        and node.resource_type == 'model'
        and node.config.get('access') == 'public'
    ) }}
{%- endmacro %}
