{% macro unquote_text(column) -%}
    {#- Only a pair goes: trimming each end by itself would cut `Opera "Mini"`. Most texts have no
        blanks around them, and are not trimmed before one looks for the pair. -#}
    {%- set text = clean_text(column) -%}
    {%- set within = "substring(%s, 2, len(%s) - 2)" -%}
    case
        when {{ column }} like '"%"' then {{ clean_text(within % (column, column)) }}
        when {{ text }} like '"%"' then {{ clean_text(within % (text, text)) }}
        else {{ text }}
    end
{%- endmacro %}
