-- What the emulator adds to PostgreSQL's own catalog, in the schema redshift.
--
-- The files of this folder run in the order of their names, as superuser, each time the emulator
-- starts, so every statement can run again. Objects that must be found without a schema, whatever the
-- search_path, go into pg_catalog.
--
-- The dialect calls these in `Sql.text` (late-binding views), `Sql.before` and `Sql.after`. Every name
-- is text, quoted as in SQL and qualified as in the statement; unknown names have no effect.
--
--   create [or replace] view v as <query> with no schema binding
--     text   call redshift.create_late_binding_view('v', '<query, PostgreSQL SQL>', or_replace => false)
--     tag    CREATE VIEW
--     The query may read relations that do not exist yet. They must be schema-qualified.
--
--   drop table | drop view | drop materialized view | alter table (all forms) | create or replace view,
--     for each relation named
--     before call redshift.detach_late_binding_views('t')
--   drop schema
--     before call redshift.detach_late_binding_views_of_schema('s')
--     From here on no late-binding view blocks the statement. Nothing is needed after it: an event
--     trigger binds every late-binding view whose relations exist (again).
--
--   primary key, unique, foreign key, in create table and alter table add
--     after  call redshift.declare_key('t', 'primary key' | 'unique', array['a', 'b'])
--     after  call redshift.declare_key('t', 'foreign key', array['a'], null | 'name', 'other', array['id'])
--   drop table t, u
--     before call redshift.spare_referenced(array['t', 'u'])
--   alter table t drop constraint c
--     text   call redshift.drop_key('t', 'c')            tag ALTER TABLE
--
--   diststyle, distkey, sortkey, encode, in create table, create table as and alter table
--     after  call redshift.declare_storage('t', diststyle => 'even' | 'key' | 'all' | 'auto',
--              distkey => 'a', sortkey => array['a', 'b'], sortstyle => 'compound' | 'interleaved' | 'auto',
--              encodings => '{"a": "zstd"}', autorefresh => true | false)
--     An argument that is left out keeps its earlier value.
--
-- A constraint whose name starts with byte_length checks a column's length in bytes. error_replies.py
-- replaces the error of its violation with Redshift's own message.
--
-- Settings that PostgreSQL lacks have the prefix redshift: SET redshift.query_group TO 'x',
-- RESET redshift.query_group, current_setting('redshift.query_group'). The wire creates one
-- SessionSettings per connection, and the dialect updates it when it translates SET and RESET.

-- Amazon Redshift system-defined roles. PostgreSQL cannot grant the permissions of the last three.
do $$
declare
    role text;
begin
    foreach role in array array['sys:monitor', 'sys:operator', 'sys:dba', 'sys:superuser', 'sys:secadmin'] loop
        if to_regrole(quote_ident(role)) is null then
            execute format('create role %I', role);
        end if;
    end loop;
    grant pg_monitor to "sys:monitor", "sys:operator";
    grant pg_maintain, pg_signal_backend to "sys:operator";
end $$;

create sequence if not exists redshift.query_ids start 1000;
grant usage on sequence redshift.query_ids to public;

-- The tables that committed transactions added rows to; kept for a week, as in SYS views
create table if not exists redshift.inserts (
    user_id integer not null,
    table_id integer not null,
    table_name text not null,
    inserted_rows bigint not null,
    start_time timestamp not null,
    end_time timestamp not null
);
delete from redshift.inserts where end_time < (now() - interval '7 days') at time zone 'UTC';

-- The wire calls this at the end of each writing transaction.
create or replace function redshift.log_inserts() returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
    insert into redshift.inserts
    select session_user::regrole::oid::int, written.oid::int, relname, inserted,
        now() at time zone 'UTC', clock_timestamp() at time zone 'UTC'
    from (
        select c.oid, relname,
            pg_stat_get_xact_tuples_inserted(c.oid) + pg_stat_get_xact_tuples_updated(c.oid) as inserted
        from pg_class c
        where relkind = 'r' and relpersistence = 'p' and relnamespace <> 'redshift'::regnamespace and c.oid in (
            select relation from pg_locks
            where pid = pg_backend_pid() and locktype = 'relation'
                and mode in ('RowExclusiveLock', 'ShareRowExclusiveLock', 'AccessExclusiveLock')
        )
    ) written
    where inserted > 0
