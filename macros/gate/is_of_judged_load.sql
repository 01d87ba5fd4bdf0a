{% macro is_of_judged_load(partition) -%}
    {%- if is_whole_run() -%}
        true
    {%- else -%}
        {%- set partitions = [] -%}
        {%- for row in run_query(
            'select distinct partition_prefix from "raw".load_history where '
            ~ within_gate('load_id', by=['load_id'])
        ).rows -%}
            {%- do partitions.append(sql_literal(row['partition_prefix'])) -%}
        {%- endfor -%}
        {{ partition ~ " in (" ~ partitions | join(", ") ~ ")" if partitions else "false" }}
    {%- endif -%}
{%- endmacro %}
