"""The load protocol on the local S3 and Redshift: every line accounted for, all or nothing."""

import bz2
import gzip
import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, tzinfo
from itertools import permutations
from typing import Any

import pytest
import zstandard
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from redshift_connector.core import Connection
from redshift_connector.cursor import Cursor
from redshift_connector.error import InterfaceError, ProgrammingError

from include.load import protocol
from include.load.errors import LoadError
from include.load.operator import StageToRedshiftOperator
from include.load.request import Mode
from include.load.tables import EVENTS, SONGS
from include.load.tasks import stage
from tests.sparkify_data import event, song
from tests.warehouse import Warehouse

DAY = "log_data/2018/11/2018-11-05"
FILE = f"{DAY}-events.json"
MONTH = "log_data/2018/11/"
NEXT_DAY = "log_data/2018/11/2018-11-06"
NEXT_FILE = f"{NEXT_DAY}-events.json"
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


def test_keeps_each_value_unchanged(warehouse: Warehouse) -> None:
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


def test_only_changed_partitions_of_a_wide_prefix_are_loaded(warehouse: Warehouse) -> None:
    warehouse.put_events(FILE, [event(0), event(1)])
    warehouse.put_events(NEXT_FILE, [event(9)])
    assert stage_events(MONTH).stage("first").loaded == 2
    warehouse.put_events(FILE, [event(1), event(2)])
    result = stage_events(MONTH).stage("second")
    assert (result.loaded, result.unchanged) == (1, 1)
    assert items(warehouse) == [1, 2, 9]


@pytest.mark.parametrize("order", list(permutations(["log_data/", DAY, FILE])))
def test_overlapping_prefixes_load_nothing_twice_in_any_order(
    warehouse: Warehouse, order: tuple[str, ...]
) -> None:
    warehouse.put_events(FILE, [event(0)])
    warehouse.put_events(f"{DAY}-more.json", [event(1)])
    warehouse.put_events(NEXT_FILE, [event(9)])
    loaded = sum(stage_events(prefix).stage(prefix).loaded for prefix in order)
    assert loaded == 2
    assert items(warehouse) == [0, 1, 9]


def test_a_corrected_day_replaces_what_the_months_load_brought(warehouse: Warehouse) -> None:
    warehouse.put_events(FILE, [event(0), event(1), event(2)])
    warehouse.put_events(NEXT_FILE, [event(9)])
    stage_events(MONTH).stage("month")
    warehouse.put_events(FILE, [event(0, userId="8"), event(2)])
    stage_events(DAY).stage("day")
    assert items(warehouse) == [0, 2, 9]


def test_a_partition_that_vanished_keeps_its_rows(warehouse: Warehouse) -> None:
    warehouse.put_events(FILE, [event(0)])
    warehouse.put_events(NEXT_FILE, [event(9)])
    stage_events(MONTH).stage("first")
    warehouse.delete(FILE)
    assert stage_events(MONTH).stage("second").loaded == 0
    assert items(warehouse) == [0, 9]


def test_a_shorter_prefix_takes_over_the_rows_of_those_within_it(warehouse: Warehouse) -> None:
    warehouse.put_events(FILE, [event(0)])
    warehouse.put_events(NEXT_FILE, [event(9)])
    stage_events(MONTH).stage("days")
    warehouse.put_events("log_data/2018/11", [event(5)])

    assert stage_events("log_data/").stage("stray").loaded == 1
    assert items(warehouse) == [0, 5, 9]
    assert warehouse.rows('select distinct _partition from "raw".staging_events') == [
        ("s3://sparkify/log_data/2018/11",)
    ]
    assert warehouse.rows(
        "select partition_prefix from \"raw\".load_history where status = 'absorbed' order by 1"
    ) == [(f"s3://sparkify/{DAY}",), (f"s3://sparkify/{NEXT_DAY}",)]

    assert stage_events(DAY).stage("day").loaded == 0
    assert items(warehouse) == [0, 5, 9]


def test_reload_loads_what_is_unchanged_once_a_run(warehouse: Warehouse) -> None:
    warehouse.put_events(FILE, [event(0)])
    stage_events().stage("first")
    warehouse.run('delete from "raw".staging_events')
    assert stage_events(reload="True").stage("second").loaded == 1
    assert stage_events(reload="True").stage("second").loaded == 0
    assert items(warehouse) == [0]


