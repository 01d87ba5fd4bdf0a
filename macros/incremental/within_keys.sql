{% macro within_keys(column, keys) -%}
    {#- Ids that grow with time lie close together: literal bounds are what zone maps prune by. -#}
    {%- set found = run_query(
        "select min(cast(key_value as bigint)) as lowest, max(cast(key_value as bigint)) as highest "
        ~ "from (" ~ keys ~ ") as keys"
    ).rows[0] -%}
    {%- if found['lowest'] is none -%}
        false
    {%- else -%}
        ({{ column }} between {{ found['lowest'] }} and {{ found['highest'] }}
        and cast({{ column }} as varchar) in ({{ keys }}))
    {%- endif -%}
{%- endmacro %}
