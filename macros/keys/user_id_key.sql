{% macro user_id_key(userid) -%}
    {#- Without a regular expression, which takes twice the time. Eighteen digits always fit. -#}
    {%- set text = clean_text(userid) -%}
    case
        when len({{ text }}) <= 18 and len(translate({{ text }}, '0123456789', '')) = 0
            then cast({{ text }} as bigint)
    end
{%- endmacro %}
