{% macro is_source_key(target_table, json_key) -%}
    {%- set cases = [] -%}
    {#- dbt has no graph while it parses. -#}
    {%- for source in (graph.sources.values() if execute else []) if source.source_name == 'sparkify' -%}
        {%- set columns = source.columns | reject('in', ['_partition', '_loaded_at']) | join("', '") -%}
        {%- do cases.append(
            target_table ~ " = '" ~ source.schema ~ "." ~ source.name ~ "' and "
            ~ json_key ~ " in ('" ~ columns ~ "')"
        ) -%}
    {%- endfor -%}
    ({{ cases | join(' or ') or 'true' }})
{%- endmacro %}
