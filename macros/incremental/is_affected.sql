{% macro is_affected(column, in_epoch_ms=false) -%}
    {#- A parent in every build, not only in incremental ones. -#}
    {%- do ref('stg_sparkify__load_changes') -%}
    {%- if not is_incremental() -%}
        true
    {%- elif affected_by()[0] == 'event_date' -%}
        {{ within_days(column, changed_days(), in_epoch_ms) }}
    {%- else -%}
        cast({{ column }} as varchar) in ({{ changed_keys(affected_by()[0]) }})
    {%- endif -%}
{%- endmacro %}
