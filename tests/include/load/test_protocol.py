"""The load protocol on the local S3 and Redshift: every line accounted for, all or nothing."""

import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, tzinfo
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from redshift_connector.cursor import Cursor

from include.load.errors import LoadError
from include.load.operator import StageToRedshiftOperator
from include.load.tables import EVENTS, SONGS
from include.load.tasks import stage
from include.settings import settings
from tests.sparkify_data import event, song
from tests.warehouse import Warehouse

DAY = "log_data/2018/11/2018-11-05"
FILE = f"{DAY}-events.json"
AUDIT = (
    "select status, files, lines_scanned, rows_loaded, rows_rejected "
    'from "raw".load_history order by load_id'
)


def stage_events(prefix: str = DAY, **changes: Any) -> StageToRedshiftOperator:
    operator = stage("stage_events", EVENTS, prefix)
    for name, value in changes.items():
        assert hasattr(operator, name)
        setattr(operator, name, value)
    return operator


def items(warehouse: Warehouse) -> list[int]:
    rows = warehouse.rows('select iteminsession from "raw".staging_events order by 1')
    return [item for (item,) in rows]


def test_loads_every_line_of_every_file_under_the_prefix(warehouse: Warehouse) -> None:
    warehouse.put_events(FILE, [event(0), event(1)])
    warehouse.put_events(f"{DAY}-more.json", [event(2)])
    warehouse.put_events("log_data/2018/11/2018-11-06-events.json", [event(3)])

    result = stage_events().stage("run")

    assert (result.loaded, result.files, result.rows_loaded) == (1, 2, 3)
    assert items(warehouse) == [0, 1, 2]
    assert warehouse.rows(AUDIT) == [("loaded", 2, 3, 3, 0)]
    assert warehouse.rows('select distinct _partition from "raw".staging_events') == [
        (f"s3://sparkify/{DAY}",)
    ]


def test_keeps_each_value_as_it_came(warehouse: Warehouse) -> None:
    text = "naïve — 日本 \\ ' \" \t tab"
    warehouse.put_events(FILE, [event(0, song=text, length=218.93179, ts=1541418000796)])
    stage_events().stage("run")
    assert warehouse.rows(
        'select song, length, ts, registration, userid, useragent from "raw".staging_events'
    ) == [(text, 218.93179, 1541418000796, 1540919166796.0, "7", '"Mozilla/5.0"')]


def test_loading_an_unchanged_listing_again_does_nothing(warehouse: Warehouse) -> None:
    warehouse.put_events(FILE, [event(0), event(1)])
    stage_events().stage("first")
    result = stage_events().stage("second")
    assert (result.loaded, result.unchanged) == (0, 1)
    assert items(warehouse) == [0, 1]
    assert len(warehouse.rows(AUDIT)) == 1


def test_loading_a_changed_file_replaces_its_partition_only(warehouse: Warehouse) -> None:
    warehouse.put_events(FILE, [event(0), event(1)])
    warehouse.put_events("log_data/2018/11/2018-11-06-events.json", [event(9)])
    stage_events().stage("first")
    stage_events("log_data/2018/11/2018-11-06").stage("first")
    warehouse.put_events(FILE, [event(1), event(2)])
    stage_events().stage("second")
    assert items(warehouse) == [1, 2, 9]


def test_append_adds_a_partition_once_for_each_run(warehouse: Warehouse) -> None:
    warehouse.put_events(FILE, [event(0)])
    stage_events(mode="append").stage("first")
    stage_events(mode="append").stage("first")
    assert items(warehouse) == [0]
    stage_events(mode="append").stage("second")
    assert items(warehouse) == [0, 0]


def test_truncate_replaces_all_rows(warehouse: Warehouse) -> None:
    warehouse.put_events(FILE, [event(0)])
    warehouse.put_events("log_data/2018/11/2018-11-06-events.json", [event(9)])
    stage_events().stage("first")
    stage_events("log_data/2018/11/2018-11-06", mode="truncate").stage("second")
    assert items(warehouse) == [9]


BAD_LINES: list[tuple[str, str | None, str | None]] = [
    ("{not json", None, None),
    (json.dumps(event(1, sessionId="abc")), "sessionid", "abc"),
    (json.dumps(event(2, song="é" * 300)), "song", "é" * 300),
    (json.dumps(event(3, ts=10**30)), "ts", str(10**30)),
]


