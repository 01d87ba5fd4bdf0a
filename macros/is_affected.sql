{% macro is_affected(column, in_epoch_ms=false) -%}
    {%- do ref('stg_sparkify__load_changes') -%} {#- a parent in every build, not only incremental ones -#}
    {%- if not is_incremental() -%}
        true
    {%- elif model.config.meta.affected_by[0] == 'event_date' -%}
        {{ within_days(column, changed_days(), in_epoch_ms) }}
    {%- else -%}
        cast({{ column }} as varchar) in ({{ changed_keys(model.config.meta.affected_by[0]) }})
    {%- endif -%}
{%- endmacro %}
