{% macro changed_keys(key_name) -%}
    {%- set loads = unseen_loads() -%}
    select key_value
    from {{ ref('stg_sparkify__load_changes') }}
    where key_name = '{{ key_name }}'
        and load_id > {{ loads.after }}
        and load_id <= {{ loads.through }}
{%- endmacro %}
