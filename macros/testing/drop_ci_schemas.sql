{% macro drop_ci_schemas() -%}
    {% if not modules.re.fullmatch('pr_[0-9]+', target.schema) %}
        {{ exceptions.raise_compiler_error(
            "Only a pull request's schemas are dropped; " ~ target.schema ~ " is none: pr_<number>."
        ) }}
    {% endif %}

    {% set schemas = run_query(
        "select nspname from pg_namespace
        where nspname = '" ~ target.schema ~ "'
            or left(nspname, " ~ (target.schema | length + 1) ~ ") = '" ~ target.schema ~ "_'
        order by nspname"
    ).columns[0].values() %}
    {% for schema in schemas %}
        {% do run_query('drop schema if exists "' ~ schema ~ '" cascade') %}
    {% endfor %}
    {% for book in ['run_lock', 'watermarks', 'node_runs'] %}
        {% do run_query(
            "delete from ops." ~ book ~ " where target_schema = '" ~ target.schema ~ "'"
        ) %}
    {% endfor %}
    {{ log("Dropped " ~ (schemas | join(", ") or "nothing"), info=true) }}
{%- endmacro %}