def test_a_load_overtaken_by_another_changes_nothing(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """COPY and accounting hold no lock: another load of the partition may commit meanwhile."""
    warehouse.put_events(FILE, [event(0)])

    account = protocol.account

    def overtaken(*arguments: Any) -> None:
        monkeypatch.setattr(protocol, "account", account)
        assert stage_events().stage("other").loaded == 1
        account(*arguments)

    monkeypatch.setattr(protocol, "account", overtaken)
    assert stage_events().stage("slow").unchanged == 1
    assert items(warehouse) == [0]
    assert warehouse.rows('select run_id from "raw".load_history') == [("other",)]


def test_load_ids_are_never_used_again(warehouse: Warehouse) -> None:
    newest = 'select max(load_id) from "raw".load_history'
    warehouse.put_events(FILE, [event(0)])
    stage_events().stage("first")
    [(before,)] = warehouse.rows(newest)
    warehouse.run('drop schema "raw" cascade')
    warehouse.create_tables()
    stage_events().stage("second")
    [(after,)] = warehouse.rows(newest)
    assert after > before

    warehouse.run('update "raw".load_history set load_id = load_id + 10000000000')  # a clock ahead
    [(ahead,)] = warehouse.rows(newest)
    stage_events(reload=True).stage("third")
    assert warehouse.rows(newest) == [(ahead + 1,)]


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


@pytest.mark.parametrize(
    ("option", "pack"),
    [
        # two members, as of files that were joined
        ("GZIP", lambda text: gzip.compress(text[:900]) + gzip.compress(text[900:])),
        ("bzip2", bz2.compress),
        ("zstd", zstandard.compress),
    ],
)
def test_a_bad_line_of_a_packed_object_is_kept_as_that_of_a_plain_one(
    warehouse: Warehouse, option: str, pack: Callable[[bytes], bytes]
) -> None:
    line = json.dumps(event(1, status="é"), ensure_ascii=False)
    text = "\n".join([json.dumps(event(0)), line, json.dumps(event(9))])
    warehouse.put(f"{FILE}.{option.lower()}", pack(text.encode()))

    operator = stage_events(max_rejected_lines=1, copy_options=[option])
    assert operator.stage("run").rows_loaded == 2

    assert warehouse.rows(
        'select line_number, column_name, column_value, raw_line from "raw".load_errors'
    ) == [(2, "status", "é", line)]
    assert set(event(0)) == {
        key for (key,) in warehouse.rows('select json_key from "raw".load_keys')
    }


def test_a_packed_object_of_another_format_is_named_by_what_is_in_it(warehouse: Warehouse) -> None:
    warehouse.put(f"{FILE}.gz", gzip.compress(ARRAY))
    with pytest.raises(LoadError, match="The file is one JSON array"):
        stage_events(copy_options=["gzip"]).stage("bad")
    [(raw_line,)] = warehouse.rows('select raw_line from "raw".load_errors')
    assert raw_line == ARRAY.decode()


def test_two_refusals_of_one_line_count_once(warehouse: Warehouse) -> None:
    line = json.dumps(event(1, status="x")) + json.dumps(event(2, status="y"))
    warehouse.put(FILE, f"{json.dumps(event(0))}\n{line}".encode())
    result = stage_events(max_rejected_lines=2).stage("run")
    assert warehouse.rows("select count(*) from sys_load_error_detail") >= [(2,)]
    assert (result.rows_loaded, result.rows_rejected) == (1, 1)
    assert warehouse.rows('select line_number from "raw".load_errors') == [(2,)]


def test_over_the_error_budget_nothing_is_loaded_and_the_message_has_the_lines(
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


def test_refused_lines_are_found_when_redshifts_clock_is_behind(
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
    # in the order of the columns, which is that of the event's keys
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


def test_copies_made_by_an_editor_are_loaded_and_logged(
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


def test_the_change_feed_has_the_keys_of_added_removed_and_changed_rows_only(
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
        ("session_id", "70"),
    }

    warehouse.put_events(FILE, [event(0), event(2, userId="9", ts=day_later, level="paid")])
    stage_events().stage("second")
    assert changes(warehouse, "second") == {
        ("event_date", "2018-11-05"),  # user 8's event was removed
        ("event_date", "2018-11-06"),  # user 9's event changed
        ("user_id", "8"),
        ("user_id", "9"),
        ("session_id", "70"),
    }


def test_a_refused_record_over_several_lines_is_kept_whole(warehouse: Warehouse) -> None:
    records = [json.dumps(event(0), indent=2), json.dumps(event(1, sessionId="abc"), indent=2)]
    warehouse.put(FILE, "\n".join(records).encode())

    assert stage_events(max_rejected_lines=1).stage("run").rows_loaded == 1

    assert warehouse.rows('select column_value, raw_line from "raw".load_errors') == [
        ("abc", records[1])
    ]


ARRAY = json.dumps([event(0), event(1)], indent=0).encode()
PLAIN = "\n".join(json.dumps(event(item)) for item in (0, 1)).encode()


@pytest.mark.parametrize(
    ("body", "shape"),
    [
        (ARRAY, "one JSON array"),
        (b"[" + ARRAY.replace(b"\n", b"")[1:], "one JSON array"),
        (gzip.compress(PLAIN, mtime=0), "a gzip file"),
        (PLAIN.decode().encode("utf-16"), "UTF-16 text"),
        (b"# Logs\n\nThis folder has {logs} in [json].\n", "not JSON"),
    ],
)
def test_a_file_of_another_format_is_named_and_replaces_nothing(
    warehouse: Warehouse, body: bytes, shape: str
) -> None:
    warehouse.put_events(FILE, [event(0), event(1)])
    stage_events().stage("good")
    warehouse.put(FILE, body)

    with pytest.raises(LoadError) as caught:
        stage_events(max_rejected_lines=100).stage("bad")

    assert f"all lines of s3://sparkify/{FILE} were refused" in str(caught.value)
    assert f"The file is {shape}" in str(caught.value)
    assert f"s3://sparkify/{FILE}, line " in str(caught.value)
    assert items(warehouse) == [0, 1]
    [*_, (status, _, _, rows, rejected)] = warehouse.rows(AUDIT)
    assert (status, rows) == ("failed", 0)
    assert rejected >= 1
    if body == ARRAY:
        assert warehouse.rows('select raw_line from "raw".load_errors') == [(ARRAY.decode(),)]


def test_a_file_of_which_all_lines_are_refused_fails_even_within_the_budget(
    warehouse: Warehouse,
) -> None:
    warehouse.put_events(FILE, [event(0, status="x"), event(1, status="y")])
    warehouse.put_events(f"{DAY}-more.json", [event(2)])
    with pytest.raises(LoadError, match=f"all lines of s3://sparkify/{FILE} were refused"):
        stage_events(max_rejected_lines=2).stage("bad")
    assert items(warehouse) == []


def test_a_refused_song_file_counts_as_one_line_of_the_budget(warehouse: Warehouse) -> None:
    for number, duration in ((1, 200.5), (2, "long")):
        document = song(number, duration=duration)
        warehouse.put(f"song_data/A/A/{number}.json", json.dumps(document, indent=1).encode())
    result = stage("stage_songs", SONGS, "song_data/").stage("run")
    assert (result.rows_loaded, result.rows_rejected) == (1, 1)


@pytest.mark.parametrize("body", [b"", b"\n \n"])
def test_a_partition_with_rows_is_not_replaced_by_nothing(
    warehouse: Warehouse, body: bytes
) -> None:
    warehouse.put_events(FILE, [event(0), event(1)])
    stage_events().stage("good")
    warehouse.put(FILE, body)
    with pytest.raises(LoadError, match="2 rows of its last load would go; they were kept"):
        stage_events().stage("bad")
    assert items(warehouse) == [0, 1]
    assert [status for status, *_ in warehouse.rows(AUDIT)] == ["loaded", "failed"]


def test_a_bad_partition_does_not_stop_the_others(warehouse: Warehouse) -> None:
    warehouse.put_events(FILE, [event(0, status="x")])
    warehouse.put_events(NEXT_FILE, [event(9)])
    with pytest.raises(LoadError, match="line 1, column status, value 'x'"):
        stage_events(MONTH, max_rejected_lines=0).stage("run")
    assert items(warehouse) == [9]


ODD_PREFIXES = [
    "song_data/O'Brien/",
    "odd\\prefix/",
    "odd\\",
    "100%/",
    "%s/",
    'double"quote/',
    "two words+plus/",
    "日本/",
    "inj/m.json' manifest acceptinvchars '?",
    "inj/m.json\\' manifest acceptinvchars '?",
]


@pytest.mark.parametrize("prefix", ODD_PREFIXES)
def test_a_prefix_is_a_literal_in_all_sql(warehouse: Warehouse, prefix: str) -> None:
    manifest = {"entries": [{"url": "s3://sparkify/private.json", "mandatory": True}]}
    warehouse.put("inj/m.json", json.dumps(manifest).encode())
    warehouse.put_events("private.json", [event(99)])
    warehouse.put_events(f"{prefix}a.json", [event(0)])
    assert stage_events(prefix).stage("first").loaded == 1
    warehouse.put_events(f"{prefix}a.json", [event(1), event(2, status="x")])
    assert stage_events(prefix, max_rejected_lines=1).stage("second").loaded == 1
    assert items(warehouse) == [1]
    address = f"s3://sparkify/{prefix}a.json"
    assert warehouse.rows('select file_name from "raw".load_errors') == [(address,)]
    assert warehouse.rows('select _partition from "raw".staging_events') == [(address,)]


def test_keys_of_a_thousand_bytes_load(warehouse: Warehouse) -> None:
    keys = [f"log_data/{'k' * (1024 - len('log_data/') - 1)}{last}" for last in "ab"]
    keys.append(f"log_data/{'日' * 300}")
    for item, key in enumerate(keys):
        warehouse.put_events(key, [event(item), event(item, status="x")])
    stage_events("log_data/", max_rejected_lines=1).stage("run")
    assert items(warehouse) == [0, 1, 2]
    found = warehouse.rows('select file_name from "raw".load_errors')
    assert {name for (name,) in found} == {f"s3://sparkify/{key}" for key in keys}


def test_the_json_keys_of_each_load_are_kept(warehouse: Warehouse) -> None:
    warehouse.put_events(FILE, [event(0), event(1, mood="good")])
    stage_events().stage("run")
    found = {key for (key,) in warehouse.rows('select json_key from "raw".load_keys')}
    assert found == {*event(), "mood"}


def test_a_file_that_vanishes_after_listing_is_noticed_and_the_rest_loaded(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("include.load.accounting.PATIENCE_SECONDS", 1)
    warehouse.put_events(FILE, [event(0)])
    warehouse.put_events(f"{DAY}-more.json", [event(1)])
    load_together = protocol.load_together

    def after_the_deletion(*arguments: Any) -> None:
        warehouse.delete(FILE)
        load_together(*arguments)

    monkeypatch.setattr(protocol, "load_together", after_the_deletion)
    with caplog.at_level(logging.WARNING):
        assert stage_events().stage("run").files == 1
    assert "COPY did not read 1 files that were there when the bucket was listed" in caplog.text
    assert FILE in caplog.text
    assert items(warehouse) == [1]


def test_an_object_that_changes_while_copy_reads_is_loaded_again(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse.put_events(FILE, [event(0)])
    account = protocol.account

    def meanwhile(*arguments: Any) -> None:
        account(*arguments)
        warehouse.put_events(FILE, [event(0), event(1)])

    monkeypatch.setattr(protocol, "account", meanwhile)
    with caplog.at_level(logging.WARNING):
        stage_events().stage("first")
    monkeypatch.setattr(protocol, "account", account)
    assert f"s3://sparkify/{DAY}: objects changed while COPY read them" in caplog.text
    # As it was listed, and yet not what COPY is known to have read
    warehouse.put_events(FILE, [event(0)])
    assert stage_events().stage("second").loaded == 1
    assert stage_events().stage("third").loaded == 0


def failing_once(statement: str, error: Exception) -> tuple[Callable[..., Any], list[str]]:
    """Return a Cursor.execute that fails once, at the first statement that contains this text."""
    failed: list[str] = []
    execute = Cursor.execute

    def failing(self: Cursor, operation: str, *arguments: Any, **options: Any) -> Any:
        if statement in operation:
            failed.append(operation)
            if len(failed) == 1:
                raise error
        return execute(self, operation, *arguments, **options)

    return failing, failed


def server_error(message: str, code: str = "XX000") -> ProgrammingError:
    return ProgrammingError({"S": "ERROR", "C": code, "M": message})


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("copy ", server_error("S3ServiceException:Please wait,Status 503,Error SlowDown")),
        ("copy ", server_error("S3CurlException: Connection timed out")),
        ("copy ", server_error("S3ServiceException:Expired,Status 400,Error ExpiredToken")),
        ("copy ", InterfaceError("connection is closed")),
        ("insert into", server_error("1023")),
        ("lock table", server_error("deadlock detected", "40P01")),
        ("delete from", ConnectionResetError(104, "Connection reset by peer")),
    ],
)
def test_a_transient_error_is_tried_again(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, statement: str, error: Exception
) -> None:
    warehouse.put_events(FILE, [event(0)])
    stage_events().stage("before")
    warehouse.put_events(FILE, [event(0), event(1)])
    failing, failed = failing_once(statement, error)
    monkeypatch.setattr(Cursor, "execute", failing)
    assert stage_events().stage("run").rows_loaded == 2
    assert len(failed) >= 2
    assert items(warehouse) == [0, 1]
    assert [status for status, *_ in warehouse.rows(AUDIT)] == ["loaded", "loaded"]


@pytest.mark.parametrize("mode", ["replace", "append", "truncate"])
def test_a_commit_with_a_lost_answer_counts_once(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    warehouse.put_events(FILE, [event(0)])
    lost: list[Connection] = []
    commit = Connection.commit

    def losing(self: Connection) -> None:
        commit(self)
        if not lost:
            lost.append(self)
            raise InterfaceError("connection is closed")

    monkeypatch.setattr(Connection, "commit", losing)
    assert stage_events(mode=mode).stage("run").unchanged == 1
    assert lost
    assert items(warehouse) == [0]
    assert len(warehouse.rows(AUDIT)) == 1


@pytest.mark.parametrize(
    ("statement", "error", "words"),
    [
        ("copy ", server_error("S3ServiceException:Access Denied,Status 403"), "COPY of s3://"),
        ('insert into "raw".load_changes', server_error("out of range", "22008"), "change feed"),
        ('insert into "raw"."staging', server_error("denied", "42501"), "Replacing the rows"),
        ("lock table", server_error("permission denied", "42501"), "Locking the load audit"),
        ("sys_load_detail", server_error("permission denied", "42501"), "Reading the system views"),
    ],
)
def test_a_lasting_error_fails_at_once_and_names_the_statement(
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    statement: str,
    error: ProgrammingError,
    words: str,
) -> None:
    warehouse.put_events(FILE, [event(0)])
    failing, failed = failing_once(statement, error)
    monkeypatch.setattr(Cursor, "execute", failing)
    with pytest.raises(LoadError) as caught:
        stage_events().stage("run")
    assert words in str(caught.value)
    assert f"failed: {error.args[0]['M']}" in str(caught.value)
    assert len(failed) == 1
    assert items(warehouse) == []


def test_a_bucket_that_may_not_be_read_fails_at_once(warehouse: Warehouse) -> None:
    warehouse.put_events(FILE, [event(0)])
    with pytest.raises(LoadError, match=r"Listing s3://no-such-bucket/.* failed: .*AccessDenied"):
        stage_events(s3_bucket="no-such-bucket").stage("run")


class Crash(BaseException):
    """Ends a process as a crash does: nothing catches it."""


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
    audit = (
        'select iteminsession, _partition, _loaded_at from "raw".staging_events order by 1',
        'select * from "raw".load_history order by 1',
        'select * from "raw".load_errors order by 1',
        'select * from "raw".load_changes order by 1, 2, 3',
    )
    warehouse.put_events(FILE, [event(0), event(1)])
    stage_events().stage("good")
    before = [warehouse.rows(sql) for sql in audit]
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
        assert [warehouse.rows(sql) for sql in audit] == before, seen
        number += 1

    assert number > 10
    assert items(warehouse) == [1, 2]
    assert warehouse.rows(AUDIT) == [("loaded", 1, 2, 2, 0), ("loaded", 1, 3, 2, 1)]


def test_concurrent_loads_run_one_after_the_other(warehouse: Warehouse) -> None:
    prefixes = [f"log_data/2018/11/2018-11-{day:02d}" for day in range(1, 7)]
    for number, prefix in enumerate(prefixes):
        warehouse.put_events(f"{prefix}-events.json", [event(number)])
    with ThreadPoolExecutor(len(prefixes)) as pool:
        list(pool.map(lambda prefix: stage_events(prefix).stage(prefix), prefixes))
    assert items(warehouse) == [0, 1, 2, 3, 4, 5]
    ids = [load_id for (load_id,) in warehouse.rows('select load_id from "raw".load_history')]
    assert len(set(ids)) == len(prefixes)
