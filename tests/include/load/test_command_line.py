"""`make load`: what it loads and prints, and its messages when it fails."""

import gc
import json
import os
import sys

import pytest

from include.load import command_line
from include.run.lock import acquire_run_lock
from include.settings import settings
from local.stack import free_port
from tests.sparkify_data import event, song
from tests.warehouse import Warehouse

DAY = "log_data/2018/11/2018-11-05"


def load(monkeypatch: pytest.MonkeyPatch, prefix: str = DAY, *more: str) -> int:
    monkeypatch.setattr(sys, "argv", ["load", "--events-prefix", prefix, *more])
    return command_line.main()


def test_loads_songs_and_events_and_says_how_many(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse.run('drop schema "raw" cascade; drop schema ops cascade')  # it creates its tables
    warehouse.put_events(f"{DAY}-events.json", [event(0), event(1), event(2, sessionId="abc")])
    warehouse.put("song_data/1.json", json.dumps(song()).encode())

    assert load(monkeypatch) == 0

    songs, events = [
        line for line in capsys.readouterr().out.splitlines() if line.startswith("raw.")
    ]
    assert songs.startswith(
        "raw.staging_songs: loaded 1 partitions (0 unchanged), 1 files, 1 lines, "
    )
    assert "1 files, 3 lines, 2 rows loaded, 1 lines rejected (see raw.load_errors)" in events
    assert warehouse.rows('select count(*) from "raw".staging_events') == [(2,)]
    assert warehouse.rows("select * from ops.run_lock") == []


def test_refused_lines_fail_it_and_their_place_is_printed(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [event(0), *(event(item, sessionId="abc") for item in range(1, 102))]
    warehouse.put_events(f"{DAY}-events.json", lines)

    assert load(monkeypatch) == 1

    error = capsys.readouterr().err
    assert f"s3://sparkify/{DAY}-events.json, line 2, column sessionid, value 'abc'" in error
    assert warehouse.rows('select count(*) from "raw".staging_events') == [(0,)]
    assert warehouse.rows("select * from ops.run_lock") == []


def test_does_not_wait_for_the_lock_but_says_who_holds_it(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse.put_events(f"{DAY}-events.json", [event(0)])
    with warehouse.connect() as connection:
        acquire_run_lock(connection, "analytics", "scheduled__1", minutes=15)

    assert load(monkeypatch) == 1

    assert "Run scheduled__1 is working on schema analytics" in capsys.readouterr().err
    assert warehouse.rows('select count(*) from "raw".staging_events') == [(0,)]
    assert warehouse.rows("select owner from ops.run_lock") == [("scheduled__1",)]


def test_reload_loads_unchanged_partitions(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse.put_events(f"{DAY}-events.json", [event(0)])
    assert load(monkeypatch) == 0
    assert load(monkeypatch) == 0
    assert "raw.staging_events: unchanged, 1 files of 1 partitions" in capsys.readouterr().out
    assert load(monkeypatch, DAY, "--reload") == 0
    assert "raw.staging_events: loaded 1 partitions" in capsys.readouterr().out


def test_make_passes_a_prefix_on_as_it_was_typed(warehouse: Warehouse) -> None:
    for prefix in ("it's", '"a" $(b) `c` \\ $HOME & %s'):
        warehouse.put_events(f"log_data/{prefix}/x.json", [event(0)])
        done = warehouse.command(
            *("make", "--silent", "load", "LOAD_ENV=:", "RELOAD=1"),
            *(f"PREFIX=log_data/{prefix}/", "SONGS=song_data/"),
        )
        assert done.returncode == 0, done.stderr
        assert "raw.staging_events: loaded 1 partitions (0 unchanged), 1 files" in done.stdout


# The driver leaves the socket of a refused login to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("database", "words"),
    [("nodb", 'database "nodb" does not exist'), (None, "names no database")],
)
def test_a_missing_database_is_named(
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    database: str | None,
    words: str,
) -> None:
    connection = json.loads(os.environ["AIRFLOW_CONN_REDSHIFT_DEFAULT"]) | {"schema": database}
    monkeypatch.setenv("AIRFLOW_CONN_REDSHIFT_DEFAULT", json.dumps(connection))
    assert load(monkeypatch) == 1
    gc.collect()
    error = capsys.readouterr().err
    assert words in error
    assert "the connection redshift_default" in error.lower()


def test_an_empty_prefix_is_refused(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse.put("song_data/1.json", json.dumps(song()).encode())

    with pytest.raises(SystemExit, match="2"):
        load(monkeypatch, "")

    assert "an empty prefix would load the whole bucket" in capsys.readouterr().err
    assert warehouse.rows('select count(*) from "raw".load_history') == [(0,)]


@pytest.mark.parametrize(
    ("events", "songs", "foreign", "target"),
    [
        ("song_data/", "song_data/", "song_data/A/B/1.json", "staging_events"),
        ("s", "song_data/", "song_data/A/B/1.json", "staging_events"),
        (DAY, "log_data/2018/", f"{DAY}-events.json", "staging_songs"),
    ],
)
def test_a_prefix_of_the_other_table_is_refused(
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    events: str,
    songs: str,
    foreign: str,
    target: str,
) -> None:
    warehouse.put_events(f"{DAY}-events.json", [event(0)])
    warehouse.put("song_data/A/B/1.json", json.dumps(song()).encode())

    assert load(monkeypatch, events, "--songs-prefix", songs) == 1

    error = capsys.readouterr().err
    assert f"s3://sparkify/{foreign} is for raw." in error
    assert f"Nothing was loaded into raw.{target}" in error
    assert warehouse.rows(f'select count(*) from "raw".{target}') == [(0,)]


def test_a_prefix_with_nothing_under_it_is_named(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load(monkeypatch) == 1

    captured = capsys.readouterr()
    assert "raw.staging_songs: empty" in captured.out
    assert f"Nothing lies under s3://sparkify/{DAY}. Check the bucket" in captured.err


def test_what_cannot_be_reached_is_named(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(settings(), "__dict__", {**vars(settings()), "s3_bucket": "no-such-bucket"})
    assert load(monkeypatch) == 1
    assert "no-such-bucket" in capsys.readouterr().err

    nowhere = json.loads(os.environ["AIRFLOW_CONN_REDSHIFT_DEFAULT"]) | {"port": free_port()}
    monkeypatch.setenv("AIRFLOW_CONN_REDSHIFT_DEFAULT", json.dumps(nowhere))
    assert load(monkeypatch) == 1
    error = capsys.readouterr().err
    assert error.startswith("Redshift or S3 is out of reach: ")
    assert "Connection refused" in error
    assert "the connections redshift_default and aws_default" in error
