{% macro acquire_run_lock() -%}
    {% if not changes_warehouse() %}
        {{ return('') }}
    {% endif %}
    {% set owner = run_id() %}
    {% set minutes = env_var('SPARKIFY_RUN_LOCK_MINUTES', '15') %}
    {% set newest = run_query(newest_load_sql()).rows[0]['load_id'] %}
    {# The first task of an Airflow run takes the lock. A dbt task that starts after the run has
       ended must not take it again. #}
    {% set may_take = not env_var('SPARKIFY_RUN_ID', '') %}
    {% do run_query(
        "begin; " ~ run_lock_sql(target.schema, owner, minutes, newest, may_take) ~ "; commit"
    ) %}
    {% set holders = run_query(run_lock_holder_sql(target.schema)).rows %}
    {% set holder = holders[0]['owner'] if holders else none %}
    {% if holder != owner %}
        {{ exceptions.raise_compiler_error(
            run_lock_refusal(target.schema, owner, holder, holders[0]['expires_at'] if holders)
        ) }}
    {% endif %}
{%- endmacro %}
