{% macro changed_keys(key_name) -%}
    {%- set window = load_window() -%}
    {%- do check_change_feed(window.after) -%}
    select key_value
    from {{ ref('int_changed_keys') }}
    where key_name = '{{ key_name }}'
        and load_id > {{ window.after }}
        and load_id <= {{ window.through }}
{%- endmacro %}
