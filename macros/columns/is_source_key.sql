{% macro is_source_key(target_table, json_key) -%}
    {%- set cases = [] -%}
    {#- dbt has no graph while it parses. -#}
    {%- set sources = graph.sources.values() if execute else [] -%}
    {%- for source in sources if source.source_name == 'sparkify' -%}
        {%- set columns = source.columns | reject('in', ['_partition', '_loaded_at', '_load_id']) -%}
        {%- do cases.append(
            target_table ~ " = '" ~ source.schema ~ "." ~ source.name ~ "' and "
            ~ json_key ~ " in ('" ~ columns | join("', '") ~ "')"
        ) -%}
    {%- endfor -%}
    ({{ cases | join(' or ') or 'true' }})
{%- endmacro %}
