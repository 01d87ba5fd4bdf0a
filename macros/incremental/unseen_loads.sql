{% macro unseen_loads() -%}
    {% if 'unseen_loads' not in model %}
        {# A model may read as far as the slowest of the incremental models it selects from, and
           never past the newest load at the start of the run. #}
        {% set parents = [] %}
        {% for unique_id in model.depends_on.nodes if unique_id in graph.nodes %}
            {% set parent = graph.nodes[unique_id] %}
            {% if parent.config.materialized == 'incremental' %}
                {% do parents.append(parent.name) %}
            {% endif %}
        {% endfor %}
        {% set row = run_query(
            "select
                (
                    select coalesce(max(through_load_id), 0)
                    from ops.watermarks
                    where target_schema = '" ~ target.schema ~ "' and model = '" ~ model.name ~ "'
                ) as after_load_id,
                " ~ ("(
                    select coalesce(min(reached), 0) from (
                        select model, max(through_load_id) as reached
                        from ops.watermarks
                        where target_schema = '" ~ target.schema ~ "'
                            and model in ('" ~ parents | join("', '") ~ "')
                        group by model
                    )
                )" if parents else "(
                    select coalesce(max(through_load_id), 0)
                    from ops.run_lock
                    where target_schema = '" ~ target.schema ~ "'
                )") ~ " as through_load_id"
        ).rows[0] %}
        {% do model.update({
            'unseen_loads': {
                'after': row['after_load_id'] | int,
                'through': row['through_load_id'] | int,
            }
        }) %}
    {% endif %}
    {{ return(model['unseen_loads']) }}
{%- endmacro %}
