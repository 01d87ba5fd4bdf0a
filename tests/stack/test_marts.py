"""The marts equal an independent computation of the star schema, row for row.

The same files give the same tables in any order of loads, and in a single load.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from local.events import generate
from tests.conftest import ROOT
from tests.sparkify_data import event, song
from tests.stack.star_schema import Star, expected
from tests.warehouse import Warehouse

SAMPLE = Path(
    os.environ.get("SPARKIFY_SAMPLE", ROOT.parent / "shared" / "data" / "sparkify_sample")
)
MARTS = tuple(field.name for field in fields(Star))
ANOMALIES = {
    "malformed": 2,
    "wrong_type": 1,
    "oversize": 1,
    "duplicate_lines": 5,
    "duplicate_file": 1,
    "late": 5,
    "empty_file": 1,
    "integer_name": 1,
}
ORDERS = ("forward", "backward", "at once")


def prefixes(folder: Path, order: str) -> list[str]:
    """Return the events' prefixes in which to load the folder: a day each, or all of it."""
    if order == "at once":
        return ["log_data/"]
    days = sorted(path.name[:10] for path in (folder / "log_data").rglob("*-events.json"))
    return [
        f"log_data/{day[:4]}/{day[5:7]}/{day}"
        for day in (days if order == "forward" else reversed(days))
    ]


def table(warehouse: Warehouse, name: str, columns: Iterable[str]) -> list[tuple[Any, ...]]:
    listed = ", ".join(columns)
    return sorted(warehouse.rows(f"select {listed} from unpublished.{name}"), key=repr)


def assert_marts_equal_star(
    warehouse: Warehouse, folder: Path, rejected: frozenset[tuple[str, int]] = frozenset()
) -> None:
    star = expected(folder, rejected)
    for name in MARTS:
        wanted = getattr(star, name)
        assert wanted, f"no rows are expected in {name}, so the comparison proves nothing"
        columns = list(wanted[0])
        rows = sorted((tuple(row[column] for column in columns) for row in wanted), key=repr)
        assert table(warehouse, name, columns) == rows, name


def load_and_run(warehouse: Warehouse, folder: Path, order: str) -> None:
    """Load the folder in the given order, with a run of the models behind each two loads."""
    left = prefixes(folder, order)
    while left:
        for prefix in left[:2]:
            warehouse.load(prefix)
        run_models(warehouse)
        left = left[2:]


def run_models(warehouse: Warehouse) -> None:
    """Build all up to the marts."""
    results = warehouse.dbt_here("run", "--exclude", "path:dbt_sparkify/models/reporting")
    assert {result["status"] for result in results.values()} == {"success"}, results


@pytest.mark.parametrize("order", ORDERS)
def test_the_real_sample_gives_the_same_marts_in_any_order(
    warehouse: Warehouse, order: str
) -> None:
    if not SAMPLE.exists():
        pytest.skip(f"the real sample is not at {SAMPLE}; the same check runs on generated data")
    warehouse.upload(SAMPLE)
    load_and_run(warehouse, SAMPLE, order)
    assert_marts_equal_star(warehouse, SAMPLE)


@pytest.mark.parametrize("order", ORDERS)
def test_generated_days_with_anomalies_give_the_same_marts_in_any_order(
    warehouse: Warehouse, tmp_path: Path, order: str
) -> None:
    generated = generate(
        tmp_path, seed=7, start=date(2018, 11, 1), days=4, users=40, songs=80, anomalies=ANOMALIES
    )
    warehouse.upload(tmp_path)
    load_and_run(warehouse, tmp_path, order)
    assert_marts_equal_star(warehouse, tmp_path, generated.rejected)


def test_everything_builds_and_passes_twice_and_by_full_refresh(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    generated = generate(
        tmp_path, seed=8, start=date(2018, 11, 1), days=3, users=40, songs=80, anomalies=ANOMALIES
    )
    warehouse.upload(tmp_path)
    warehouse.load("log_data/")
    for arguments in ((), (), ("--full-refresh",)):
        warehouse.build(*arguments)
        assert_marts_equal_star(warehouse, tmp_path, generated.rejected)


def test_dbt_unit_tests_pass(warehouse: Warehouse, tmp_path: Path) -> None:
    generate(tmp_path, seed=9, start=date(2018, 11, 1), days=1, users=5, songs=10)
    warehouse.upload(tmp_path)
    warehouse.load("log_data/")
    run_models(warehouse)  # fixtures take their types from the tables
    results = warehouse.dbt_here("test", "--select", "test_type:unit")
    tests = [
        each["status"] for each in results.values() if each["unique_id"].startswith("unit_test")
    ]
    assert set(tests) == {"pass"}


def test_a_late_song_rebuilds_the_plays_that_it_now_matches(warehouse: Warehouse) -> None:
    warehouse.put_events("log_data/2018/11/2018-11-05-events.json", [event(0), event(1, song="B")])
    warehouse.put("song_data/1.json", json.dumps(song(1, title="Another")).encode())
    match = "select item_in_session, song_id, song_match from unpublished.songplays order by 1"
    warehouse.load("log_data/")
    run_models(warehouse)
    assert warehouse.rows(match) == [(0, None, None), (1, None, None)]

    far = song(2, duration=300.0)
    warehouse.put("song_data/2.json", json.dumps(far).encode())
    warehouse.load("log_data/")
    run_models(warehouse)
    assert warehouse.rows(match) == [(0, far["song_id"], "title_artist"), (1, None, None)]

    near = song(3)
    warehouse.put("song_data/3.json", json.dumps(near).encode())
    warehouse.load("log_data/")
    run_models(warehouse)
    assert warehouse.rows(match) == [(0, near["song_id"], "exact"), (1, None, None)]


def test_an_event_that_is_removed_from_its_file_leaves_every_mart(warehouse: Warehouse) -> None:
    file = "log_data/2018/11/2018-11-05-events.json"
    warehouse.put("song_data/1.json", json.dumps(song()).encode())
    warehouse.put_events(file, [event(0), event(1, userId="8", level="paid")])
    warehouse.load("log_data/")
    run_models(warehouse)
    assert warehouse.rows("select user_id from unpublished.users order by 1") == [(7,), (8,)]

    warehouse.put_events(file, [event(0)])
    warehouse.load("log_data/")
    run_models(warehouse)
    for mart in ("users", "user_levels", "songplays"):
        assert warehouse.rows(f"select distinct user_id from unpublished.{mart}") == [(7,)], mart
    assert warehouse.rows("select count(*) from unpublished.time") == [(1,)]
