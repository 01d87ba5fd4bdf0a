-- Redshift's system views and SHOW commands on PostgreSQL's catalog and the tables of 1_objects.sql,
-- with the columns of their pages (SVV views, STV views, SYS monitoring views, System catalog tables,
-- SHOW …; AWS Database Developer Guide). What a single local database cannot have is null or empty.

create or replace function pg_catalog.version() returns text language sql stable as $$
    select 'PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2, Redshift 1.0.0'
        || ' (Redshift emulator on PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1) || ')'
$$;

create or replace function pg_catalog.pg_last_query_id() returns bigint language plpgsql as $$
begin
    return currval('redshift.query_ids');
exception when object_not_in_prerequisite_state then
    return -1;
end $$;

create or replace function pg_catalog.pg_get_late_binding_view_cols() returns setof record
language sql stable as $$
    select nspname, relname, attname,
        redshift.format_type(case when modifier <> atttypmod and atttypid = 'text'::regtype then 'varchar'::regtype::oid
            else atttypid end, modifier)::varchar, attnum::int
    from redshift.late_binding_views
    join pg_class c on c.oid = view
    join pg_namespace n on n.oid = relnamespace
    join pg_attribute on attrelid = view and attnum > 0 and not attisdropped
    cross join lateral redshift.modifier(attrelid, attname, atttypmod) as modifier
    order by nspname, relname, attnum
$$;

-- Rows that the views below share

create or replace view redshift.relations as
select
    c.oid,
    current_database()::text as database_name,
    nspname::text as schema_name,
    relname::text as table_name,
    case when relkind in ('r', 'p') then 'TABLE' else 'VIEW' end as table_type,
    case
        when relkind = 'm' then 'MATERIALIZED VIEW'
        when l.view is not null then 'LATE BINDING VIEW'
        when relkind = 'v' then 'REGULAR VIEW'
        else 'REGULAR TABLE'
    end as table_subtype,
    array_to_string(relacl, '~') as table_acl,
    obj_description(c.oid, 'pg_class') as remarks,
    pg_get_userbyid(relowner)::text as table_owner,
    case coalesce(s.diststyle, 'auto')
        when 'key' then format('KEY(%s)', (select attname from pg_attribute where attrelid = c.oid and attnum = distkey))
        when 'auto' then 'AUTO(ALL)'
        else upper(s.diststyle)
    end as dist_style,
    coalesce(s.sortkey, '{}') as sortkey,
    s.sortstyle,
    s.distkey,
    coalesce(s.encodings, '{}') as encodings
from pg_class c
join pg_namespace n on n.oid = relnamespace
left join redshift.late_binding_views l on l.view = c.oid
left join redshift.storage s on s.relation = c.oid
where relkind in ('r', 'p', 'v', 'm') and nspname not in ('redshift', 'pg_toast')
    and (nspname !~ '^pg_temp_' or relnamespace = pg_my_temp_schema());

create or replace view redshift.columns as
select
    r.*,
    attname::text as column_name,
    attnum::int as ordinal_position,
    case attidentity
        when '' then pg_get_expr(adbin, adrelid)
        else (
            select format('"identity"(%s, %s, ''%s,%s''::text)', attrelid, attnum - 1, seqstart, seqincrement)
            from pg_sequence where seqrelid = pg_get_serial_sequence(attrelid::regclass::text, attname)::regclass
        )
    end as column_default,
    -- In PostgreSQL every identity column is NOT NULL, in Redshift only one that was declared so.
    case when attnotnull and (attidentity = '' or exists (
        select from pg_constraint where conrelid = attrelid and conname = 'identity_not_null' and attnum = any (conkey)
    )) then 'NO' else 'YES' end as is_nullable,
    redshift.format_type(type, null) as data_type,
    redshift.format_type(type, modifier) as full_type,
    coalesce(
        information_schema._pg_char_max_length(type, modifier),
        case when type = 'bytea'::regtype then coalesce(nullif(modifier, -1), 64000) end
    ) as character_maximum_length,
    information_schema._pg_numeric_precision(atttypid, atttypmod) as numeric_precision,
    information_schema._pg_numeric_scale(atttypid, atttypmod) as numeric_scale,
    information_schema._pg_datetime_precision(atttypid, atttypmod) as datetime_precision,
    col_description(attrelid, attnum) as column_remarks,
    -- The encoding raw is shown as none (Compression encodings, PG_TABLE_DEF).
    case coalesce(encodings ->> attname, 'auto')
        when 'raw' then 'none'
        when 'auto' then case
            when attnum = any (sortkey) or atttypid::regtype in ('boolean', 'real', 'double precision') then 'none'
            when atttypid::regtype in ('varchar', 'bpchar', 'text', 'bytea') then 'lzo'
            else 'az64'
        end
        else encodings ->> attname
    end as encoding,
    coalesce(distkey = attnum, false) as is_distkey,
    coalesce(array_position(sortkey, attnum), 0) * case when sortstyle = 'interleaved' and attnum = any (sortkey[2:])
        and array_position(sortkey, attnum) % 2 = 0 then -1 else 1 end as sort_position,
    attacl
