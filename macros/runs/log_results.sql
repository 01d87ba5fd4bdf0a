{% macro log_results(results) -%}
    {% if not changes_warehouse() %}
        {{ return('') }}
    {% endif %}
    {% for result in results %}
        {% set node = result.node %}
        {% if node.resource_type == 'model'
            and result.status == 'success'
            and node.config.materialized in ['table', 'incremental'] %}
            {% set rows = result.adapter_response.get('rows_affected') %}
            {{ log(
                node.schema ~ '.' ~ node.alias ~ ': ' ~ '{:,}'.format(rows | int) ~ ' rows put in, in '
                ~ '{:.1f}'.format(result.execution_time) ~ ' s',
                info=true
            ) }}
        {% elif node.resource_type == 'test'
            and result.failures
            and node.relation_name
            and node.config.store_failures %}
            {{ log(failing_rows(result), info=true) }}
        {% endif %}
    {% endfor %}
{%- endmacro %}