$$;

create table if not exists redshift.late_binding_views (
    view oid primary key,
    definition text not null,
    -- The error of a query on the view, or null while it is bound.
    sqlstate text,
    message text,
    -- The relation whose change detached the view.
    detached_from oid
);

-- The widths of a view's text columns, as SQL that is evaluated on demand
create table if not exists redshift.widths (
    relation oid not null,
    attribute name not null,
    expression text not null,
    primary key (relation, attribute)
);

create table if not exists redshift.declared_keys (
    relation oid not null,
    name text not null,
    kind text not null check (kind in ('primary key', 'unique', 'foreign key')),
    columns smallint[] not null,
    referenced oid,
    referenced_columns smallint[],
    primary key (relation, name)
);

create table if not exists redshift.storage (
    relation oid primary key,
    diststyle text not null default 'auto',
    distkey smallint,
    sortkey smallint[] not null default '{}',
    sortstyle text not null default 'auto',
    encodings jsonb not null default '{}'
);
-- For materialized views. A data directory of an older emulator lacks the column.
alter table redshift.storage add column if not exists autorefresh boolean not null default false;

grant select on all tables in schema redshift to public;

-- Keys and storage

create or replace function redshift.column_numbers(relation oid, names text[]) returns smallint[]
language plpgsql stable as $$
declare
    numbers smallint[];
    absent text;
begin
    select array_agg(attnum order by position), min(name) filter (where attnum is null)
    into numbers, absent
    from unnest(array_remove(names, null)) with ordinality as wanted (name, position)
    left join pg_attribute on attrelid = relation and attname = name and attnum > 0 and not attisdropped;
    if absent is not null then
        raise undefined_column using message = format('column "%s" named in key does not exist', absent);
    end if;
    return numbers;
end $$;

create or replace procedure redshift.declare_key(
    relation text, kind text, columns text[], name text default null,
    referenced text default null, referenced_columns text[] default null
) language plpgsql security definer as $$
declare
    target oid := to_regclass(relation);
    other oid := to_regclass(referenced);
    -- As in PostgreSQL 8, the name has only the first column, and a number if it is already taken.
    suffix text := case kind when 'primary key' then '_pkey'
        when 'unique' then '_' || columns[1] || '_key'
        else '_' || columns[1] || '_fkey' end;
    referenced_numbers smallint[];
    of_temporary boolean := (select relpersistence = 't' from pg_class where oid = target);
begin
    if target is null then
        return;
    end if;
    if referenced is not null and other is null then
        raise undefined_table using message = format('relation "%s" does not exist', referenced);
    end if;
    if kind = 'primary key' and exists (
        select from redshift.declared_keys k where k.relation = target and k.kind = 'primary key'
    ) then
        raise invalid_table_definition using message = format(
            'multiple primary keys for table "%s" are not allowed', relation);
    end if;
    if kind = 'primary key' and exists (
        select from pg_attribute where attrelid = target and attname = any (columns) and not attnotnull
    ) then
        raise invalid_table_definition using message = 'cannot add a primary key to a column that may be null';
    end if;
    if other is not null then
        if of_temporary <> (select relpersistence = 't' from pg_class where oid = other) then
            raise invalid_table_definition using message = case when of_temporary
                then 'cannot reference permanent table from temporary table constraint'
                else 'cannot reference temporary table from permanent table constraint' end;
        end if;
        referenced_numbers := coalesce(
            redshift.column_numbers(other, referenced_columns),
            (select k.columns from redshift.declared_keys k where k.relation = other and k.kind = 'primary key')
        );
        if referenced_numbers is null then
            raise undefined_object using message = format(
                'there is no primary key for referenced table "%s"', referenced);
        end if;
        if not exists (
            select from redshift.declared_keys k
            where k.relation = other
                and k.kind in ('primary key', 'unique')
                and k.columns @> referenced_numbers
                and k.columns <@ referenced_numbers
        ) then
            raise invalid_foreign_key using message = format(
                'there is no unique constraint matching given keys for referenced table "%s"', referenced);
        end if;
    end if;
    insert into redshift.declared_keys values (
        target,
        coalesce(declare_key.name, (
            select label
            from generate_series(0, 1000) as n
            cross join lateral (
                select (select relname from pg_class where oid = target) || suffix || coalesce(nullif(n, 0)::text, '')
            ) as free (label)
            where not exists (select from redshift.declared_keys k where k.relation = target and k.name = label)
            order by n
            limit 1
        )),
        kind,
        redshift.column_numbers(target, columns),
        other,
        referenced_numbers
    );