from redshift.relations r
join pg_attribute on attrelid = r.oid and attnum > 0 and not attisdropped
cross join lateral redshift.modifier(attrelid, attname, atttypmod) as modifier
cross join lateral (
    select case when modifier <> atttypmod and atttypid = 'text'::regtype then 'varchar'::regtype::oid else atttypid end
) as shown (type)
left join pg_attrdef on adrelid = attrelid and adnum = attnum;

-- Redshift lacks PostgreSQL's MAINTAIN, so only GRANT ALL grants it here. It represents the
-- privileges that ALL includes in Redshift but not in PostgreSQL.
create or replace view redshift.grants as
select
    r.database_name, r.schema_name, r.table_name, lower(r.table_type) as object_type, granted.privilege_type,
    grantee::int as identity_id,
    case grantee when 0 then 'public' else pg_get_userbyid(grantee)::text end as identity_name,
    case when grantee = 0 then 'public' when rolcanlogin then 'user' else 'role' end as identity_type,
    is_grantable as admin_option,
    pg_get_userbyid(grantor)::text as grantor_name
from redshift.relations r
join pg_class c on c.oid = r.oid
cross join aclexplode(relacl) as acl
cross join unnest(case acl.privilege_type when 'MAINTAIN' then array['ALTER', 'DROP', 'RULE']
    else array[acl.privilege_type] end) as granted (privilege_type)
left join pg_roles on pg_roles.oid = grantee;

create or replace view redshift.key_columns as
select
    k.*, r.database_name, r.schema_name, r.table_name, position::int as key_seq,
    (select attname from pg_attribute where attrelid = relation and attnum = number)::text as column_name,
    (select attname from pg_attribute where attrelid = referenced and attnum = referenced_columns[position])::text
        as referenced_column
from redshift.declared_keys k
join redshift.relations r on r.oid = relation
cross join unnest(columns) with ordinality as numbered (number, position);

-- The views of information_schema that differ on Redshift: they leave out columns of late-binding
-- views, list materialized views as views, and show declared keys.

do $$
begin
    if to_regclass('information_schema._columns') is null then
        alter view information_schema.columns rename to _columns;
        alter view information_schema.views rename to _views;
    end if;
end $$;

create or replace view information_schema.columns as
select * from information_schema._columns
where (table_schema::name, table_name::name) not in (
    select nspname, relname
    from redshift.late_binding_views
    join pg_class c on c.oid = view
    join pg_namespace n on n.oid = relnamespace
);

create or replace view information_schema.views as
select * from information_schema._views
union all
select current_database(), schemaname, matviewname,
    'create materialized view ' || matviewname || ' as ' || definition, 'NONE', 'NO', 'NO', 'NO', 'NO', 'NO'
from pg_matviews;

