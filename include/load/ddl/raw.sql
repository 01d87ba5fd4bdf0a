-- What COPY fills: the published columns of the Sparkify sources, and the partition and load of each
-- row. They are sorted by load: the audit knows which load brought a partition's rows, so replacing
-- them reads these rows alone. Rows of one load are of one day, so a filter on ts skips blocks, too.
-- Text is wide enough for every real value several times over; a longer one is rejected by COPY.
create schema if not exists "raw"; -- a reserved word in Redshift

create table if not exists "raw".staging_events (
    artist varchar(512),
    auth varchar(32),
    firstname varchar(256),
    gender varchar(16),
    iteminsession integer,
    lastname varchar(256),
    length double precision,
    level varchar(16),
    location varchar(512),
    method varchar(16),
    page varchar(64),
    registration double precision,
    sessionid bigint,
    song varchar(512),
    status integer,
    ts bigint,
    useragent varchar(1024),
    userid varchar(64),
    _partition varchar(1100) not null,
    _loaded_at timestamp not null,
    _load_id bigint default 0 not null
)
diststyle even
sortkey (_load_id, ts);

create table if not exists "raw".staging_songs (
    num_songs integer,
    artist_id varchar(64),
    artist_latitude double precision,
    artist_longitude double precision,
    artist_location varchar(512),
    artist_name varchar(512),
    song_id varchar(64),
    title varchar(512),
    duration double precision,
    year integer,
    _partition varchar(1100) not null,
    _loaded_at timestamp not null,
    _load_id bigint default 0 not null
)
diststyle even
sortkey (_load_id);

-- The load audit: one row per load of a partition that was tried. load_id grows with every load,
-- failed ones too, in the order of their commits. `absorbed`: the partition is now a part of another.
create table if not exists "raw".load_history (
    load_id bigint not null,
    target_table varchar(128) not null,
    partition_prefix varchar(1100) not null,
    mode varchar(16) not null,
    status varchar(16) not null,
    run_id varchar(512) not null,
    files bigint not null,
    bytes bigint not null,
    listing_hash varchar(64) not null,
    lines_scanned bigint not null,
    rows_loaded bigint not null,
    rows_rejected bigint not null,
    started_at timestamp not null,
    finished_at timestamp not null,
    primary key (load_id)
)
diststyle all
sortkey (load_id);

-- Every line that COPY refused, whole, with the place and the reason.
create table if not exists "raw".load_errors (
    load_id bigint not null,
    target_table varchar(128) not null,
    partition_prefix varchar(1100) not null,
    file_name varchar(1100) not null,
    line_number bigint not null,
    column_name varchar(127),
    column_value varchar(65535),
    error_code integer,
    reason varchar(512) not null,
    raw_line varchar(65535),
    foreign key (load_id) references "raw".load_history (load_id)
)
diststyle all
sortkey (load_id);

-- The change feed: the keys (days, users, songs, artists) whose rows a load added, altered or took
-- away. Incremental models rebuild just these.
create table if not exists "raw".load_changes (
    load_id bigint not null,
    key_name varchar(64) not null,
    key_value varchar(256) not null,
    foreign key (load_id) references "raw".load_history (load_id)
)
diststyle all
sortkey (load_id);

-- The keys of JSON objects that a sample of each load showed: COPY ignores those it does not know.
create table if not exists "raw".load_keys (
    load_id bigint not null,
    target_table varchar(128) not null,
    json_key varchar(256) not null,
    foreign key (load_id) references "raw".load_history (load_id)
)
diststyle all
sortkey (load_id);

-- One row per target: scheduled runs have looked at everything up to this time (UTC).
create table if not exists "raw".load_coverage (
    target_table varchar(128) not null,
    covered_through timestamp not null
)
diststyle all;
