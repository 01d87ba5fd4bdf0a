"""Tests that judge a share: which shares pass, warn and fail."""

import json

import pytest

from include.load.tables import EVENTS
from include.load.tasks import stage
from tests.sparkify_data import event, song
from tests.warehouse import Warehouse

LOAD = """
    insert into "raw".load_history
    select {load_id}, 'raw.staging_events', 's3://b/{partition}', 'replace', 'loaded', 'r', 1, 1,
        'h', {lines}, {lines} - {rejected}, {rejected}, sysdate, sysdate
"""


def outcome(warehouse: Warehouse, test: str) -> str:
    return str(warehouse.dbt_here("test", "--select", test)[test]["status"])


def test_rejected_lines_are_judged_by_their_share_of_the_newest_load(warehouse: Warehouse) -> None:
    test = "assert_few_lines_are_rejected"
    warehouse.dbt_here("run", "--select", "stg_sparkify__load_history")
    assert outcome(warehouse, test) == "pass"
    warehouse.run(LOAD.format(load_id=1, partition="small", lines=99, rejected=50))
    warehouse.run(LOAD.format(load_id=2, partition="day", lines=1000, rejected=10))
    assert outcome(warehouse, test) == "pass"
    warehouse.run(LOAD.format(load_id=3, partition="day", lines=1000, rejected=11))
    assert outcome(warehouse, test) == "warn"
    warehouse.run(LOAD.format(load_id=4, partition="day", lines=1000, rejected=101))
    assert outcome(warehouse, test) == "fail"
    warehouse.run(LOAD.format(load_id=5, partition="day", lines=1000, rejected=0))
    assert outcome(warehouse, test) == "pass"


def test_lines_that_are_neither_rows_nor_rejected_warn(warehouse: Warehouse) -> None:
    test = "assert_lines_are_rows_or_rejected"
    warehouse.dbt_here("run", "--select", "stg_sparkify__load_history")
    warehouse.run(LOAD.format(load_id=1, partition="day", lines=10, rejected=1))
    assert outcome(warehouse, test) == "pass"
    warehouse.run('update "raw".load_history set lines_scanned = 11')
    assert outcome(warehouse, test) == "warn"


def test_keys_that_the_source_gains_warn_and_keys_that_it_loses_fail(warehouse: Warehouse) -> None:
    test = "assert_source_keys_are_the_columns"
    warehouse.dbt_here("run", "--select", "stg_sparkify__load_history")

    def load(day: int, **changes: object) -> str:
        lost = {key for key, value in changes.items() if value is None}
        one = {key: value for key, value in event(day, **changes).items() if key not in lost}
        prefix = f"log_data/2018/11/2018-11-{day:02d}"
        warehouse.put_events(f"{prefix}-events.json", [one])
        stage("stage_events", EVENTS, prefix).stage(f"run {day}")
        return outcome(warehouse, test)

    assert outcome(warehouse, test) == "pass"
    assert load(1) == "pass"
    assert load(2, mood="good") == "warn"
    assert load(3) == "pass"
    assert load(4, userAgent=None) == "fail"
    assert load(5) == "pass"


@pytest.mark.parametrize(("title", "expected"), [("Unit", "pass"), ("Another", "warn")])
def test_a_month_without_a_match_warns(warehouse: Warehouse, title: str, expected: str) -> None:
    warehouse.put_events("log_data/2018/11/2018-11-05-events.json", [event(0), event(1)])
    warehouse.put("song_data/1.json", json.dumps(song(title=title)).encode())
    warehouse.load("log_data/")
    warehouse.dbt_here("run", "--select", "+songplays")
    assert outcome(warehouse, "assert_plays_are_matched_now_and_then") == expected


@pytest.mark.parametrize(
    ("plays", "garbled", "expected"),
    [(99, 50, "pass"), (200, 2, "pass"), (200, 3, "warn"), (200, 20, "warn"), (200, 21, "fail")],
)
def test_garbled_text_is_judged_by_its_share_of_a_months_plays(
    warehouse: Warehouse, plays: int, garbled: int, expected: str
) -> None:
    titles = ["CafÃ©"] * garbled + ["Café"] * (plays - garbled)
    columns = "start_time, song_title, artist_name"
    rows = " union all ".join(f"select timestamp '2018-11-05', '{title}', 'U2'" for title in titles)
    warehouse.run(
        f"""
        create schema unpublished;
        create table unpublished.songplays
            (start_time timestamp, song_title varchar, artist_name varchar);
        insert into unpublished.songplays ({columns}) {rows}
        """
    )
    assert outcome(warehouse, "assert_little_text_is_garbled") == expected
