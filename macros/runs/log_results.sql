{% macro log_results(results) -%}
    {% if not changes_warehouse() %}
        {{ return('') }}
    {% endif %}
    {% for result in results %}
        {% set node = result.node %}
        {% if node.resource_type == 'model'
            and result.status == 'success'
            and node.config.materialized in ['table', 'incremental'] %}
            {# What the last statement put in. Only CREATE TABLE AS, which builds all, need not say. #}
            {% set written = result.adapter_response.get('rows_affected', -1) | int %}
            {% if written < 0 %}
                {% set written = run_query('select count(*) from ' ~ node.relation_name)[0][0] | int %}
            {% endif %}
            {{ log(
                node.schema ~ '.' ~ node.alias ~ ': ' ~ '{:,}'.format(written) ~ ' rows written in '
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
