{% macro is_day_of_affected_session(column) -%}
    {%- if not is_incremental() -%}
        true
    {%- else -%}
        {{ within_days(
            column, days_of_sessions(this, changed_keys('session_id'), changed_days())
        ) }}
    {%- endif -%}
{%- endmacro %}
