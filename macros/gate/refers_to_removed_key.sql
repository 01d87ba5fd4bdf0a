{% macro refers_to_removed_key(column_name, to, field) -%}
    {%- set key = key_of(to) -%}
    {%- if key is none or key.column != field or key.by[0] == 'event_date' -%}
        false
    {%- else -%}
        {%- set removed -%}
            select keys.key_value
            from ({{ gate_keys(key.by[0]) }}) as keys
            left join {{ to }} as parents on keys.key_value = cast(parents.{{ field }} as varchar)
            where parents.{{ field }} is null
        {%- endset -%}
        {{ "cast(" ~ column_name ~ " as varchar) in (" ~ removed ~ ")" if has_keys(removed) else "false" }}
    {%- endif -%}
{%- endmacro %}
