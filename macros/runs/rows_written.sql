{% macro rows_written(result) -%}
    {% set node = result.node %}
    {# Of the last statement. CREATE TABLE AS need not say, but it builds all rows. #}
    {% set written = result.adapter_response.get('rows_affected', -1) | int %}
    {% if written < 0 %}
        {% set written = run_query('select count(*) from ' ~ node.relation_name)[0][0] | int %}
    {% endif %}
    {{ return(
        node.schema ~ '.' ~ node.alias ~ ': ' ~ '{:,}'.format(written) ~ ' rows written in '
        ~ '{:.1f}'.format(result.execution_time) ~ ' s'
    ) }}
{%- endmacro %}
