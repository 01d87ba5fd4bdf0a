{% macro release_run_lock() -%}
    {# Inside an Airflow run the lock belongs to the run, which releases it in its last task. #}
    {% if not changes_warehouse() or env_var('SPARKIFY_RUN_ID', '') %}
        {{ return('') }}
    {% endif %}
    {{ run_lock_release_sql(target.schema, run_id()) }}
{%- endmacro %}
