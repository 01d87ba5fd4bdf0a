{% macro acquire_run_lock() -%}
    {% if not changes_warehouse() %}
        {{ return('') }}
    {% endif %}
    {% set owner = run_id() %}

    {# LOCK comes first so that the snapshot of the transaction is taken behind it: of two runs that
       start together, the second sees the first one's row and not the state before it. #}
    {% do run_query(
        "begin;
        lock table ops.run_lock;
        delete from ops.run_lock
        where target_schema = '" ~ target.schema ~ "'
            and (owner = '" ~ owner ~ "' or expires_at < sysdate);
        insert into ops.run_lock
        select
            '" ~ target.schema ~ "',
            '" ~ owner ~ "',
            sysdate,
            dateadd(minute, " ~ env_var('SPARKIFY_RUN_LOCK_MINUTES', '15') ~ ", sysdate),
            (select coalesce(max(load_id), 0) from \"raw\".load_history)
        where not exists (
            select 1 from ops.run_lock where target_schema = '" ~ target.schema ~ "'
        );
        commit;"
    ) %}
    {% set holder = run_query(
        "select owner, expires_at from ops.run_lock where target_schema = '" ~ target.schema ~ "'"
    ).rows[0] %}
    {% if holder['owner'] != owner %}
        {{ exceptions.raise_compiler_error(
            "Run " ~ holder['owner'] ~ " is working on schema " ~ target.schema
            ~ "; two runs never touch it at once. Wait for it to end. If it died or was interrupted, "
            ~ "its lock runs out at " ~ holder['expires_at'] ~ " UTC, or goes at once by: "
            ~ "delete from ops.run_lock where owner = '" ~ holder['owner'] ~ "'"
        ) }}
    {% endif %}
{%- endmacro %}
