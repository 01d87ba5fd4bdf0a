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
    {# A table that is behind the last green gate was set back since: all of it is judged. #}
    {% set window = {'after': after if through >= after else -1, 'through': through} %}
    {% do model.update({'gate_window': window}) %}
    {{ return(window) }}
{%- endmacro %}
