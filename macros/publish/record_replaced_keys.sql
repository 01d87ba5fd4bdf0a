{% macro record_replaced_keys() -%}
    {% if not execute or not is_built_apart(model) %}
        {{ return('') }}
    {% endif %}
    {% set keys = replaced_keys(model.config.meta.get('affected_by', [])) %}
    {% if keys is none %}
        {{ return('') }}
    {% endif %}
    insert into ops.replaced_keys (target_schema, model, key_value, recorded_at)
    select distinct
        {{ sql_literal(target.schema) }},
        '{{ model.name }}',
        key_value,
        sysdate
    from ({{ keys }}) as replaced
{%- endmacro %}
