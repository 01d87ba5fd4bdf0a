-- The load logs of COPY and UNLOAD: the tables that load_log.py fills, and Redshift's views and functions
-- on them, with the columns and types of their pages in the AWS Database Developer Guide. Only
-- bytes_scanned is wider, because objects can be larger.
--
-- A separate connection writes the rows, so that they survive a ROLLBACK. A transaction with a
-- snapshot cannot see those of its own COPY, so it gets the same rows a second time, and the views
-- remove the duplicates. The views show rows after the delay that the emulator was started with. A
-- session's functions see its last COPY and UNLOAD at once.

create schema if not exists redshift;
grant usage on schema redshift to public;

-- The columns that describe a row's statement; the table is always empty
create table if not exists redshift.logged_statement (
    query_id bigint not null,
    user_id integer not null,
    transaction_id bigint not null,
    session_id integer not null,
    database_name text not null
);

create table if not exists redshift.load_history (
    like redshift.logged_statement,
    status text not null check (status in ('running', 'completed', 'aborted')),
    table_name text not null,
    start_time timestamp not null,
    end_time timestamp,
    data_source text not null,
    file_format text not null,
    loaded_rows bigint not null default 0,
    loaded_bytes bigint not null default 0,
    source_file_count integer not null default 0,
    source_file_bytes bigint not null default 0,
    error_count bigint not null default 0
);

create index if not exists load_history_session on redshift.load_history (session_id);
create index if not exists load_history_query on redshift.load_history (query_id);

create table if not exists redshift.load_detail (
    query_id bigint not null,
    user_id integer not null,
    file_name text not null,
    file_etag text not null,
    file_last_modified timestamp,
    file_format text not null,
    bytes_scanned bigint not null,
    lines_scanned integer not null,
    start_time timestamp not null,
    end_time timestamp not null
);

create index if not exists load_detail_query on redshift.load_detail (query_id);

create table if not exists redshift.load_errors (
    like redshift.logged_statement,
    table_id integer not null,
    start_time timestamp not null,
    file_name text not null,
    line_number bigint not null,
    column_name text not null,
    column_type text not null,
    column_length text not null,
    position integer not null,
    raw_line text not null,
    raw_field_value text not null,
    error_code integer not null,
    error_message text not null,
    -- Numbers the errors of a load, so that two identical errors in one line count twice.
    error_number bigint not null
);

create index if not exists load_errors_query on redshift.load_errors (query_id);

-- The fields of a rejected record, up to the one at fault
create table if not exists redshift.load_error_fields (
    like redshift.logged_statement,
    file_name text not null,
    line_number bigint not null,
    field integer not null,
    column_name text not null,
    column_type text not null,
    column_length text not null,
    value text not null,
    is_null integer not null
);

create index if not exists load_error_fields_query on redshift.load_error_fields (query_id);

create table if not exists redshift.load_replacements (
    like redshift.logged_statement,
    table_id integer not null,
    start_time timestamp not null,
    file_name text not null,
    line_number bigint not null,
    column_name text not null,
    raw_line text not null
);

create table if not exists redshift.unload_history (
    like redshift.logged_statement,
    status text not null check (status in ('completed', 'aborted')),
    start_time timestamp not null,
    end_time timestamp not null,
    file_format text not null,
    compression_type text not null,
    unloaded_location text not null,
    unloaded_rows bigint not null,
    unloaded_files_count bigint not null,
    unloaded_files_size bigint not null,
    error_message text not null
);

create index if not exists unload_history_session on redshift.unload_history (session_id);

create table if not exists redshift.unload_detail (
    like redshift.logged_statement,
    file_name text not null,
    start_time timestamp not null,
    end_time timestamp not null,
    line_count bigint not null,
    transfer_size bigint not null,
    file_format text not null
);

-- A data directory of an older emulator lacks these columns.
alter table redshift.load_errors add column if not exists error_number bigint not null default 0;
do $$
declare
    log text;
begin
    foreach log in array array[
        'load_history', 'load_detail', 'load_errors', 'load_error_fields', 'load_replacements',
        'unload_history', 'unload_detail'
    ] loop
        execute format(
            'alter table redshift.%I add column if not exists visible_at timestamptz not null'
            ' default clock_timestamp() + current_setting(''redshift.system_view_delay'')::interval',
            log
        );
    end loop;
end $$;

grant select, insert on redshift.load_history, redshift.load_detail, redshift.load_errors, redshift.load_error_fields,
    redshift.load_replacements, redshift.unload_history, redshift.unload_detail to public;

create or replace view redshift.visible_load_errors as
select distinct
    query_id, user_id, transaction_id, session_id, database_name, table_id, start_time, file_name, line_number,
    column_name, column_type, column_length, position, raw_line, raw_field_value, error_code, error_message, error_number
from redshift.load_errors
where visible_at <= clock_timestamp();

create or replace view pg_catalog.stl_load_errors as
select
    user_id as userid,
    0 as slice,
    table_id as tbl,
    start_time as starttime,
    session_id as session,
    query_id::integer as query,
    file_name::character(256) as filename,
    line_number,
    column_name::character(127) as colname,
    column_type::character(10) as type,
    column_length::character(10) as col_length,
    position,
    raw_line::character(1024) as raw_line,
    raw_field_value::character(1024) as raw_field_value,
    error_code as err_code,
    error_message::character(100) as err_reason,
    0 as is_partial,
    0::bigint as start_offset,
    0::bigint as copy_job_id
from redshift.visible_load_errors;

create or replace view pg_catalog.sys_load_error_detail as
select
    user_id,
    query_id,
    transaction_id,
    session_id,
    database_name::character(64) as database_name,
    table_id,
    start_time,
    file_name::character(256) as file_name,
    line_number,
    column_name::character(127) as column_name,
    column_type::character(10) as column_type,
    column_length::character(10) as column_length,
    position,
    error_code,
    error_message::character(512) as error_message
