{% macro is_of_load_to_compare(load_id) -%}
    {%- if is_whole_run() -%}
        true
    {%- else -%}
        {%- set window = gate_window() -%}
        {%- set judged_before = run_query(
            "select max(load_id) as load_id from \"raw\".load_history "
            ~ "where status = 'loaded' and load_id <= " ~ window.after ~ " group by target_table"
        ).columns[0].values() -%}
        ({{ load_id }} > {{ window.after }}
        {%- if judged_before %} or {{ load_id }} in ({{ judged_before | join(', ') }}){% endif %})
    {%- endif -%}
{%- endmacro %}
