{% macro run_lock_sql(target_schema, owner, minutes, through_load_id, may_take) -%}
    {#- LOCK comes first: Redshift takes the transaction's snapshot behind it, so that of two runs
        that start together the second one sees the row of the first. -#}
    lock table ops.run_lock;
    {% if may_take -%}
    delete from ops.run_lock
    where target_schema = {{ sql_literal(target_schema) }}
        and (owner = {{ sql_literal(owner) }} or expires_at < sysdate);
    insert into ops.run_lock
    select
        {{ sql_literal(target_schema) }},
        {{ sql_literal(owner) }},
        sysdate,
        dateadd(minute, {{ minutes }}, sysdate),
        {{ through_load_id }}
    from (
        select count(*) as runs
        from ops.run_lock
        where target_schema = {{ sql_literal(target_schema) }}
    ) as others
    where others.runs = 0
    {%- else -%}
    update ops.run_lock
    set
        expires_at = dateadd(minute, {{ minutes }}, sysdate),
        through_load_id = {{ through_load_id }}
    where target_schema = {{ sql_literal(target_schema) }}
        and owner = {{ sql_literal(owner) }}
    {%- endif -%}
{%- endmacro %}
