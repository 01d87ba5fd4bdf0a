"""`make load`: what it prints and leaves, and what it says when it cannot."""

import json
import sys

import pytest

from include import command_line
from include.run_lock import acquire_run_lock
from tests.sparkify_data import event, song
from tests.warehouse import Warehouse

DAY = "log_data/2018/11/2018-11-05"


def load(monkeypatch: pytest.MonkeyPatch, prefix: str = DAY) -> int:
    monkeypatch.setattr(sys, "argv", ["load", "--events-prefix", prefix])
    return command_line.main()


def test_loads_songs_and_events_and_says_how_many(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse.run('drop schema "raw" cascade; drop schema ops cascade')  # it makes its tables
    warehouse.put_events(f"{DAY}-events.json", [event(0), event(1)])
    warehouse.put("song_data/1.json", json.dumps(song()).encode())

    assert load(monkeypatch) == 0

    songs, events = [
        line for line in capsys.readouterr().out.splitlines() if line.startswith("s3://")
    ]
    assert songs.startswith("s3://sparkify/song_data/: loaded, 1 files, 1 lines, 1 rows loaded, 0")
    assert events.startswith(f"s3://sparkify/{DAY}: loaded, 1 files, 2 lines, 2 rows loaded, 0")
    assert warehouse.rows('select count(*) from "raw".staging_events') == [(2,)]
    assert warehouse.rows("select * from ops.run_lock") == []


def test_refused_lines_end_it_with_their_place(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [event(0), *(event(item, sessionId="abc") for item in range(1, 102))]
    warehouse.put_events(f"{DAY}-events.json", lines)

    assert load(monkeypatch) == 1

    error = capsys.readouterr().err
    assert f"s3://sparkify/{DAY}-events.json, line 2, column sessionid, value 'abc'" in error
    assert warehouse.rows('select count(*) from "raw".staging_events') == [(0,)]
    assert warehouse.rows("select * from ops.run_lock") == []


def test_waits_for_nobody_but_says_who_works(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse.put_events(f"{DAY}-events.json", [event(0)])
    with warehouse.connect() as connection:
        acquire_run_lock(connection, "analytics", "scheduled__1", minutes=15)

    assert load(monkeypatch) == 1

    assert "Run scheduled__1 is working on the warehouse" in capsys.readouterr().err
    assert warehouse.rows('select count(*) from "raw".staging_events') == [(0,)]
    assert warehouse.rows("select owner from ops.run_lock") == [("scheduled__1",)]