from redshift.visible_load_errors;

create or replace view pg_catalog.stl_load_commits as
select distinct
    user_id as userid,
    query_id::integer as query,
    0 as slice,
    ''::character(256) as name,
    file_name::character(256) as filename,
    0 as byte_offset,
    lines_scanned,
    0 as errors,
    end_time as curtime,
    1 as status,
    file_format::character(16) as file_format,
    0 as is_partial,
    0::bigint as start_offset,
    0::bigint as copy_job_id
from redshift.load_detail
where visible_at <= clock_timestamp();

create or replace view pg_catalog.sys_load_detail as
select distinct
    user_id,
    query_id,
    file_name::character(256) as file_name,
    bytes_scanned,
    lines_scanned,
    end_time as record_time,
    1 as splits_scanned,
    start_time,
    end_time,
    file_etag::character(256) as file_etag,
    file_last_modified
from redshift.load_detail
where visible_at <= clock_timestamp();

create or replace view pg_catalog.sys_load_history as
select distinct
    user_id,
    query_id,
    transaction_id,
    session_id,
    database_name,
    status,
    table_name,
    start_time,
    end_time,
    (extract(epoch from end_time - start_time) * 1000000)::bigint as duration,
    data_source,
    file_format,
    loaded_rows,
    loaded_bytes,
    source_file_count,
    source_file_bytes,
    source_file_count as file_count_scanned,
    source_file_bytes as file_bytes_scanned,
    error_count,
    0::bigint as copy_job_id
from redshift.load_history
where visible_at <= clock_timestamp();

create or replace view pg_catalog.stl_loaderror_detail as
select distinct
    user_id as userid,
    0 as slice,
    session_id as session,
    query_id::integer as query,
    file_name::character(256) as filename,
    line_number,
    field,
    column_name::character(1024) as colname,
    value::character(1024) as value,
    is_null,
    column_type::character(10) as type,
    column_length::character(10) as col_length
from redshift.load_error_fields
where visible_at <= clock_timestamp();

create or replace view pg_catalog.stl_replacements as
select distinct
    user_id as userid,
    query_id::integer as query,
    0 as slice,
    table_id as tbl,
    start_time as starttime,
    session_id as session,
    file_name::character(256) as filename,
    line_number,
    column_name::character(127) as colname,
    raw_line::character(1024) as raw_line
from redshift.load_replacements
where visible_at <= clock_timestamp();

create or replace view pg_catalog.sys_copy_replacements as
select distinct
    user_id,
    query_id,
    table_id,
    file_name::character(256) as file_name,
    column_name::character(127) as column_name,
    line_number,
    raw_line::character(1024) as raw_line
from redshift.load_replacements
where visible_at <= clock_timestamp();

create or replace view pg_catalog.sys_unload_history as
select distinct
    user_id,
    query_id,
    transaction_id,
    session_id,
    database_name,
    status,
    start_time,
    end_time,
    (extract(epoch from end_time - start_time) * 1000000)::bigint as duration,
    file_format,
    compression_type,
    unloaded_location,
    unloaded_rows,
    unloaded_files_count,
    unloaded_files_size,
    error_message
from redshift.unload_history
where visible_at <= clock_timestamp();

create or replace view pg_catalog.sys_unload_detail as
select distinct
    user_id,
    query_id,
    session_id,
    transaction_id,
    file_name::character(1280) as file_name,
    start_time,
    end_time,
    line_count,
    transfer_size,
    file_format::character(10) as file_format
from redshift.unload_detail
where visible_at <= clock_timestamp();

create or replace view pg_catalog.stl_unload_log as
select distinct
    user_id as userid,
    query_id::integer as query,
    0 as slice,
    session_id as pid,
    file_name::character(1280) as path,
    start_time,
    end_time,
    line_count,
    transfer_size,
    file_format::character(10) as file_format
from redshift.unload_detail
where visible_at <= clock_timestamp();

grant select on redshift.visible_load_errors, pg_catalog.stl_load_errors, pg_catalog.sys_load_error_detail, pg_catalog.stl_loaderror_detail,
    pg_catalog.stl_load_commits, pg_catalog.sys_load_detail, pg_catalog.sys_load_history,
    pg_catalog.stl_replacements, pg_catalog.sys_copy_replacements, pg_catalog.sys_unload_history,
    pg_catalog.sys_unload_detail, pg_catalog.stl_unload_log to public;

-- The last COPY of this session that began to load, even if it failed or was rolled back.
create or replace function pg_catalog.pg_last_copy_id() returns integer
language sql stable as $$
    select coalesce(max(load.query_id), -1)::integer
    from redshift.load_history as load
    join pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) as session
        on session.pid = load.session_id
    where load.start_time >= session.backend_start at time zone 'UTC'
$$;

create or replace function pg_catalog.pg_last_copy_count() returns bigint
language sql stable as $$
    select coalesce(max(loaded_rows), 0)
    from redshift.load_history
    where query_id = pg_catalog.pg_last_copy_id()
$$;

-- The last UNLOAD of this session that ended, even if it failed
create or replace function pg_catalog.pg_last_unload_id() returns integer
language sql stable as $$
    select coalesce(max(unload.query_id), -1)::integer
    from redshift.unload_history as unload
    join pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) as session
        on session.pid = unload.session_id
    where unload.start_time >= session.backend_start at time zone 'UTC'
$$;

create or replace function pg_catalog.pg_last_unload_count() returns bigint
language sql stable as $$
    select coalesce(max(unloaded_rows), 0)
    from redshift.unload_history
    where query_id = pg_catalog.pg_last_unload_id() and status = 'completed'
$$;
