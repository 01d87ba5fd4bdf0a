{% macro is_day_of_judged_session(column) -%}
    {%- if is_whole_run() -%}
        true
    {%- else -%}
        {#- A day more on both sides: plays that the sessions lack would lie beside them. -#}
        {{ within_days(column, days_of_sessions(
            ref('sessions'), gate_keys('session_id'), gate_days(['event_date']), margin=1
        )) }}
    {%- endif -%}
{%- endmacro %}
