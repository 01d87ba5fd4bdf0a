{% macro watermarks(models) -%}
    {# The newest row counts, not the greatest: a full refresh may set a watermark back. #}
    {% set rows = run_query(
        "select model, through_load_id
        from ops.watermarks
        where target_schema = " ~ sql_literal(target.schema) ~ "
            and model in ('" ~ models | join("', '") ~ "')
        qualify row_number() over (partition by model order by recorded_at desc) = 1"
    ).rows %}
    {% set reached = {} %}
    {% for name in models %}
        {% do reached.update({name: 0}) %}
    {% endfor %}
    {% for row in rows %}
        {% do reached.update({row['model']: row['through_load_id'] | int}) %}
    {% endfor %}
    {{ return(reached) }}
{%- endmacro %}