@pytest.mark.parametrize(("line", "column", "value"), BAD_LINES)
def test_a_bad_line_is_kept_whole_with_its_place_and_reason(
    warehouse: Warehouse, line: str, column: str | None, value: str | None
) -> None:
    warehouse.put(FILE, "\n".join([json.dumps(event(0)), line, json.dumps(event(9))]).encode())

    result = stage_events(max_rejected_lines=1).stage("run")

    assert (result.lines_scanned, result.rows_loaded, result.rows_rejected) == (3, 2, 1)
    assert items(warehouse) == [0, 9]
    [(file_name, line_number, *found, reason, raw_line)] = warehouse.rows(
        "select file_name, line_number, column_name, column_value, reason, raw_line "
        'from "raw".load_errors'
    )
    assert (file_name, line_number) == (f"s3://sparkify/{FILE}", 2)
    assert raw_line == line
    if column:
        assert found == [column, value]
    assert reason


def test_over_the_budget_nothing_is_loaded_and_the_lines_are_spelled_out(
    warehouse: Warehouse,
) -> None:
    warehouse.put_events(FILE, [event(0)])
    stage_events().stage("good")
    warehouse.put_events(FILE, [event(1), event(2, status="x"), event(3, status="y")])

    with pytest.raises(LoadError) as caught:
        stage_events(max_rejected_lines=1).stage("bad")

    message = str(caught.value)
    assert f"s3://sparkify/{FILE}, line 2, column status, value 'x'" in message
    assert "line 3, column status, value 'y'" in message
    assert "more than 1 lines were refused" in message
    assert items(warehouse) == [0]
    assert warehouse.rows(AUDIT) == [("loaded", 1, 1, 1, 0), ("failed", 1, 0, 0, 2)]
    assert warehouse.rows('select line_number from "raw".load_errors order by 1') == [(2,), (3,)]


