{% macro record_run_results(results) -%}
    {% set executed = results | selectattr('status', 'ne', 'skipped') | list %}
    {# A test of --empty or --sample judged a part: nothing may be published by it. #}
    {% if reads_part_of_its_inputs() %}
        {% set executed = executed | rejectattr('node.resource_type', 'eq', 'test') | list %}
    {% endif %}
    {% if not executed or not changes_warehouse() %}
        {{ return('') }}
    {% endif %}
    insert into ops.node_runs
    (target_schema, run_id, node, resource_type, relation, status, failures, seconds, finished_at)
    values
    {%- for result in executed %}
    (
        {{ sql_literal(target.schema) }},
        {{ sql_literal(run_id()) }},
        '{{ result.node.name }}',
        '{{ result.node.resource_type }}',
        {{ sql_literal(result.node.relation_name) if result.node.relation_name else 'null' }},
        '{{ result.status }}',
        {{ result.failures if result.failures is not none else 'null' }},
        {{ result.execution_time }},
        sysdate
    ){{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
