{% macro run_lock_release_sql(target_schema, owner) -%}
    delete from ops.run_lock
    where target_schema = {{ sql_literal(target_schema) }} and owner = {{ sql_literal(owner) }}
{%- endmacro %}
