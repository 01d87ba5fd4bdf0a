-- What each role may do. Run by a superuser; running it again changes nothing.
-- Redshift has no "create role if not exists": include/access/roles.py creates the roles first.

-- Everyone may create tables in `public` unless this is taken away (Schema-based permissions).
revoke create on schema public from public;

create schema if not exists "raw";
create schema if not exists ops;
create schema if not exists staging;
create schema if not exists intermediate;
create schema if not exists unpublished;
create schema if not exists analytics;
create schema if not exists reporting;
create schema if not exists superseded;
create schema if not exists dq;

-- The loader fills the sources and owns the tables that it creates there.
grant usage, create on schema "raw", ops to role sparkify_loader;

-- The transformer reads the sources, keeps its own accounts in `ops`, and builds everything behind.
grant usage on schema "raw", ops to role sparkify_transformer;
grant select on all tables in schema "raw" to role sparkify_transformer;
grant select, insert, update, delete on all tables in schema ops to role sparkify_transformer;
grant usage, create on schema staging, intermediate, unpublished to role sparkify_transformer;
grant usage, create on schema analytics, reporting, superseded, dq to role sparkify_transformer;

-- Readers read what was published: publishing grants each table as it makes it, and
-- include/access/roles.py those that are there. Personal data is for the second role alone.
grant usage on schema analytics, reporting to role sparkify_reader, role sparkify_pii_reader;
