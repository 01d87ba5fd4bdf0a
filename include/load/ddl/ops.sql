-- What the pipeline keeps of its runs: who works on the warehouse, how far each model is, what ran,
-- what passed and what readers were given.
create schema if not exists ops;

-- One row per dbt target schema. `through_load_id` is the newest load that the owner's run may read.
create table if not exists ops.run_lock (
    target_schema varchar(127) not null,
    owner varchar(512) not null,
    acquired_at timestamp not null,
    expires_at timestamp not null,
    through_load_id bigint not null
)
diststyle all;

-- Append-only, so that concurrent models do not conflict; of a model's rows the newest counts.
create table if not exists ops.watermarks (
    target_schema varchar(127) not null,
    model varchar(127) not null,
    through_load_id bigint not null,
    run_id varchar(512) not null,
    recorded_at timestamp not null
)
diststyle all;

create table if not exists ops.node_runs (
    target_schema varchar(127) not null,
    run_id varchar(512) not null,
    node varchar(512) not null,
    resource_type varchar(32) not null,
    relation varchar(512), -- as SQL spells it; null for what builds none
    status varchar(32) not null,
    failures bigint,
    seconds double precision not null,
    finished_at timestamp not null
)
diststyle all;

-- One row per run whose gate was green: through which load, for which state of the dbt project, and
-- whether it judged all history or what the loads since the gate before had touched.
create table if not exists ops.gates (
    target_schema varchar(127) not null,
    project varchar(64) not null,
    through_load_id bigint not null,
    run_id varchar(512) not null,
    recorded_at timestamp not null,
    is_whole boolean
)
diststyle all;

-- What builds have replaced in production's unpublished tables: a key of the model (a day as
-- YYYY-MM-DD), or the whole table where it is null. No publication yet: the next one brings it.
create table if not exists ops.replaced_keys (
    target_schema varchar(127) not null,
    model varchar(127) not null,
    key_value varchar(256),
    recorded_at timestamp not null,
    publication_id bigint
)
diststyle all;

-- One row per state that readers were given. A newest one that was rolled back holds the next.
create table if not exists ops.publications (
    target_schema varchar(127) not null,
    publication_id bigint not null,
    run_id varchar(512) not null,
    through_load_id bigint not null,
    published_at timestamp not null,
    rolled_back_at timestamp
)
diststyle all;

-- One row at most: when the retention was last applied, with which setting, and through which load
-- the change feed has gone.
create table if not exists ops.retention (
    applied_at timestamp not null,
    days integer not null,
    removed_through_load_id bigint not null
)
diststyle all;

-- One row per alert of a stale source, which is told of once a day.
create table if not exists ops.alerts (
    target_schema varchar(127) not null,
    subject varchar(512) not null,
    run_id varchar(512) not null,
    sent_at timestamp not null
)
diststyle all;
