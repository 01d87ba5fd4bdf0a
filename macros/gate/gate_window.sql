{% macro gate_window() -%}
    {% if 'gate_window' in model %}
        {{ return(model['gate_window']) }}
    {% endif %}
    {% set schema = sql_literal(target.schema) %}
    {% set after = run_query(
        "select coalesce(max(through_load_id), 0) as load_id from ops.gates where target_schema = "
        ~ schema
    ).rows[0]['load_id'] | int %}
    {% set newest = run_query(
        "select coalesce(max(through_load_id), 0) as load_id from ops.run_lock where target_schema = "
        ~ schema
    ).rows[0]['load_id'] | int %}
    {% set parents = [] %}
    {% for unique_id in model.depends_on.nodes if unique_id in graph.nodes %}
        {% set config = graph.nodes[unique_id].config %}
        {% if config.materialized == 'incremental'
            and config.meta.get('affected_by') != ['all_time'] %}
            {% do parents.append(graph.nodes[unique_id].name) %}
        {% endif %}
    {% endfor %}
    {% set through = watermarks(parents).values() | min if parents else newest %}
    {% set removed = run_query(
        "select coalesce(max(removed_through_load_id), 0) as load_id from ops.retention"
    ).rows[0]['load_id'] | int %}
    {# A table behind the last green gate was set back since; of changes that are no longer in the
       feed nobody knows the keys. All is judged. #}
    {% set is_known = after <= through and after >= removed %}
    {% set window = {'after': after if is_known else -1, 'through': through} %}
    {% do model.update({'gate_window': window}) %}
    {{ return(window) }}
{%- endmacro %}
