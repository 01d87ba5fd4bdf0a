{% macro rebuilds_all_time(by) -%}
    {{ return('all_time' in by and is_whole_run() and not reads_part_of_its_inputs()) }}
{%- endmacro %}