end $$;

-- Only CASCADE drops a table that another table's foreign key references.
create or replace procedure redshift.spare_referenced(relations text[]) language plpgsql as $$
declare
    dropped oid[] := (select array_agg(to_regclass(relation)) from unnest(relations) relation);
    key record;
begin
    select k.name, k.relation::regclass::text as referencing, k.referenced::regclass::text as referenced into key
    from redshift.declared_keys k
    where k.referenced = any (dropped) and k.relation <> all (dropped);
    if found then
        raise dependent_objects_still_exist using
            message = format('cannot drop table %s because other objects depend on it', key.referenced),
            detail = format('constraint %s on table %s depends on table %s', key.name, key.referencing, key.referenced),
            hint = 'Use DROP ... CASCADE to drop the dependent objects too.';
    end if;
end $$;

create or replace procedure redshift.drop_key(relation text, name text)
language plpgsql security definer as $$
begin
    delete from redshift.declared_keys k
    where k.relation = to_regclass(drop_key.relation) and k.name = drop_key.name;
    if not found then
        raise undefined_object using message = format('constraint "%s" does not exist', name);
    end if;
end $$;

drop procedure if exists redshift.declare_storage(text, text, text, text[], text, jsonb);
create or replace procedure redshift.declare_storage(
    relation text, diststyle text default null, distkey text default null,
    sortkey text[] default null, sortstyle text default null, encodings jsonb default null,
    autorefresh boolean default null
) language plpgsql security definer as $$
declare
    target oid := to_regclass(relation);
    dist smallint[] := redshift.column_numbers(target, array[distkey]);
    sort smallint[] := redshift.column_numbers(target, sortkey);
    style text := coalesce(diststyle, case when distkey is not null then 'key' end);
    order_style text := coalesce(sortstyle, case when sortkey is not null then 'compound' end);
begin
    if target is null then
        return;
    end if;
    insert into redshift.storage (relation) values (target) on conflict do nothing;
    update redshift.storage s set
        diststyle = coalesce(style, s.diststyle),
        distkey = case when coalesce(style, s.diststyle) = 'key' then coalesce(dist[1], s.distkey) end,
        sortkey = coalesce(sort, s.sortkey),
        sortstyle = coalesce(order_style, s.sortstyle),
        encodings = s.encodings || coalesce(declare_storage.encodings, '{}'),
        autorefresh = coalesce(declare_storage.autorefresh, s.autorefresh)
    where s.relation = target;
end $$;

-- Late-binding views
--
-- Each one is a real PostgreSQL view all the time, so that it keeps its grants, comments and catalog
-- entries. Before a relation changes, the views that read it become stubs with the same columns that
-- read nothing. After the change, each view is bound again by the names in its definition. A view
-- that cannot be bound stays a stub, and a query on it fails with the reason.

-- Declared immutable so that the planner runs it: the error occurs even if no row would be read.
create or replace function redshift.is_bound(view oid) returns boolean
language plpgsql immutable as $$
declare
    reason record;
begin
    select * into reason from redshift.late_binding_views l where l.view = is_bound.view;
    raise exception using errcode = reason.sqlstate, message = reason.message;
