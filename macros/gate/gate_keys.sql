{% macro gate_keys(key_name) -%}
    {#- Not by ref: a test has one task, and is right behind its model, if it has one parent. -#}
    {%- set feed = graph.nodes['model.sparkify.int_changed_keys'].relation_name
        if key_name == 'artist_id' else '"raw".load_changes' -%}
    {%- set window = gate_window() -%}
    select key_value
    from {{ feed }}
    where key_name = '{{ key_name }}'
        and load_id > {{ window.after }}
        and load_id <= {{ window.through }}
{%- endmacro %}
