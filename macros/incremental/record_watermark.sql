{% macro record_watermark() -%}
    insert into ops.watermarks
    select
        '{{ target.schema }}',
        '{{ model.name }}',
        {{ unseen_loads().through if execute else 0 }},
        '{{ run_id() }}',
        sysdate
{%- endmacro %}