create or replace view information_schema.table_constraints as
select distinct
    database_name::information_schema.sql_identifier as constraint_catalog,
    schema_name::information_schema.sql_identifier as constraint_schema,
    name::information_schema.sql_identifier as constraint_name,
    database_name::information_schema.sql_identifier as table_catalog,
    schema_name::information_schema.sql_identifier as table_schema,
    table_name::information_schema.sql_identifier as table_name,
    upper(kind)::information_schema.character_data as constraint_type,
    'NO'::information_schema.yes_or_no as is_deferrable,
    'NO'::information_schema.yes_or_no as initially_deferred,
    'NO'::information_schema.yes_or_no as enforced,
    null::information_schema.yes_or_no as nulls_distinct
from redshift.key_columns;

create or replace view information_schema.key_column_usage as
select
    database_name::information_schema.sql_identifier as constraint_catalog,
    schema_name::information_schema.sql_identifier as constraint_schema,
    name::information_schema.sql_identifier as constraint_name,
    database_name::information_schema.sql_identifier as table_catalog,
    schema_name::information_schema.sql_identifier as table_schema,
    table_name::information_schema.sql_identifier as table_name,
    column_name::information_schema.sql_identifier as column_name,
    key_seq::information_schema.cardinal_number as ordinal_position,
    null::information_schema.cardinal_number as position_in_unique_constraint
from redshift.key_columns;

-- Tables and columns

create or replace view pg_catalog.pg_table_def as
select
    schema_name::name as schemaname, table_name::name as tablename, column_name::name as "column",
    full_type::text as type, encoding::varchar(32) as encoding, is_distkey as distkey, sort_position as sortkey,
    is_nullable = 'NO' as "notnull"
from redshift.columns
where table_type = 'TABLE' and schema_name = any (current_schemas(true)::text[])
order by schema_name, table_name, ordinal_position;

create or replace view pg_catalog.svv_tables as
select database_name as table_catalog, schema_name as table_schema, table_name,
    case table_type when 'TABLE' then 'BASE TABLE' else 'VIEW' end as table_type, remarks
from redshift.relations;

create or replace view pg_catalog.svv_columns as
select database_name as table_catalog, schema_name as table_schema, table_name, column_name, ordinal_position,
    column_default, is_nullable, data_type, character_maximum_length, numeric_precision,
    null::int as numeric_precision_radix, numeric_scale, datetime_precision, null::text as interval_type,
    null::text as interval_precision, null::text as character_set_catalog, null::text as character_set_schema,
    null::text as character_set_name, null::text as collation_catalog, null::text as collation_schema,
    null::text as collation_name, null::text as domain_name, column_remarks as remarks
from redshift.columns;

create or replace view pg_catalog.svv_all_tables as
select database_name, schema_name, table_name, table_acl, table_type, remarks from redshift.relations;

create or replace view pg_catalog.svv_all_columns as
select database_name, schema_name, table_name, column_name, ordinal_position, column_default, is_nullable,
    data_type, character_maximum_length, numeric_precision, numeric_scale, column_remarks as remarks
from redshift.columns;

create or replace view pg_catalog.svv_redshift_tables as
select database_name, schema_name, table_name, table_type, table_acl, remarks, table_owner from redshift.relations;

create or replace view pg_catalog.svv_redshift_columns as
select database_name, schema_name, table_name, column_name, ordinal_position, full_type as data_type,
    column_default, is_nullable, encoding, is_distkey as distkey, sort_position as sortkey,
    array_to_string(attacl, '~') as column_acl, column_remarks as remarks
from redshift.columns;

