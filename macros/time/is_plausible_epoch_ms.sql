{% macro is_plausible_epoch_ms(column) -%}
    {#- From 2000-01-01 to 2100-01-01: seconds fall before it, microseconds after it. -#}
    ({{ column }} >= 946684800000 and {{ column }} < 4102444800000)
{%- endmacro %}
