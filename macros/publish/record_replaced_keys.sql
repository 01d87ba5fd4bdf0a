{% macro record_replaced_keys() -%}
    {%- if not execute or not is_built_apart(model) -%}
        {{ return('') }}
    {%- endif -%}
    {%- set by = model.config.meta.affected_by -%}
    {%- set is_by_day = is_incremental() and by[0] == 'event_date' -%}
    {%- set days = changed_days(by_songs='song_id' in by) if is_by_day else [] -%}
    {%- if is_by_day and not days -%}
        {{ return('') }}
    {%- endif -%}
    insert into ops.replaced_keys (target_schema, model, key_value, recorded_at)
    {% if not is_incremental() -%}
        values ({{ sql_literal(target.schema) }}, '{{ model.name }}', null, sysdate)
    {%- elif is_by_day -%}
        values
        {%- for day in days %}
        ({{ sql_literal(target.schema) }}, '{{ model.name }}', '{{ day }}', sysdate)
            {{- ',' if not loop.last }}
        {%- endfor %}
    {%- else -%}
        select distinct
            {{ sql_literal(target.schema) }},
            '{{ model.name }}',
            key_value,
            sysdate
        from ({{ changed_keys(by[0]) }}) as changes
    {%- endif %}
{%- endmacro %}