create or replace view pg_catalog.svv_table_info as
select
    database_name as database,
    schema_name as schema,
    r.oid as table_id,
    table_name as "table",
    case encodings when '{}' then 'Y, AUTO(ENCODE)' else 'Y' end as encoded,
    dist_style as diststyle,
    case
        when sortkey = '{}' then 'AUTO(SORTKEY)'
        when sortstyle = 'interleaved' then 'INTERLEAVED'
        else (select attname::text from pg_attribute where attrelid = r.oid and attnum = sortkey[1])
    end as sortkey1,
    (select max(character_maximum_length) from redshift.columns k where k.oid = r.oid)::int as max_varchar,
    (select encoding from redshift.columns k where k.oid = r.oid and ordinal_position = sortkey[1])::char(32)
        as sortkey1_enc,
    cardinality(sortkey) as sortkey_num,
    greatest(pg_table_size(r.oid) >> 20, 1) as size,
    0::numeric(10, 4) as pct_used,
    0::bigint as empty,
    null::numeric(5, 2) as unsorted,
    case when reltuples < 0 then 100 else 0 end::numeric(5, 2) as stats_off,
    greatest(reltuples, pg_stat_get_live_tuples(r.oid))::numeric(38, 0) as tbl_rows,
    null::numeric(19, 2) as skew_sortkey1,
    null::numeric(19, 2) as skew_rows,
    greatest(reltuples, pg_stat_get_live_tuples(r.oid))::numeric(38, 0) as estimated_visible_rows,
    null::text as risk_event,
    null::numeric(12, 2) as vacuum_sort_benefit,
    null::timestamp as create_time
from redshift.relations r
join pg_class c on c.oid = r.oid
where relkind in ('r', 'm') and schema_name !~ '^(pg_|information_schema$)' and pg_relation_size(r.oid) > 0;

-- Dropped and created again: the data directory may hold an older emulator's, with other columns.
drop view if exists pg_catalog.stv_mv_info;
create or replace view pg_catalog.svv_mv_info as
select current_database()::text as database_name, nspname::text as schema_name,
    pg_get_userbyid(relowner)::text as user_name, relname::text as name, 'f' as is_stale, 0 as state,
    case when s.autorefresh then 't' else 'f' end as autorefresh, 'f' as autorewrite
from pg_class c join pg_namespace n on n.oid = relnamespace left join redshift.storage s on s.relation = c.oid
where relkind = 'm';
create view pg_catalog.stv_mv_info as
select database_name::char(128) as db_name, schema_name::char(128) as schema, name::char(128) as name,
    null::bigint as updated_upto_xid, is_stale, user_name::char(128) as owner_user_name, state, autorefresh,
    autorewrite
from pg_catalog.svv_mv_info;

-- Databases, schemas, external schemas and tables

create or replace view pg_catalog.svv_redshift_databases as
select datname::text as database_name, datdba::int as database_owner, 'local' as database_type,
    array_to_string(datacl, '~') as database_acl, null::text as database_options,
    'Serializable' as database_isolation_level
from pg_database where not datistemplate and datname <> 'postgres';
create or replace view pg_catalog.svv_all_databases as select * from pg_catalog.svv_redshift_databases;

create or replace view pg_catalog.svv_redshift_schemas as
select current_database()::text as database_name, nspname::text as schema_name, nspowner::int as schema_owner,
    'local' as schema_type, array_to_string(nspacl, '~') as schema_acl, null::text as schema_option
from pg_namespace where nspname <> 'redshift' and nspname !~ '^pg_(toast|temp)';

create or replace view pg_catalog.svv_all_schemas as
select database_name, schema_name, schema_owner, schema_type, schema_acl, null::text as source_database, schema_option
from pg_catalog.svv_redshift_schemas;

create or replace view pg_catalog.svv_external_schemas as
select 0::oid as esoid, 0::smallint as eskind, ''::name as schemaname, 0 as esowner, ''::text as databasename,
    ''::text as esoptions where false;
create or replace view pg_catalog.svv_external_tables as
select ''::text as redshift_database_name, ''::text as schemaname, ''::text as tablename, ''::text as tabletype,
    ''::text as location, ''::text as input_format, ''::text as output_format, ''::text as serialization_lib,
    ''::text as serde_parameters, 0 as compressed, ''::text as parameters where false;
create or replace view pg_catalog.svv_external_columns as
select ''::text as redshift_database_name, ''::text as schemaname, ''::text as tablename, ''::text as columnname,
    ''::text as external_type, 0 as columnnum, 0 as part_key, ''::text as is_nullable where false;

-- Users, roles, privileges; groups and roles are the same thing here

create or replace view pg_catalog.svv_roles as
select oid::int as role_id, rolname::text as role_name, 'rdsdb' as role_owner, null::text as external_id
from pg_roles where not rolcanlogin and rolname !~ '^pg_';