end $$;

create or replace function redshift.qualified_name(relation oid) returns text
language sql stable as $$
    select format('%I.%I', nspname, relname)
    from pg_class c join pg_namespace n on n.oid = relnamespace where c.oid = relation
$$;

create or replace procedure redshift.write_stub(view oid) language plpgsql security definer as $$
declare
    columns text;
begin
    select string_agg(format('null::%s%s as %I',
        format_type(atttypid, atttypmod),
        case when attcollation <> typcollation then ' collate ' || attcollation::regcollation end,
        attname), ', ' order by attnum)
    into columns
    from pg_attribute join pg_type on pg_type.oid = atttypid
    where attrelid = view and attnum > 0 and not attisdropped;
    execute format('create or replace view %s as select %s where redshift.is_bound(%s)',
        redshift.qualified_name(view), columns, view);
end $$;

create or replace procedure redshift.detach(relations oid[]) language plpgsql security definer as $$
declare
    patience timestamptz := clock_timestamp() + interval '30 s';
    lock_timeout text := current_setting('lock_timeout');
    views oid[];
    bases oid[];
begin
    -- Views that read other views come first, in the order in which a reader locks them.
    with recursive readers (base, view, depth) as (
        select relation, relation, 0 from unnest(relations) as relation
        union
        select base, ev_class, depth + 1
        from readers
        join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = view
            and d.classid = 'pg_rewrite'::regclass
        join pg_rewrite r on r.oid = d.objid and ev_class <> view
    )
    select array_agg(view order by depth desc, view), array_agg(base order by depth desc, view)
    into views, bases
    from (select view, min(base) as base, max(depth) as depth from readers where depth > 0 group by view) r
    join redshift.late_binding_views using (view)
    where sqlstate is null;
    if views is null then
        return;
    end if;
    perform set_config('redshift.detaching', 'on', true);
    -- Take all the locks or none: waiting for one while holding another deadlocks with readers.
    loop
        begin
            if clock_timestamp() < patience then
                perform set_config('lock_timeout', '100ms', true);
            end if;
            for i in 1 .. array_length(views, 1) loop
                if exists (select from pg_class where oid = views[i]) then
                    call redshift.write_stub(views[i]);
                end if;
                update redshift.late_binding_views l set
                    sqlstate = '42P01',
                    message = format('relation "%s" does not exist', replace(redshift.qualified_name(bases[i]), '"', '')),
                    detached_from = bases[i]
                where l.view = views[i];
            end loop;
            exit;
        exception when lock_not_available then
            if clock_timestamp() >= patience then
                raise;
            end if;
        end;
        perform pg_sleep(0.01 + random() * 0.05);
    end loop;
    perform set_config('lock_timeout', lock_timeout, true);
    perform set_config('redshift.detaching', 'off', true);
end $$;

create or replace procedure redshift.detach_late_binding_views(relation text) language plpgsql as $$
begin
    call redshift.detach(array[to_regclass(relation)::oid]);
end $$;

create or replace procedure redshift.detach_late_binding_views_of_schema(schema text) language plpgsql as $$
declare
    relations oid[] := array(select oid from pg_class where relnamespace = to_regnamespace(schema));
begin
    call redshift.detach(relations);
end $$;

-- In place, a view can only gain columns. Any other change creates a new view with the old one's
-- owner, grants and comment.
create or replace function redshift.rebuild_view(view oid, definition text) returns oid
language plpgsql security definer as $$
declare
    name text := redshift.qualified_name(view);
    kept text[];
    kept_widths redshift.widths[] := array(select w from redshift.widths w where w.relation = view);
    statement text;
    rebuilt oid;
