{% macro check_change_feed(after) -%}
    {% if 'change_feed_begins_behind' not in model %}
        {% do model.update({'change_feed_begins_behind': run_query(
            "select coalesce(max(removed_through_load_id), 0) as load_id from ops.retention"
        ).rows[0]['load_id'] | int}) %}
    {% endif %}
    {% set begins_behind = model['change_feed_begins_behind'] %}
    {% if after < begins_behind %}
        {{ exceptions.raise_compiler_error(
            model.name ~ " is complete through load " ~ after ~ ", but the changes of loads up to "
            ~ begins_behind ~ " have been removed as too old (SPARKIFY_RETENTION_DAYS). Nothing was "
            ~ "changed. Rebuild it and what reads it: dbt build --full-refresh --select "
            ~ model.name ~ "+"
        ) }}
    {% endif %}
{%- endmacro %}