create or replace view pg_catalog.svv_user_info as
select usesysid::int as user_id, usename::text as user_name, usecreatedb as createdb, usesuper as superuser
from pg_user;

create or replace view pg_catalog.svv_user_grants as
select u.oid::int as user_id, u.rolname::text as user_name, r.oid::int as role_id, r.rolname::text as role_name,
    admin_option
from pg_auth_members m join pg_roles u on u.oid = m.member join pg_roles r on r.oid = m.roleid
where u.rolcanlogin;

create or replace view pg_catalog.svv_relation_privileges as
select schema_name as namespace_name, table_name as relation_name, privilege_type, identity_id, identity_name,
    identity_type, admin_option
from redshift.grants;

create or replace view pg_catalog.svv_schema_privileges as
select nspname::text as namespace_name, privilege_type, grantee::int as identity_id,
    case grantee when 0 then 'public' else pg_get_userbyid(grantee)::text end as identity_name,
    case when grantee = 0 then 'public' when rolcanlogin then 'user' else 'role' end as identity_type,
    is_grantable as admin_option
from pg_namespace cross join aclexplode(nspacl) left join pg_roles on pg_roles.oid = grantee
where nspname <> 'redshift';

create or replace view pg_catalog.pg_proc_info as select oid as prooid, p.* from pg_proc p;

-- Sessions, queries, transactions

create or replace view pg_catalog.stv_sessions as
select backend_start at time zone 'UTC' as starttime, pid as process, usename::char(50) as user_name,
    datname::char(50) as db_name, 0 as timeout_sec
from pg_stat_activity where backend_type = 'client backend' and usename <> 'rdsdb';

create or replace view pg_catalog.stv_recents as
select usesysid::int as userid, case state when 'active' then 'Running' else 'Done' end::char(20) as status,
    query_start at time zone 'UTC' as starttime,
    (extract(epoch from clock_timestamp() - query_start) * 1000000)::bigint as duration, usename::char(50) as user_name,
    datname::char(50) as db_name, query::char(600) as query, pid
from pg_stat_activity where backend_type = 'client backend' and usename <> 'rdsdb';

create or replace view pg_catalog.stv_inflight as
select userid, 0 as slice, 0 as query, null::char(320) as label, null::bigint as xid, pid, starttime,
    query::char(100) as text, 0 as suspended, 0 as insert_pristine, 'f'::char(8) as concurrency_scaling_status
from pg_catalog.stv_recents where status = 'Running';

create or replace view pg_catalog.sys_query_history as
select usesysid::int as user_id, null::bigint as query_id, null::text as query_label, null::bigint as transaction_id,
    pid as session_id, datname::text as database_name, null::text as query_type, 'running' as status,
    query_start at time zone 'UTC' as start_time, null::timestamp as end_time,
    (extract(epoch from clock_timestamp() - query_start) * 1000000)::bigint as elapsed_time, query as query_text
from pg_stat_activity where backend_type = 'client backend' and usename <> 'rdsdb' and state = 'active'
union all
select user_id, query_id, null, transaction_id, session_id, database_name, query_type,
    case status when 'completed' then 'success' else 'failed' end, start_time, end_time, duration, null
from (
    select user_id, query_id, transaction_id, session_id, database_name, 'COPY' as query_type, status, start_time,
        end_time, duration
    from pg_catalog.sys_load_history where status <> 'running'
    union all
    select user_id, query_id, transaction_id, session_id, database_name, 'UNLOAD', status, start_time, end_time,
        duration
    from pg_catalog.sys_unload_history
) ended;

create or replace view pg_catalog.sys_query_detail as
select user_id, null::bigint as query_id, 1 as child_query_sequence, 0 as stream_id, 0 as segment_id, 0 as step_id,
    'insert'::text as step_name, table_id, table_name::char(136) as table_name, 'f'::char(1) as is_rrscan, start_time,
    end_time, (extract(epoch from end_time - start_time) * 1000000)::bigint as duration, null::text as alert,
    null::bigint as input_bytes, inserted_rows as input_rows, null::bigint as output_bytes,
    inserted_rows as output_rows
