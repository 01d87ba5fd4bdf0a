"""Creating the tables: in a warehouse of an earlier version, and in one that has them all."""

import pytest

from include.load.tables import EVENTS
from include.load.tasks import stage
from tests.sparkify_data import event
from tests.warehouse import Warehouse

# The tables of an earlier version, which called a run's prefix a batch, with rows of two batches of
# which one lies within the other.
BEFORE = """
drop schema "raw" cascade;
create schema "raw";
create table "raw".staging_events (
    artist varchar(512), auth varchar(32), firstname varchar(256), gender varchar(16),
    iteminsession integer, lastname varchar(256), length double precision, level varchar(16),
    location varchar(512), method varchar(16), page varchar(64), registration double precision,
    sessionid bigint, song varchar(512), status integer, ts bigint, useragent varchar(1024),
    userid varchar(64), _batch varchar(1024) not null, _loaded_at timestamp not null
) diststyle even sortkey (ts);
create table "raw".staging_songs (
    num_songs integer, artist_id varchar(64), artist_latitude double precision,
    artist_longitude double precision, artist_location varchar(512), artist_name varchar(512),
    song_id varchar(64), title varchar(512), duration double precision, year integer,
    _batch varchar(1024) not null, _loaded_at timestamp not null
) diststyle even sortkey (song_id);
create table "raw".load_history (
    load_id bigint not null, target_table varchar(128) not null, batch varchar(1024) not null,
    mode varchar(16) not null, status varchar(16) not null, run_id varchar(512) not null,
    files bigint not null, bytes bigint not null, listing_hash varchar(64) not null,
    lines_scanned bigint not null, rows_loaded bigint not null, rows_rejected bigint not null,
    started_at timestamp not null, finished_at timestamp not null, primary key (load_id)
) diststyle all sortkey (load_id);
create table "raw".load_errors (
    load_id bigint not null, target_table varchar(128) not null, batch varchar(1024) not null,
    file_name varchar(1024) not null, line_number bigint not null, column_name varchar(127),
    column_value varchar(65535), error_code integer, reason varchar(512) not null,
    raw_line varchar(65535), foreign key (load_id) references "raw".load_history (load_id)
) diststyle all sortkey (load_id);
insert into "raw".load_history values (1, 'raw.staging_events', 's3://sparkify/log_data/2018/11/',
    'replace_batch', 'loaded', 'r', 1, 1, 'h', 2, 2, 0, sysdate, sysdate);
insert into "raw".load_history values (2, 'raw.staging_events',
    's3://sparkify/log_data/2018/11/2018-11-05', 'replace_batch', 'loaded', 'r', 1, 1, 'h', 1, 1, 0,
    sysdate, sysdate);
insert into "raw".load_errors
select 1, 'raw.staging_events', 's3://sparkify/log_data/2018/11/', 'f', 1, null, null, 1, 'r', '{';
insert into "raw".staging_events (iteminsession, _batch, _loaded_at)
select 0, 's3://sparkify/log_data/2018/11/', sysdate union all
select 9, 's3://sparkify/log_data/2018/11/', sysdate union all
select 0, 's3://sparkify/log_data/2018/11/2018-11-05', sysdate;
"""
SORT_KEYS = (
    "select table_name, column_name, sortkey from svv_redshift_columns "
    "where schema_name = 'raw' and table_name like 'staging%' and sortkey > 0 order by 1, 3"
)
COLUMNS = (
    "select table_name, column_name, data_type, character_maximum_length from svv_columns "
    "where table_schema = 'raw' order by table_name, column_name"
)


@pytest.mark.parametrize("times", [1, 2])
def test_an_older_warehouse_gets_the_columns_of_a_new_one(warehouse: Warehouse, times: int) -> None:
    new = warehouse.rows(COLUMNS)
    warehouse.run(BEFORE)
    for _ in range(times):
        warehouse.create_tables()
    assert warehouse.rows(COLUMNS) == new
    assert warehouse.rows('select distinct mode from "raw".load_history') == [("replace",)]
    assert warehouse.rows('select count(*) from "raw".staging_events') == [(3,)]


def test_rows_of_an_older_warehouse_get_the_load_that_brought_them(warehouse: Warehouse) -> None:
    warehouse.run(BEFORE)
    warehouse.create_tables()
    assert warehouse.rows(
        'select iteminsession, _load_id from "raw".staging_events order by 2, 1'
    ) == [(0, 1), (9, 1), (0, 2)]
    assert warehouse.rows(SORT_KEYS) == [
        ("staging_events", "_load_id", 1),
        ("staging_events", "ts", 2),
        ("staging_songs", "_load_id", 1),
    ]


def test_a_sort_key_that_was_not_changed_yet_is_changed_by_the_next(warehouse: Warehouse) -> None:
    warehouse.run('alter table "raw".staging_events alter sortkey (ts)')
    warehouse.create_tables()
    assert warehouse.rows(SORT_KEYS)[0] == ("staging_events", "_load_id", 1)


def test_an_interrupted_migration_is_completed_by_the_next(warehouse: Warehouse) -> None:
    new = warehouse.rows(COLUMNS)
    warehouse.run(BEFORE)
    warehouse.run('alter table "raw".staging_events rename column _batch to _partition')
    warehouse.create_tables()
    assert warehouse.rows(COLUMNS) == new


def test_rows_of_an_older_warehouse_never_count_twice(warehouse: Warehouse) -> None:
    warehouse.run(BEFORE)
    warehouse.create_tables()
    warehouse.put_events("log_data/2018/11/2018-11-05-events.json", [event(0)])
    warehouse.put_events("log_data/2018/11/2018-11-06-events.json", [event(9)])
    stage("stage_events", EVENTS, "log_data/2018/11/2018-11-05").stage("new")
    assert warehouse.rows(
        'select iteminsession, _partition from "raw".staging_events order by 1'
    ) == [(0, "s3://sparkify/log_data/2018/11/"), (9, "s3://sparkify/log_data/2018/11/")]
