"""Tests that judge a share: which share passes, which warns, which fails."""

import json

import pytest

from tests.sparkify_data import event, song
from tests.warehouse import Warehouse

LOAD = """
    insert into "raw".load_history
    select {load_id}, 'raw.staging_events', 's3://b/{batch}', 'replace', 'loaded', 'r', 1, 1,
        'h', {lines}, {lines} - {rejected}, {rejected}, sysdate, sysdate
"""


def outcome(warehouse: Warehouse, test: str) -> str:
    return str(warehouse.dbt_here("test", "--select", test)[test]["status"])


def test_rejected_lines_are_judged_by_their_share_of_the_newest_load(warehouse: Warehouse) -> None:
    test = "assert_few_lines_are_rejected"
    warehouse.dbt_here("run", "--select", "stg_sparkify__load_history")
    assert outcome(warehouse, test) == "pass"
    warehouse.run(LOAD.format(load_id=1, batch="small", lines=99, rejected=50))
    warehouse.run(LOAD.format(load_id=2, batch="day", lines=1000, rejected=10))
    assert outcome(warehouse, test) == "pass"
    warehouse.run(LOAD.format(load_id=3, batch="day", lines=1000, rejected=11))
    assert outcome(warehouse, test) == "warn"
    warehouse.run(LOAD.format(load_id=4, batch="day", lines=1000, rejected=101))
    assert outcome(warehouse, test) == "fail"
    warehouse.run(LOAD.format(load_id=5, batch="day", lines=1000, rejected=0))
    assert outcome(warehouse, test) == "pass"


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
        create schema analytics;
        create table analytics.songplays
            (start_time timestamp, song_title varchar, artist_name varchar);
        insert into analytics.songplays ({columns}) {rows}
        """
    )
    assert outcome(warehouse, "assert_little_text_is_garbled") == expected
