"""Every line of a partition is a row, rejected or quarantined; a test counts those that are not."""

import json
from collections.abc import Iterator

import pytest

from include.load.tables import EVENTS, SONGS
from include.load.tasks import stage
from tests.sparkify_data import event, song
from tests.warehouse import Warehouse

TEST = "assert_every_line_is_accounted_for"
FILE = "log_data/2018/11/2018-11-05-events.json"
NEXT_FILE = "log_data/2018/11/2018-11-06-events.json"
FIRST = f"_partition = 's3://sparkify/{FILE[:27]}'"


@pytest.fixture(scope="module")
def balanced(running_warehouse: Warehouse) -> Iterator[Warehouse]:
    """Load and build two days, of which one has a copy, a faulty row and a refused line."""
    warehouse = running_warehouse
    warehouse.empty()
    lines = [event(0), event(0), event(1, level="gold"), event(2, sessionId="refused")]
    warehouse.put_events(FILE, lines)
    warehouse.put_events(NEXT_FILE, [event(3)])
    warehouse.put("song_data/A/A/1.json", json.dumps(song(1)).encode())
    warehouse.put("song_data/A/A/2.json", json.dumps(song(2, title="")).encode())
    with pytest.MonkeyPatch.context() as patch:
        for name, value in warehouse.environment.items():
            patch.setenv(name, value)
        for table, prefix in ((SONGS, "song_data/"), (EVENTS, "log_data/")):
            stage(f"stage_{table.name}", table, prefix).stage("run")
        warehouse.dbt_here("run", "--select", f"+{TEST}")
        yield warehouse


def unaccounted(warehouse: Warehouse) -> dict[str, int]:
    """Return the partitions that fail the test, without the bucket, and their lines."""
    result = warehouse.dbt_here("test", "--select", TEST)[TEST]
    rows = warehouse.rows(f"select partition_prefix, unaccounted_lines from dq.{TEST}")
    assert result["status"] == ("fail" if rows else "pass")
    return {address.removeprefix("s3://sparkify/"): int(lines) for address, lines in rows}


@pytest.mark.parametrize(
    ("table", "condition", "lines"),
    [
        ('"raw".staging_events', f"{FIRST} and level = 'free'", 2),
        ('"raw".staging_events', FIRST, 4),
        ('"raw".load_errors', "true", 1),
        ("intermediate.int_events_quarantined", "true", 1),
        ("intermediate.int_events_deduplicated", "item_in_session = 0", 2),
    ],
    ids=["rows-of-raw", "a-partition-of-raw", "rejected-lines", "quarantine", "events"],
)
def test_lines_that_are_nowhere_are_counted_by_partition(
    balanced: Warehouse, table: str, condition: str, lines: int
) -> None:
    assert unaccounted(balanced) == {}
    balanced.run(f"create table ops.kept as select * from {table} where {condition}")
    balanced.run(f"delete from {table} where {condition}")
    try:
        assert unaccounted(balanced) == {FILE[:27]: lines}
    finally:
        balanced.run(f"insert into {table} select * from ops.kept; drop table ops.kept")


@pytest.mark.parametrize(
    ("table", "condition"),
    [('"raw".staging_songs', "title = 'Unit'"), ("intermediate.int_songs_quarantined", "true")],
    ids=["rows-of-raw", "quarantine"],
)
def test_lines_that_are_twice_are_counted_by_partition(
    balanced: Warehouse, table: str, condition: str
) -> None:
    assert unaccounted(balanced) == {}
    balanced.run(f"create table ops.kept as select * from {table}")
    balanced.run(f"insert into {table} select * from ops.kept where {condition}")
    try:
        assert unaccounted(balanced) == {"song_data/A/A/": 1}
    finally:
        balanced.run(
            f"delete from {table}; insert into {table} select * from ops.kept; drop table ops.kept"
        )


def test_rows_that_staging_would_drop_are_counted(balanced: Warehouse) -> None:
    assert unaccounted(balanced) == {}
    balanced.run("alter table staging.stg_sparkify__songs rename to kept")
    balanced.run(
        "create view staging.stg_sparkify__songs as select * from staging.kept "
        "where quarantine_reason is null with no schema binding"
    )
    try:
        assert unaccounted(balanced) == {"song_data/A/A/": 2}
    finally:
        balanced.run("drop view staging.stg_sparkify__songs")
        balanced.run("alter table staging.kept rename to stg_sparkify__songs")