from redshift.inserts;

create or replace view pg_catalog.svv_transactions as
select usename::text as txn_owner, datname::text as txn_db, coalesce(backend_xid, backend_xmin)::text::bigint as xid, a.pid,
    xact_start at time zone 'UTC' as txn_start, mode::text as lock_mode, locktype::text as lockable_object_type,
    relation::int as relation, granted
from pg_stat_activity a join pg_locks l on l.pid = a.pid
where xact_start is not null and usename <> 'rdsdb';

-- Always empty: PostgreSQL does not undo transactions, it hides what they wrote.
create or replace view pg_catalog.stl_undone as
select 0 as userid, 0::bigint as xact_id, 0::bigint as xact_id_undone, null::timestamp as undo_start_ts,
    null::timestamp as undo_end_ts, 0::bigint as table_id where false;

create or replace view pg_catalog.stv_locks as
select l.relation::int as table_id, xact_start at time zone 'UTC' as last_update, a.pid::bigint as lock_owner_pid,
    mode::char(22) as lock_status
from pg_stat_activity a join pg_locks l on l.pid = a.pid
where l.locktype = 'relation' and mode ~ 'Exclusive' and usename <> 'rdsdb';

-- SHOW commands. `path` is the name, outermost part first, with or without the database. Dropped and
-- created again: the data directory may hold an older emulator's, with other columns.

do $$
declare
    ours regprocedure;
begin
    for ours in select oid from pg_proc where pronamespace = 'redshift'::regnamespace and proname like 'show\_%'
    loop
        execute format('drop function %s', ours);
    end loop;
end $$;

create or replace function redshift.show_databases(path text[] default '{}', pattern text default '%')
returns table (database_name text, database_owner int, database_type text, database_acl text, parameters text,
    database_isolation_level text)
language sql stable as $$
    select * from pg_catalog.svv_redshift_databases d where d.database_name like pattern order by 1
$$;

create or replace function redshift.show_schemas(path text[] default array[current_database()], pattern text default '%')
returns table (database_name text, schema_name text, schema_owner int, schema_type text, schema_acl text,
    source_database text, schema_option text)
language sql stable as $$
    select * from pg_catalog.svv_all_schemas s
    where s.database_name = path[1] and s.schema_name like pattern order by 2
$$;

create or replace function redshift.show_tables(path text[] default array[current_schema()], pattern text default '%')
returns table (database_name text, schema_name text, table_name text, table_type text, table_acl text, remarks text,
    owner text, last_altered_time timestamp, last_modified_time timestamp, dist_style text, table_subtype text)
language sql stable as $$
    select r.database_name, r.schema_name, r.table_name, r.table_type, r.table_acl, r.remarks, r.table_owner,
        null::timestamp, (select max(i.end_time) from redshift.inserts i where i.table_id = r.oid),
        case when r.table_type = 'TABLE' then r.dist_style end, r.table_subtype
    from redshift.relations r
    where r.schema_name = path[cardinality(path)] and r.table_name like pattern order by 3
$$;

create or replace function redshift.show_columns(path text[], pattern text default '%')
returns table (database_name text, schema_name text, table_name text, column_name text, ordinal_position int,
    column_default text, is_nullable text, data_type text, character_maximum_length int, numeric_precision int,
    numeric_scale int, remarks text, sort_key_type text, sort_key int, dist_key int, encoding text, "collation" text)
language sql stable as $$
    select c.database_name, c.schema_name, c.table_name, c.column_name, c.ordinal_position, c.column_default,
        c.is_nullable, c.data_type, c.character_maximum_length, c.numeric_precision, c.numeric_scale,
        c.column_remarks, upper(c.sortstyle), c.sort_position, c.is_distkey::int, c.encoding, null
    from redshift.columns c
    where c.table_name = path[cardinality(path)] and c.column_name like pattern
        and c.schema_name = coalesce(path[cardinality(path) - 1], current_schema())
    order by 5
$$;