begin
    call redshift.detach(array[view]);
    select array(
        select format('alter view %s owner to %s', name, relowner::regrole) from pg_class where oid = view
        union all
        select format('grant %s on %s to %s%s', privilege_type, name,
            case grantee when 0 then 'public' else grantee::regrole::text end,
            case when is_grantable then ' with grant option' end)
        from pg_class, aclexplode(relacl) where oid = view and grantee <> relowner
        union all
        select format('comment on view %s is %L', name, obj_description(view, 'pg_class'))
        where obj_description(view, 'pg_class') is not null
    ) into kept;
    execute format('drop view %s', name);
    execute format('create view %s as %s', name, definition);
    foreach statement in array kept loop
        execute statement;
    end loop;
    rebuilt := to_regclass(name);
    insert into redshift.late_binding_views values (rebuilt, definition);
    insert into redshift.widths select rebuilt, attribute, expression from unnest(kept_widths);
    return rebuilt;
end $$;

create or replace procedure redshift.bind_view(bound oid) language plpgsql security definer as $$
declare
    definition text := (select l.definition from redshift.late_binding_views l where l.view = bound);
begin
    update redshift.late_binding_views l set sqlstate = null, message = null, detached_from = null
    where l.view = bound;
    begin
        execute format('create or replace view %s as %s', redshift.qualified_name(bound), definition);
    exception when invalid_table_definition then
        perform redshift.rebuild_view(bound, definition);
    end;
exception when syntax_error_or_access_rule_violation or invalid_schema_name or dependent_objects_still_exist then
    update redshift.late_binding_views l set sqlstate = returned_sqlstate, message = returned_message
    from (select sqlstate as returned_sqlstate, sqlerrm as returned_message) as error
    where l.view = bound;
end $$;

create or replace procedure redshift.create_late_binding_view(
    name text, definition text, or_replace boolean default false
) language plpgsql as $$
declare
    existing oid := to_regclass(name);
    parts text[] := parse_ident(name);
begin
    if existing is not null and not or_replace then
        raise duplicate_table using message = format('relation "%s" already exists', parts[array_upper(parts, 1)]);
    end if;
    if existing is null then
        execute format('create view %s as select where redshift.is_bound(0)', name);
        existing := to_regclass(name);
    else
        call redshift.detach(array[existing]);
    end if;
    call redshift.register_view(existing, definition);
end $$;

create or replace procedure redshift.register_view(view oid, definition text)
language plpgsql security definer as $$
begin
    insert into redshift.late_binding_views values (view, definition)
    on conflict on constraint late_binding_views_pkey do update set definition = excluded.definition;
    call redshift.write_stub(view);
    call redshift.bind_view(view);
end $$;

create or replace function redshift.after_ddl() returns event_trigger
language plpgsql security definer as $$
declare
    waiting oid;
begin
    if current_setting('redshift.detaching', true) = 'on' then
        return;
    end if;
    for waiting in
        select l.view
        from redshift.late_binding_views l
        where l.sqlstate is not null and exists (
            select from pg_event_trigger_ddl_commands() c join pg_class on pg_class.oid = c.objid
            where c.classid = 'pg_class'::regclass and c.objid <> l.view
            and (c.objid = l.detached_from or strpos(l.definition, replace(relname, '"', '""')) > 0)
        )
    loop
        call redshift.bind_view(waiting);
    end loop;
end $$;

create or replace function redshift.after_drop() returns event_trigger
language plpgsql security definer as $$
declare
    dropped oid[] := array(
        select objid from pg_event_trigger_dropped_objects() where classid = 'pg_class'::regclass and objsubid = 0
    );
begin
    if dropped <> '{}' then
        delete from redshift.late_binding_views where view = any (dropped);
        delete from redshift.declared_keys where relation = any (dropped) or referenced = any (dropped);
        delete from redshift.storage where relation = any (dropped);
        delete from redshift.widths where relation = any (dropped);
    end if;
end $$;

drop event trigger if exists redshift_after_ddl;
create event trigger redshift_after_ddl on ddl_command_end
    when tag in ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE VIEW', 'CREATE MATERIALIZED VIEW',
        'ALTER TABLE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW')
    execute function redshift.after_ddl();
drop event trigger if exists redshift_after_drop;
create event trigger redshift_after_drop on sql_drop execute function redshift.after_drop();
