{% macro load_window() -%}
    {% if 'load_window' in model %}
        {{ return(model['load_window']) }}
    {% endif %}
    {% set parents = [] %}
    {% for unique_id in model.depends_on.nodes if unique_id in graph.nodes %}
        {% if graph.nodes[unique_id].config.materialized == 'incremental' %}
            {% do parents.append(graph.nodes[unique_id].name) %}
        {% endif %}
    {% endfor %}
    {% set reached = watermarks([model.name] + parents) %}
    {% set after = reached.pop(model.name) %}
    {% set newest = run_query(
        "select coalesce(max(through_load_id), 0) as load_id
        from ops.run_lock
        where target_schema = " ~ sql_literal(target.schema)
    ).rows[0]['load_id'] | int %}
    {% set readable = reached.values() | min if parents else newest %}
    {% set window = {
        'after': after,
        'through': after if reads_part_of_its_inputs() else readable,
    } %}
    {% do model.update({'load_window': window}) %}
    {{ return(window) }}
{%- endmacro %}
