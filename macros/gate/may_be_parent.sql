{% macro may_be_parent(column_name, to, field) -%}
    {%- set child = key_of(tested_relation()) -%}
    {%- set parent = key_of(to) -%}
    {%- if child is none or parent is none or parent.by[0] != 'event_date' -%}
        true
    {%- elif child.column == column_name and parent.column == field -%}
        {#- The parent of a row of these days is of the same days. -#}
        {{ within_gate(field, child.by) }}
    {%- else -%}
        {%- set judged = is_judged(to) -%}
        {%- set looked_for_elsewhere -%}
            select children.{{ column_name }} as key_value
            from {{ tested_relation() }} as children
            left join (select {{ field }} from {{ to }} where {{ judged }}) as parents
                on children.{{ column_name }} = parents.{{ field }}
            where {{ is_judged(tested_relation(), 'children.' ~ child.column) }}
                and parents.{{ field }} is null
        {%- endset -%}
        {{ "true" if has_keys(looked_for_elsewhere) else judged }}
    {%- endif -%}
{%- endmacro %}
