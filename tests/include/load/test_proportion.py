"""A load reads of the staging table what it replaces, whatever the table holds besides."""

import time
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from string import ascii_uppercase
from threading import Lock
from typing import Any

import pytest
from redshift_connector.cursor import Cursor

from include.load import protocol
from include.load.errors import LoadError
from include.load.request import LoadResult
from include.load.tables import EVENTS, SONGS
from include.load.tasks import stage
from tests.sparkify_data import event, song
from tests.warehouse import Warehouse

PARTITIONS, ROWS = 30, 300
START = date(2018, 1, 1)


def rows_read(warehouse: Warehouse, table: str) -> int:
    """Return how many rows PostgreSQL has read of a table of `raw`, once all are counted."""
    sql = (
        "select seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_user_tables "
        f"where schemaname = 'raw' and relname = '{table}'"
    )
    counts = [-1, -2]
    while counts[-1] != counts[-2]:
        time.sleep(0.3)
        counts += [int(rows) for (rows,) in warehouse.rows(sql)]
    return counts[-1]


def events_of(day: date, rows: int) -> list[dict[str, object]]:
    midnight = (day - date(1970, 1, 1)).days * 86_400_000
    return [event(item, ts=midnight + 1000 * item) for item in range(rows)]


@pytest.fixture
def full(warehouse: Warehouse) -> Warehouse:
    """Load days of events and folders of songs, and let the zone maps be made."""
    for number in range(PARTITIONS):
        day = START + timedelta(days=number)
        warehouse.put_events(f"log_data/{day:%Y/%m/%Y-%m-%d}-events.json", events_of(day, ROWS))
        letters = f"{chr(65 + number // 26)}/{chr(65 + number % 26)}"
        songs = [song(1000 * number + each) for each in range(ROWS)]
        warehouse.put_events(f"song_data/{letters}/songs.json", songs)
    warehouse.load("log_data/")
    for table in (EVENTS, SONGS):
        warehouse.run(f'vacuum "raw".{table.name}; analyze "raw".{table.name}')
    return warehouse


def test_a_corrected_partition_is_found_without_reading_the_others(full: Warehouse) -> None:
    day = START + timedelta(days=20)
    key = f"log_data/{day:%Y/%m/%Y-%m-%d}-events.json"
    full.put_events(key, events_of(day, ROWS - 1))
    full.put_events("song_data/A/M/songs.json", [song(12_000 + each) for each in range(ROWS - 1)])
    for table, prefix in ((EVENTS, "log_data/"), (SONGS, "song_data/")):
        before = rows_read(full, table.name)
        assert stage("stage", table, prefix).stage("hour").loaded == 1
        # The partition's blocks, twice: to compare the rows, and to delete them
        assert 0 < rows_read(full, table.name) - before < PARTITIONS * ROWS
        assert full.rows(f'select count(*) from "raw".{table.name}') == [(PARTITIONS * ROWS - 1,)]


FOLDERS = [f"song_data/{first}/{second}/" for first in "ABC" for second in ascii_uppercase]
BATCH = 8


class Watched:
    """Stands before `load_together`: notes each batch that begins, and refuses one of them."""

    def __init__(self, refused: str = "") -> None:
        self.begun: list[str] = []
        self.running = self.most = 0
        self.refused = refused
        self.lock = Lock()
        self.load = protocol.load_together

    def __call__(self, *arguments: Any) -> None:
        first = arguments[3][0].prefix
        with self.lock:
            self.begun.append(first)
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            if first == self.refused:
                raise LoadError("refused")
            self.load(*arguments)
        finally:
            with self.lock:
                self.running -= 1


@pytest.fixture
def folders(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """Put a song into each of many folders, and let few of them be loaded together."""
    for number, folder in enumerate(FOLDERS):
        warehouse.put_events(f"{folder}song.json", [song(number)])
    monkeypatch.setattr(protocol, "PARTITIONS_TOGETHER", BATCH)
    return warehouse


def test_many_partitions_are_loaded_in_several_sessions_at_once(
    folders: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched, shown = Watched(), list[str]()
    monkeypatch.setattr(protocol, "load_together", watched)

    def progress(results: Iterable[LoadResult], total: int) -> Iterator[LoadResult]:
        assert total == len(FOLDERS)
        for result in results:
            shown.append(result.address.removeprefix("s3://sparkify/"))
            yield result

    assert stage("stage", SONGS, "song_data/").stage("first", progress).loaded == len(FOLDERS)
    assert watched.most == protocol.SESSIONS > 1
    assert shown == FOLDERS
    for table, column in (("staging_songs", "song_id"), ("load_history", "load_id")):
        count = f'select count(*), count(distinct {column}) from "raw".{table}'
        assert folders.rows(count) == [(len(FOLDERS), len(FOLDERS))]


def test_an_error_lets_no_other_batch_begin_and_finishes_those_that_have(
    folders: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(refused=FOLDERS[BATCH])
    monkeypatch.setattr(protocol, "load_together", watched)
    with pytest.raises(LoadError, match="refused"):
        stage("stage", SONGS, "song_data/").stage("first")
    assert len(watched.begun) <= 1 + protocol.SESSIONS
    assert folders.rows('select count(*) from "raw".staging_songs') == [
        (BATCH * (len(watched.begun) - 1),)
    ]


def test_partitions_that_are_copied_together_share_their_statements(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(26):
        warehouse.put_events(f"song_data/A/{chr(65 + number)}/song.json", [song(number)])
    statements: list[str] = []
    execute = Cursor.execute

    def counting(self: Cursor, operation: str, *arguments: Any, **options: Any) -> Any:
        statements.append(operation)
        return execute(self, operation, *arguments, **options)

    monkeypatch.setattr(Cursor, "execute", counting)
    assert stage("stage", SONGS, "song_data/").stage("first").loaded == 26
    of_accounting = [each for each in statements if "sys_load" in each]  # until the views show all
    assert len(statements) - len(of_accounting) < 5 * 26
    assert sum(each.startswith("insert into") for each in statements) < 8


def test_a_model_reads_of_the_change_feed_what_it_has_not_seen(full: Warehouse) -> None:
    full.dbt_here("run", "--select", "+int_changed_keys")
    full.run('vacuum "raw".load_changes; analyze "raw".load_changes')
    [(changes, newest)] = full.rows('select count(*), max(load_id) from "raw".load_changes')
    before = rows_read(full, "load_changes")
    found = 0
    for key_name in ("event_date", "artist_id"):
        [(keys,)] = full.rows(
            "select count(*) from intermediate.int_changed_keys "
            f"where key_name = '{key_name}' and load_id >= {newest}"
        )
        found += keys
    assert found > 0
    assert rows_read(full, "load_changes") - before < changes
