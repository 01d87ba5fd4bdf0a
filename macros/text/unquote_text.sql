{% macro unquote_text(column) -%}
    {#- Only a pair goes: trimming each end by itself would cut `Opera "Mini"`. -#}
    {%- set text = clean_text(column) -%}
    {%- set within = "substring(" ~ text ~ ", 2, len(" ~ text ~ ") - 2)" -%}
    case
        when {{ text }} like '"%"' then {{ clean_text(within) }}
        else {{ text }}
    end
{%- endmacro %}
