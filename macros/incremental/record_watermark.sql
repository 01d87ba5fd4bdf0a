{% macro record_watermark() -%}
    {% if not execute %}
        {{ return('') }}
    {% endif %}
    {# An hourly run leaves what waits for the day's whole run as it was. #}
    {% if model.get('is_replaced_in_part')
        and model.config.meta.get('affected_by') == ['all_time']
        and not is_whole_run() %}
        {{ return('') }}
    {% endif %}
    {% set through = load_window().through %}
    {% if reads_part_of_its_inputs() %}
        {# What was replaced in part is as it was; what was built whole holds no load at all. #}
        {% if model.get('is_replaced_in_part') %}
            {{ return('') }}
        {% endif %}
        {% set through = 0 %}
    {% endif %}
    insert into ops.watermarks
    values (
        {{ sql_literal(target.schema) }},
        '{{ model.name }}',
        {{ through }},
        {{ sql_literal(run_id()) }},
        sysdate
    )
{%- endmacro %}
