{% macro epoch_ms_to_timestamp(column) -%}
    {#- Whole seconds and milliseconds apart: one product of both would pass through a float. -#}
    case
        when {{ is_plausible_epoch_ms(column) }}
            then
                timestamp 'epoch'
                + cast({{ column }} as bigint) / 1000 * interval '1 second'
                + cast({{ column }} as bigint) % 1000 * interval '0.001 second'
    end
{%- endmacro %}