create or replace function redshift.show_grants(path text[])
returns table (database_name text, schema_name text, object_name text, object_type text, privilege_type text,
    identity_id int, identity_name text, identity_type text, admin_option boolean, privilege_scope text,
    grantor_name text)
language sql stable as $$
    select g.database_name, g.schema_name, g.table_name, g.object_type, g.privilege_type, g.identity_id,
        g.identity_name, g.identity_type, g.admin_option, upper(g.object_type), g.grantor_name
    from redshift.grants g
    where g.table_name = path[cardinality(path)] and g.schema_name = coalesce(path[cardinality(path) - 1], current_schema())
        and g.identity_name <> (
            select table_owner from redshift.relations r
            where r.schema_name = g.schema_name and r.table_name = g.table_name
        )
    order by 5, 8 desc, 6
$$;

create or replace function redshift.show_constraints_primary_keys(path text[])
returns table (database_name text, schema_name text, table_name text, column_name text, key_seq int, pk_name text)
language sql stable as $$
    select k.database_name, k.schema_name, k.table_name, k.column_name, k.key_seq, k.name
    from redshift.key_columns k
    where kind = 'primary key' and k.table_name = path[cardinality(path)]
        and k.schema_name = coalesce(path[cardinality(path) - 1], current_schema())
    order by 5
$$;

create or replace view redshift.foreign_keys as
select r.database_name as pk_database_name, r.schema_name as pk_schema_name, r.table_name as pk_table_name,
    k.referenced_column as pk_column_name, k.database_name as fk_database_name, k.schema_name as fk_schema_name,
    k.table_name as fk_table_name, k.column_name as fk_column_name, k.key_seq, k.name as fk_name,
    (select p.name from redshift.declared_keys p where p.relation = k.referenced and p.kind = 'primary key')::text
        as pk_name,
    null::int as update_rule, null::int as delete_rule, null::int as deferrability
from redshift.key_columns k join redshift.relations r on r.oid = k.referenced
where k.kind = 'foreign key';

create or replace function redshift.show_constraints_foreign_keys(path text[]) returns setof redshift.foreign_keys
language sql stable as $$
    select * from redshift.foreign_keys
    where fk_table_name = path[cardinality(path)]
        and fk_schema_name = coalesce(path[cardinality(path) - 1], current_schema())
    order by fk_name, key_seq
$$;

create or replace function redshift.show_constraints_foreign_keys_exported(path text[])
returns setof redshift.foreign_keys
language sql stable as $$
    select * from redshift.foreign_keys
    where pk_table_name = path[cardinality(path)]
        and pk_schema_name = coalesce(path[cardinality(path) - 1], current_schema())
    order by fk_schema_name, fk_table_name, fk_name, key_seq
$$;

create or replace function redshift.show_column_grants(path text[])
returns table (database_name text, schema_name text, table_name text, column_name text, object_type text,
    privilege_type text, identity_id int, identity_name text, identity_type text, admin_option boolean,
    privilege_scope text, grantor_name text)
language sql stable as $$
    select c.database_name, c.schema_name, c.table_name, c.column_name, 'COLUMN', privilege_type, grantee::int,
        case grantee when 0 then 'public' else pg_get_userbyid(grantee)::text end,
        case when grantee = 0 then 'public' when rolcanlogin then 'user' else 'role' end,
        is_grantable, 'COLUMN', pg_get_userbyid(grantor)::text
    from redshift.columns c cross join aclexplode(attacl) left join pg_roles on pg_roles.oid = grantee
    where c.table_name = path[cardinality(path)]
        and c.schema_name = coalesce(path[cardinality(path) - 1], current_schema())
    order by 4, 6, 9 desc, 7
$$;

-- Only user-defined functions: those of pg_catalog are PostgreSQL's. There are no procedures.

create or replace view redshift.functions as
select p.oid, current_database()::text as database_name, nspname::text as schema_name, proname::text as function_name,
    pronargs::int as number_of_arguments, oidvectortypes(proargtypes) as argument_list,
    format_type(prorettype, null) as return_type, obj_description(p.oid, 'pg_proc') as remarks, proargtypes, proargnames
