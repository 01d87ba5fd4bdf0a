{% macro release_run_lock() -%}
    {# Inside an Airflow run the lock belongs to the run, which releases it in its last task. #}
    {% if not changes_warehouse() or env_var('SPARKIFY_RUN_ID', '') %}
        {{ return('') }}
    {% endif %}
    delete from ops.run_lock
    where target_schema = {{ sql_literal(target.schema) }} and owner = {{ sql_literal(run_id()) }}
{%- endmacro %}
