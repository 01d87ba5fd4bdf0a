{% macro is_affected(column, by, in_epoch_ms=false) -%}
    {#- dbt must know the parent when it parses, which is never an incremental run. -#}
    {%- do ref('int_changed_keys') -%}
    {#- The strategy deletes by the same keys; it reads them here. -#}
    {%- do config(meta={'affected_by': by}) -%}
    {%- if not is_incremental() or rebuilds_all_time(by) -%}
        true
    {%- elif by[0] == 'event_date' -%}
        {{ within_days(column, affected_days(by), in_epoch_ms) }}
    {%- elif by[0] == 'session_id' -%}
        {{ within_keys(column, changed_keys('session_id')) }}
    {%- elif by[0] == 'all_time' -%}
        false
    {%- else -%}
        cast({{ column }} as varchar) in ({{ changed_keys(by[0]) }})
    {%- endif -%}
{%- endmacro %}
