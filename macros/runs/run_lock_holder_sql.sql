{% macro run_lock_holder_sql(target_schema) -%}
    select owner, expires_at
    from ops.run_lock
    where target_schema = {{ sql_literal(target_schema) }}
{%- endmacro %}
