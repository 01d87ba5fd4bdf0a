-- The log of connections and disconnections. Only superusers may read it (STL_CONNECTION_LOG,
-- SYS_CONNECTION_LOG), so this script runs after the one that grants the other views to everybody.

create table if not exists redshift.connection_log (
    event text not null,
    recorded_at timestamp not null default (clock_timestamp() at time zone 'UTC'),
    remote_host text,
    remote_port text,
    session_id integer not null default pg_backend_pid(),
    database_name text not null default current_database(),
    user_name text not null default session_user,
    duration bigint not null default 0,
    ssl_version text,
    ssl_cipher text,
    application_name text,
    driver_version text,
    os_version text,
    plugin_name text
);

delete from redshift.connection_log where recorded_at < now() at time zone 'UTC' - interval '7 days';

create or replace function redshift.log_connection(
    remote_host text, remote_port text, ssl_version text, ssl_cipher text,
    application_name text, driver_version text, os_version text, plugin_name text
) returns void language sql security definer as $$
    insert into redshift.connection_log (
        event, remote_host, remote_port, ssl_version, ssl_cipher,
        application_name, driver_version, os_version, plugin_name
    )
    select event, $1, $2, $3, $4, $5, $6, $7, $8
    from unnest(array['authenticated', 'initiating session']) as event
$$;

create or replace function redshift.log_disconnection() returns void language sql security definer as $$
    insert into redshift.connection_log
    select 'disconnecting session', clock_timestamp() at time zone 'UTC', remote_host, remote_port, session_id,
        database_name, user_name, extract(epoch from clock_timestamp() at time zone 'UTC' - recorded_at) * 1000000,
        ssl_version, ssl_cipher, application_name, driver_version, os_version, plugin_name
    from redshift.connection_log
    where session_id = pg_backend_pid() and event = 'initiating session'
    order by recorded_at desc
    limit 1
$$;

create or replace view pg_catalog.sys_connection_log as
select
    event::char(50) as event,
    recorded_at as record_time,
    remote_host::char(45) as remote_host,
    remote_port::char(32) as remote_port,
    session_id,
    database_name::char(50) as database_name,
    user_name::char(50) as user_name,
    'password'::char(32) as auth_method,
    duration::integer as duration,
    ssl_version::char(50) as ssl_version,
    ssl_cipher::char(128) as ssl_cipher,
    0 as mtu,
    ''::char(64) as ssl_compression,
    ''::char(64) as ssl_expansion,
    ''::char(36) as iam_auth_guid,
    application_name::char(250) as application_name,
    driver_version::char(64) as driver_version,
    os_version::char(64) as os_version,
    plugin_name::char(32) as plugin_name,
    0 as protocol_version
from redshift.connection_log;

create or replace view pg_catalog.stl_connection_log as
select
    event,
    record_time as recordtime,
    remote_host as remotehost,
    remote_port as remoteport,
    session_id as pid,
    database_name as dbname,
    user_name as username,
    auth_method as authmethod,
    duration,
    ssl_version as sslversion,
    ssl_cipher as sslcipher,
    mtu,
    ssl_compression as sslcompression,
    ssl_expansion as sslexpansion,
    iam_auth_guid as iamauthguid,
    application_name,
    os_version,
    driver_version,
    plugin_name,
    protocol_version
from pg_catalog.sys_connection_log;

revoke all on redshift.connection_log, pg_catalog.sys_connection_log, pg_catalog.stl_connection_log from public;
