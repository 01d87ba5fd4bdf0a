{% macro public_columns(test) -%}
    {% set public, personal = [], [] %}
    {% for unique_id in test.depends_on.nodes %}
        {% set parent = graph.nodes.get(unique_id) or graph.sources.get(unique_id) %}
        {% for column in (parent.columns if parent else {}).values() %}
            {% if column.config.meta.contains_pii or column.meta.contains_pii %}
                {% do personal.append(column.name | lower) %}
            {% else %}
                {% do public.append(column.name | lower) %}
            {% endif %}
        {% endfor %}
    {% endfor %}
    {# What dbt's generic tests call the value of the column that they test. #}
    {% if test.column_name and test.column_name | lower not in personal %}
        {% do public.extend(['unique_field', 'value_field', 'from_field']) %}
    {% endif %}
    {{ return(public | reject('in', personal) | list) }}
{%- endmacro %}
