{% macro log_results(results) -%}
    {%- for result in results if changes_warehouse() -%}
        {%- set node = result.node -%}
        {%- if node.resource_type == 'model'
            and result.status == 'success'
            and node.config.materialized in ['table', 'incremental'] -%}
            {%- do log(rows_written(result), info=true) -%}
        {%- elif node.resource_type == 'test'
            and result.failures
            and node.relation_name
            and node.config.store_failures -%}
            {%- do log(failing_rows(result), info=true) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}
