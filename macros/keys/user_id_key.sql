{% macro user_id_key(userid) -%}
    {#- Eighteen digits always fit a bigint. -#}
    case
        when {{ clean_text(userid) }} ~ '^[0-9]{1,18}$' then cast({{ clean_text(userid) }} as bigint)
    end
{%- endmacro %}
