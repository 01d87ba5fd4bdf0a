{% macro is_affected(column, by, in_epoch_ms=false) -%}
    {#- dbt must know the parent when it parses, which is never an incremental run. -#}
    {%- do ref('int_changed_keys') -%}
    {#- The strategy deletes by the same keys; it reads them here. -#}
    {%- do config(meta={'affected_by': by}) -%}
    {%- if not is_incremental() -%}
        true
    {%- elif by[0] == 'event_date' -%}
        {{ within_days(column, changed_days(by_songs='song_id' in by), in_epoch_ms) }}
    {%- else -%}
        cast({{ column }} as varchar) in ({{ changed_keys(by[0]) }})
    {%- endif -%}
{%- endmacro %}
