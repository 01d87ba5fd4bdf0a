{% macro run_lock_refusal(target_schema, owner, holder, expires_at) -%}
    {%- if holder is none -%}
        {{
            "Run " ~ owner ~ " holds no run lock of schema " ~ target_schema ~ ": the run has ended, "
            ~ "or its lock was deleted. Nothing was changed. To go on with the run, clear its task "
            ~ "wait_for_run_lock."
        }}
    {%- else -%}
        {{
            "Run " ~ holder ~ " is working on schema " ~ target_schema ~ ", and two runs never touch "
            ~ "it at once. Nothing was changed. Wait for that run to end. If it died or was "
            ~ "interrupted, its lock expires at " ~ expires_at ~ " UTC; to free it now: "
            ~ "delete from ops.run_lock where owner = " ~ sql_literal(holder)
        }}
    {%- endif -%}
{%- endmacro %}
