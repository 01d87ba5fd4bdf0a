{% macro record_run_results(results) -%}
    {% set executed = results | selectattr('status', 'ne', 'skipped') | list %}
    {% if not executed or not changes_warehouse() %}
        {{ return('') }}
    {% endif %}
    insert into ops.node_runs values
    {%- for result in executed %}
    (
        '{{ target.schema }}',
        '{{ run_id() }}',
        '{{ result.node.name }}',
        '{{ result.node.resource_type }}',
        '{{ result.status }}',
        {{ result.failures if result.failures is not none else 'null' }},
        {{ result.execution_time }},
        sysdate
    ){{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
