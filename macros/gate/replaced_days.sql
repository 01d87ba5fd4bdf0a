{% macro replaced_days(model_name) -%}
    {% if target.schema != var('production_schema') %}
        {{ return(none) }}
    {% endif %}
    {% set schema = sql_literal(target.schema) %}
    {% set days = run_query(
        "select distinct key_value as day from ops.replaced_keys where target_schema = " ~ schema
        ~ " and model = '" ~ model_name ~ "' and recorded_at > ("
        ~ "select coalesce(max(recorded_at), timestamp '1970-01-01') "
        ~ "from ops.gates where target_schema = " ~ schema ~ ")"
    ).columns[0].values() | list %}
    {{ return(none if none in days else days) }}
{%- endmacro %}
