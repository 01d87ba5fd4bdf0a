{% macro is_garbled(column) -%}
    {#- A lead of UTF-8 read as Latin-1, and behind it one of the 64 that may follow a lead. -#}
    {%- set followers = namespace(all='') -%}
    {%- for place in range(64) -%}
        {%- set followers.all = followers.all ~ '%c' % (128 + place) -%}
    {%- endfor -%}
    {%- set marked -%}
        translate({{ column }}, '{{ followers.all }}', '{{ '\u0080' * 64 }}')
    {%- endset -%}
    (
        {{ marked }} like '%Â{{ '\u0080' }}%'
        or {{ marked }} like '%Ã{{ '\u0080' }}%'
        or {{ marked }} like '%Ä{{ '\u0080' }}%'
        or {{ marked }} like '%Å{{ '\u0080' }}%'
        or {{ marked }} like '%â{{ '\u0080' }}%'
    )
{%- endmacro %}
