{% macro newest_load_sql() -%}
    select coalesce(max(load_id), 0) as load_id from "raw".load_history
{%- endmacro %}