def test_refused_lines_are_found_where_redshifts_clock_is_behind(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ahead(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Ahead":
            return super().now(tz) + timedelta(hours=1)

    monkeypatch.setattr("include.load.accounting.datetime", Ahead)
    warehouse.put_events(FILE, [event(1, status="x")])
    with pytest.raises(LoadError, match="line 1, column status, value 'x'"):
        stage_events(max_rejected_lines=0).stage("bad")


def test_a_line_that_is_not_json_is_shown_and_a_long_value_is_cut(warehouse: Warehouse) -> None:
    warehouse.put(FILE, f"not json\n{json.dumps(event(song='x' * 600))}".encode())

    with pytest.raises(LoadError) as caught:
        stage_events(max_rejected_lines=0).stage("bad")
    assert f"s3://sparkify/{FILE}, line 1: 'not json': Invalid value." in str(caught.value)

    with pytest.raises(LoadError) as caught:
        stage_events(max_rejected_lines=1).stage("bad")
    assert f"line 2, column song, value '{'x' * 80}…': String length" in str(caught.value)


def test_a_jsonpaths_file_in_s3_may_map_other_keys(warehouse: Warehouse) -> None:
    renamed = {
        "position" if key == "itemInSession" else key: value for key, value in event(7).items()
    }
    # the columns' order, which is that of the event's keys
    mapping = {"jsonpaths": [f"$.{key}" for key in renamed]}
    warehouse.put("mapping/events.json", json.dumps(mapping).encode())
    warehouse.put_events(FILE, [renamed])

    stage_events(json_mapping="s3://sparkify/mapping/events.json").stage("run")

    assert items(warehouse) == [7]


def test_a_jsonpaths_file_that_is_missing_is_named(warehouse: Warehouse) -> None:
    warehouse.put_events(FILE, [event(0)])
    with pytest.raises(LoadError, match=r"jsonpaths/none\.json"):
        stage_events(json_mapping="s3://sparkify/jsonpaths/none.json").stage("run")
    assert warehouse.rows(AUDIT) == []


def test_a_prefix_with_nothing_under_it_skips_or_fails_as_told(warehouse: Warehouse) -> None:
    context: Any = {"run_id": "run"}
    with pytest.raises(
        AirflowSkipException, match="Nothing lies under s3://sparkify/log_data/1999"
    ):
        stage_events("log_data/1999").execute(context)
    with pytest.raises(
        AirflowFailException, match="Nothing lies under s3://sparkify/log_data/1999"
    ):
        stage_events("log_data/1999", if_empty="fail").execute(context)
    assert warehouse.rows(AUDIT) == []


def test_an_empty_file_is_named_and_loads_nothing(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse.put(FILE, b"")
    warehouse.put_events(f"{DAY}-more.json", [event(0)])
    with caplog.at_level(logging.WARNING):
        result = stage_events().stage("run")
    assert (result.files, result.rows_loaded) == (2, 1)
    assert f"1 objects are empty, the first is s3://sparkify/{FILE}" in caplog.text


def test_an_editors_copies_are_named_and_lose_nothing(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    copy = "log_data/2018/11/.ipynb_checkpoints/2018-11-05-events-checkpoint.json"
    warehouse.put_events(FILE, [event(0)])
    warehouse.put_events(copy, [event(0), event(1)])
    with caplog.at_level(logging.WARNING):
        stage_events("log_data/2018/11/").stage("run")
    assert copy in caplog.text
    assert items(warehouse) == [0, 0, 1]


def test_integers_for_names_load_as_text(warehouse: Warehouse) -> None:
    for number, name in ((1, 311), (2, "ABBA")):
        warehouse.put(
            f"song_data/{number}.json",
            json.dumps(song(number, artist_name=name, artist_location=100)).encode(),
        )
    stage("stage_songs", SONGS, "song_data/").stage("run")
    assert warehouse.rows(
        'select artist_name, artist_location from "raw".staging_songs order by song_id'
    ) == [("311", "100"), ("ABBA", "100")]


def changes(warehouse: Warehouse, run_id: str) -> set[tuple[str, str]]:
    rows = warehouse.rows(
        'select key_name, key_value from "raw".load_changes '
        'where load_id in (select load_id from "raw".load_history where run_id = %s)',
        (run_id,),
    )
    return {(name, value) for name, value in rows}


def test_the_change_feed_names_what_came_went_and_changed_and_nothing_else(
    warehouse: Warehouse,
) -> None:
    day_later = event(0)["ts"] + 86_400_000
    warehouse.put_events(FILE, [event(0), event(1, userId="8"), event(2, userId="9", ts=day_later)])
    stage_events().stage("first")
    assert changes(warehouse, "first") == {
        ("event_date", "2018-11-05"),
        ("event_date", "2018-11-06"),
        ("user_id", "7"),
        ("user_id", "8"),
        ("user_id", "9"),
    }

    warehouse.put_events(FILE, [event(0), event(2, userId="9", ts=day_later, level="paid")])
    stage_events().stage("second")
    assert changes(warehouse, "second") == {
        ("event_date", "2018-11-05"),  # user 8's event went
        ("event_date", "2018-11-06"),  # user 9's event changed
        ("user_id", "8"),
        ("user_id", "9"),
    }


class Crash(BaseException):
    """What ends a process without asking."""


def crash_before(number: int) -> tuple[Callable[..., Any], list[str]]:
    seen: list[str] = []
    execute = Cursor.execute

    def counting(self: Cursor, operation: str, *arguments: Any, **options: Any) -> Any:
        if len(seen) == number:
            raise Crash
        seen.append(operation)
        return execute(self, operation, *arguments, **options)

    return counting, seen


def test_a_crash_before_any_statement_leaves_everything_as_it_was(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    audits = (
        'select iteminsession, _partition, _loaded_at from "raw".staging_events order by 1',
        'select * from "raw".load_history order by 1',
        'select * from "raw".load_errors order by 1',
        'select * from "raw".load_changes order by 1, 2, 3',
    )
    warehouse.put_events(FILE, [event(0), event(1)])
    stage_events().stage("good")
    before = [warehouse.rows(sql) for sql in audits]
    warehouse.put_events(FILE, [event(1), event(2), event(3, status="x")])

    number = 0
    while True:
        counting, seen = crash_before(number)
        with monkeypatch.context() as patch:
            patch.setattr(Cursor, "execute", counting)
            try:
                stage_events().stage("crashing")
            except Crash:
                pass
            else:
                break
        assert [warehouse.rows(sql) for sql in audits] == before, seen
        number += 1

    assert number > 10
    assert items(warehouse) == [1, 2]
    assert warehouse.rows(AUDIT) == [("loaded", 1, 2, 2, 0), ("loaded", 1, 3, 2, 1)]


def test_loads_at_the_same_time_come_one_after_the_other(warehouse: Warehouse) -> None:
    prefixes = [f"log_data/2018/11/2018-11-{day:02d}" for day in range(1, 7)]
    for number, prefix in enumerate(prefixes):
        warehouse.put_events(f"{prefix}-events.json", [event(number)])
    with ThreadPoolExecutor(len(prefixes)) as pool:
        list(pool.map(lambda prefix: stage_events(prefix).stage(prefix), prefixes))
    assert items(warehouse) == [0, 1, 2, 3, 4, 5]
    ids = [load_id for (load_id,) in warehouse.rows('select load_id from "raw".load_history')]
    assert len(set(ids)) == len(prefixes)


def test_credentials_never_reach_the_log(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_role = {**vars(settings()), "copy_role_arn": ""}
    monkeypatch.setattr(settings(), "__dict__", without_role)
    secret = json.loads(warehouse.environment["AIRFLOW_CONN_AWS_DEFAULT"])["password"]
    warehouse.put_events(FILE, [event(0)])
    with caplog.at_level(logging.DEBUG):
        stage_events().stage("run")
    assert items(warehouse) == [0]
    assert secret not in caplog.text