from pg_proc p join pg_namespace n on n.oid = pronamespace
where nspname not in ('redshift', 'pg_catalog', 'information_schema');

create or replace function redshift.show_functions(path text[], pattern text default '%')
returns table (database_name text, schema_name text, function_name text, number_of_arguments int, argument_list text,
    return_type text, remarks text)
language sql stable as $$
    select f.database_name, f.schema_name, f.function_name, f.number_of_arguments, f.argument_list, f.return_type,
        f.remarks
    from redshift.functions f
    where f.schema_name = path[cardinality(path)] and f.function_name like pattern
    order by 3, 5
$$;

create or replace function redshift.show_procedures(path text[], pattern text default '%')
returns table (database_name text, schema_name text, procedure_name text, number_of_arguments int, argument_list text,
    return_type text, remarks text)
language sql stable as $$ select '', '', '', 0, '', '', '' where false $$;

create or replace function redshift.show_parameters_of_function(path text[], types text[], pattern text default '%')
returns table (database_name text, schema_name text, function_name text, parameter_name text, ordinal_position int,
    parameter_type text, data_type text, character_maximum_length int, numeric_precision int, numeric_scale int)
language sql stable as $$
    select f.database_name, f.schema_name, f.function_name, name, position, direction, data_type,
        null::int, null::int, null::int
    from redshift.functions f
    cross join lateral (
        select '', 0, 'RETURN', f.return_type
        union all
        select coalesce(f.proargnames[n], ''), n::int, 'IN', format_type(type, null)
        from unnest(f.proargtypes) with ordinality as argument (type, n)
    ) as parameter (name, position, direction, data_type)
    where f.function_name = path[cardinality(path)] and name like pattern
        and f.schema_name = coalesce(path[cardinality(path) - 1], current_schema())
        and f.argument_list = (
            select coalesce(string_agg(format_type(to_regtype(name), null), ', ' order by n), '')
            from unnest(types) with ordinality as named (name, n)
        )
    order by 5
$$;

create or replace function redshift.show_parameters_of_procedure(path text[], types text[], pattern text default '%')
returns table (database_name text, schema_name text, procedure_name text, parameter_name text, ordinal_position int,
    parameter_type text, data_type text, character_maximum_length int, numeric_precision int, numeric_scale int)
language sql stable as $$ select '', '', '', '', 0, '', '', 0, 0, 0 where false $$;

create or replace function redshift.show_table(path text[]) returns table ("Show Table DDL statement" text)
language sql stable as $$
    select format(e'CREATE TABLE %I.%I (\n%s\n)\nDISTSTYLE %s%s;', schema_name, table_name,
        string_agg(format('    %I %s%s ENCODE %s', column_name, full_type,
            case is_nullable when 'NO' then ' NOT NULL' end,
            case encoding when 'none' then 'raw' else encoding end), e',\n' order by ordinal_position),
        split_part(dist_style, '(', 1),
        ' SORTKEY ( ' || string_agg(quote_ident(column_name), ', ' order by sort_position)
            filter (where sort_position <> 0) || ' )')
    from redshift.columns
    where table_name = path[cardinality(path)] and schema_name = coalesce(path[cardinality(path) - 1], current_schema())
        and table_type = 'TABLE'
    group by schema_name, table_name, dist_style
$$;

create or replace function redshift.show_view(path text[]) returns table ("Show View DDL statement" text)
language sql stable as $$
    select coalesce(definition || ' with no schema binding;', pg_get_viewdef(oid))
    from redshift.relations left join redshift.late_binding_views on view = oid
    where table_name = path[cardinality(path)] and schema_name = coalesce(path[cardinality(path) - 1], current_schema())
        and table_type = 'VIEW'
$$;

grant select on all tables in schema redshift, information_schema to public;
do $$
declare
    ours regclass;
begin
    for ours in
        select oid from pg_class where relnamespace = 'pg_catalog'::regnamespace and relkind = 'v' and oid >= 16384
    loop
        execute format('grant select on %s to public', ours);
    end loop;
end $$;
