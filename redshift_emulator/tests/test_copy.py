"""COPY through redshift_connector: objects from S3 become rows and load logs."""

import asyncio
import bz2
import gzip
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from time import monotonic

import psutil
import psycopg2
import pytest
import redshift_connector
import zstandard
from lake import ROLE, Lake, connect
from waiting import wait_until

from redshift_emulator.copy_from_s3 import to_its_end
from redshift_emulator.server import running_emulator

PLAYS = "create table plays (user_id int, page varchar(10), at timestamp, length float8)"


def detail(lake: Lake) -> list[tuple[object, ...]]:
    return lake.rows(
        "select line_number, trim(column_name), trim(column_type), trim(column_length), position,"
        " error_code, trim(error_message) from sys_load_error_detail"
        " where query_id = pg_last_copy_id() order by file_name, line_number"
    )


# Sources


def test_prefix_loads_every_key_that_starts_with_it(lake: Lake) -> None:
    lake.run("create table t (a int)")
    for key in ("log/2018/1/a", "log/2018/11/b", "log/2018/10", "log/2019/1"):
        lake.put(key, b'{"a":1}')
    lake.copy("t", "log/2018/1", "json 'auto'")
    assert lake.rows("select count(*) from t") == [(3,)]


def test_objects_beyond_the_first_listing_page_load(lake: Lake) -> None:
    lake.run("create table t (a int)")

    def put(number: int) -> None:
        lake.put(f"songs/{number:05}.json", b'{"a":%d}' % number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(1050)))
    lake.copy("t", "songs/", "json 'auto'")
    assert lake.rows("select count(distinct a), max(a) from t") == [(1050, 1049)]
    assert lake.rows(
        "select count(*), sum(lines_scanned) from sys_load_detail"
        " where query_id = pg_last_copy_id()"
    ) == [(1050, 1050)]


def test_manifest_spans_buckets_and_skips_missing_optional_objects(lake: Lake) -> None:
    lake.run("create table t (a int)")
    lake.put("data/1", b'{"a":1}')
    lake.put("data/10", b'{"a":10}')
    entries = [
        {"url": f"s3://{lake.bucket}/data/1", "mandatory": True},
        {"url": f"s3://{lake.bucket}/data/gone", "mandatory": False},
        {"url": f"s3://{lake.bucket}/data/gone too"},
    ]
    lake.put("manifest", json.dumps({"entries": entries}).encode())
    lake.copy("t", "manifest", "json 'auto' manifest")
    assert lake.rows("select a from t") == [(1,)]


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (None, "Problem reading manifest file - S3ServiceException:The specified key does not"),
        (b"{", "Manifest file is not in correct json format"),
        (b"{}", "Manifest file is not in expected format"),
        (b'{"entries":[{"mandatory":true}]}', "'url' field missing"),
        (b'{"entries":[]}', "The specified S3 prefix 'manifest' does not exist"),
        (
            b'{"entries":[{"url":"s3://BUCKET/gone","mandatory":true}]}',
            "The specified S3 prefix 'gone' does not exist",
        ),
    ],
)
def test_invalid_manifest_is_refused(lake: Lake, manifest: bytes | None, message: str) -> None:
    lake.run("create table t (a int)")
    if manifest:
        lake.put("manifest", manifest.replace(b"BUCKET", lake.bucket.encode()))
    error = lake.refusal(
        f"copy t from 's3://{lake.bucket}/manifest' iam_role '{ROLE}' json 'auto' manifest"
    )
    assert message in error["M"]


@pytest.mark.parametrize(
    ("option", "compress"),
    [("gzip", gzip.compress), ("bzip2", bz2.compress), ("zstd", zstandard.compress)],
)
def test_compressed_objects_load_and_several_members_are_one_object(
    lake: Lake, option: str, compress: Callable[[bytes], bytes]
) -> None:
    lake.run("create table t (a int)")
    lake.put("data", compress(b'{"a":1}\n') + compress(b'{"a":2}\n'))
    lake.copy("t", "data", f"json 'auto' {option}")
    assert lake.rows("select a from t order by a") == [(1,), (2,)]


def test_object_without_the_named_compression_fails_the_load(lake: Lake) -> None:
    lake.run("create table t (a int)")
    lake.put("data", b'{"a":1}')
    error = lake.refusal(
        f"copy t from 's3://{lake.bucket}/data' iam_role '{ROLE}' json 'auto' gzip"
    )
    assert f"Cannot read s3://{lake.bucket}/data" in error["M"]


def test_rejected_record_before_a_broken_end_fails_the_load_first(lake: Lake) -> None:
    lake.run("create table t (a int, b varchar(100))")
    lines = ["x," + "b" * 98, *("1," + "b" * 98 for _ in range(300))]
    lake.put("data", gzip.compress("\n".join(lines).encode())[:-20])
    error = lake.refusal(f"copy t from 's3://{lake.bucket}/data' iam_role '{ROLE}' csv gzip")
    assert "Check 'stl_load_errors'" in error["M"]
    assert lake.rows(
        "select line_number, err_code from stl_load_errors where query = pg_last_copy_id()"
    ) == [(1, 1207)]


def test_what_ends_a_load_is_finished_however_often_it_is_cancelled() -> None:
    finished = []

    async def end() -> None:
        await asyncio.sleep(0.01)
        finished.append(True)

    async def cancel_twice() -> None:
        ending = asyncio.ensure_future(to_its_end(end()))
        for _ in range(2):
            await asyncio.sleep(0)
            ending.cancel()
        await ending

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel_twice())
    assert finished == [True]


def test_missing_prefix_bucket_and_permission_give_redshift_s_messages(lake: Lake) -> None:
    lake.run("create table t (a int)")
    json_auto = f"iam_role '{ROLE}' json 'auto'"
    missing = lake.refusal(f"copy t from 's3://{lake.bucket}/none' {json_auto}")
    assert missing["M"] == "The specified S3 prefix 'none' does not exist"
    assert missing["C"] == "XX000"
    assert "code:      8001" in missing["D"]
    nowhere = lake.refusal(f"copy t from 's3://no-such-bucket/none' {json_auto}")
    assert nowhere["M"].startswith(
        "S3ServiceException:The specified bucket does not exist,Status 404,Error NoSuchBucket,Rid "
    )
    denial = {"Effect": "Deny", "Principal": "*", "Action": "s3:*"}
    everything = [f"arn:aws:s3:::{lake.bucket}", f"arn:aws:s3:::{lake.bucket}/*"]
    policy = {"Version": "2012-10-17", "Statement": [{**denial, "Resource": everything}]}
    lake.put("denied", b'{"a":1}')
    lake.s3.put_bucket_policy(Bucket=lake.bucket, Policy=json.dumps(policy))
    denied = lake.refusal(f"copy t from 's3://{lake.bucket}/denied' {json_auto}")
    assert denied["M"].startswith(
        "S3ServiceException:Access Denied,Status 403,Error AccessDenied,Rid "
    )


@pytest.mark.parametrize(
    "credentials",
    [
        f"iam_role '{ROLE}'",
        "iam_role default",
        f"credentials 'aws_iam_role={ROLE}'",
        "access_key_id 'a' secret_access_key 'b'",
        "access_key_id 'a' secret_access_key 'b' session_token 'c'",
        "credentials 'aws_access_key_id=a;aws_secret_access_key=b'",
    ],
)
def test_every_form_of_credentials_is_accepted(lake: Lake, credentials: str) -> None:
    lake.run("create table t (a int)")
    lake.put("data", b'{"a":1}')
    lake.run(f"copy t from 's3://{lake.bucket}/data' {credentials} region 'us-west-2' json 'auto'")
    assert lake.rows("select a from t") == [(1,)]


@pytest.mark.parametrize("credentials", ["", "iam_role 'me'", "access_key_id 'a'"])
def test_copy_without_proper_credentials_is_refused(lake: Lake, credentials: str) -> None:
    lake.run("create table t (a int)")
    lake.put("data", b'{"a":1}')
    lake.refusal(f"copy t from 's3://{lake.bucket}/data' {credentials} json 'auto'")
    assert lake.rows("select a from t") == []


@pytest.mark.parametrize(
    "role", [f"{ROLE}-of-another-cluster", f"{ROLE},{ROLE}-of-another-account"]
)
def test_role_that_is_not_associated_is_refused(lake: Lake, role: str) -> None:
    lake.run("create table t (a int)")
    lake.put("data", b'{"a":1}')
    not_associated = role.rpartition(",")[2]
    for statement in (
        f"copy t from 's3://{lake.bucket}/data' iam_role '{role}' json 'auto'",
        f"unload ('select 1 as a') to 's3://{lake.bucket}/out/' iam_role '{role}'",
    ):
        error = lake.refusal(statement)
        assert error["M"] == (
            "exception name : UnauthorizedException, error type : 138, message: The requested role"
            f" {not_associated} is not associated to cluster, should retry : 0"
        )
        assert "code:      30000" in error["D"]
    assert lake.keys() == ["data"]


def test_cluster_without_roles_refuses_every_role(s3_url: str, lake: Lake, data_dir: Path) -> None:
    lake.put("data", b'{"a":1}')
    copy = f"copy t from 's3://{lake.bucket}/data' json 'auto' "
    with (
        running_emulator(data_dir, s3_endpoint=s3_url) as emulator,
        connect(emulator) as connection,
    ):
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("create table t (a int)")
        with pytest.raises(redshift_connector.ProgrammingError, match="not associated to cluster"):
            cursor.execute(f"{copy} iam_role '{ROLE}'")
        with pytest.raises(redshift_connector.ProgrammingError, match="no default IAM role"):
            cursor.execute(f"{copy} iam_role default")
        cursor.execute(f"{copy} access_key_id 'a' secret_access_key 'b'")
        cursor.execute("select a from t")
        assert [tuple(row) for row in cursor.fetchall()] == [(1,)]


def test_system_views_show_a_transfer_after_their_delay(
    s3_url: str, lake: Lake, data_dir: Path
) -> None:
    lake.put("data", b'{"a":1}\n{"a":"x"}')
    views = ("sys_load_history", "sys_load_detail", "sys_load_error_detail", "stl_load_errors")
    views += ("stl_loaderror_detail", "stl_load_commits", "sys_unload_history", "stl_unload_log")
    counts = "select " + ", ".join(f"(select count(*) from {view})" for view in views)
    with (
        running_emulator(
            data_dir, s3_endpoint=s3_url, copy_roles=[ROLE], system_view_delay=3
        ) as emulator,
        connect(emulator) as connection,
    ):
        connection.autocommit = True

        def rows(sql: str) -> list[tuple[object, ...]]:
            return [tuple(row) for row in connection.cursor().execute(sql).fetchall()]

        cursor = connection.cursor()
        cursor.execute("create table t (a int)")
        s3 = f"s3://{lake.bucket}"
        cursor.execute(f"copy t from '{s3}/data' iam_role '{ROLE}' json 'auto' maxerror 2")
        cursor.execute(f"unload ('select a from t') to '{s3}/out/' iam_role '{ROLE}'")
        assert rows(counts) == [(0,) * len(views)]
        assert rows("select pg_last_copy_count(), pg_last_unload_count()") == [(1, 1)]
        wait_until(lambda: rows(counts) == [(1,) * len(views)])


def test_file_name_is_truncated_to_the_view_column(lake: Lake) -> None:
    key = "k" * 300
    lake.run("create table t (a int)")
    lake.put(key, b'{"a":1}')
    lake.copy("t", "k", "json 'auto'")
    last = "where query_id = pg_last_copy_id()"
    assert lake.rows(f"select file_name from sys_load_detail {last}") == [
        (f"s3://{lake.bucket}/{key}"[:256],)
    ]


def test_every_view_counts_the_same_errors(lake: Lake) -> None:
    lake.run("create table t (a int)")
    lake.put("data", b'{"a":"x"}{"a":"x"}\n\x1f\x8b{\x00[}\n{"a":1}')
    lake.copy("t", "data", "json 'auto' maxerror 9")
    assert lake.rows(
        "select error_count, (select sum(lines_scanned) from sys_load_detail d"
        " where d.query_id = h.query_id), (select count(*) from stl_load_errors e"
        " where e.query = h.query_id), (select count(*) from sys_load_error_detail e"
        " where e.query_id = h.query_id), loaded_rows"
        " from sys_load_history h where query_id = pg_last_copy_id()"
    ) == [(3, 4, 3, 3, 1)]


def test_large_load_neither_fills_memory_nor_blocks_other_clients(lake: Lake) -> None:
    (emulator,) = [
        child
        for child in psutil.Process().children()
        if lake.emulator.port in {listener.laddr.port for listener in child.net_connections()}
    ]
    lake.run("create table t (a int, b varchar(1000))")
    line = b'{"a":1,"b":"' + b"x" * 800 + b'"}\n'
    lines = 150_000
    lake.put("big", gzip.compress(line * lines, 1))
    lake.put("one", b'{"a":1,"b":"x"}')
    lake.copy("t", "one", "json 'auto'")
    before, most, slowest, answers = emulator.memory_info().rss, 0, 0.0, 0
    with lake.another_connection() as other, ThreadPoolExecutor(1) as pool:
        loading = pool.submit(lake.copy, "t", "big", "json 'auto' gzip")
        while not loading.done():
            start = monotonic()
            other.cursor().execute("select 1")
            slowest, answers = max(slowest, monotonic() - start), answers + 1
            most = max(most, emulator.memory_info().rss)
        loading.result()
    assert lake.rows("select count(*) from t") == [(lines + 1,)]
    assert answers > 10
    assert slowest < 5  # seconds: the load does not block other clients
    assert most - before < 64 * 1024 * 1024


# JSON


def test_jsonpaths_fill_columns_in_their_order(lake: Lake) -> None:
    lake.run(PLAYS)
    lake.put(
        "paths.json",
        b'{"jsonpaths":["$[\'userId\']","$[\'page\']","$[\'ts\']","$[\'length\']"]}',
    )
    lake.put(
        "log/1",
        b'{"ts":1541105830796,"userId":"39","page":"NextSong","length":277.89016}\n'
        b'{"ts":1541105830796,"userId":"","page":"Home","length":null}',
    )
    paths = f"s3://{lake.bucket}/paths.json"
    lake.copy("plays", "log/", f"format as json '{paths}' timeformat as 'epochmillisecs'")
    assert lake.rows("select user_id, page, at::varchar, length from plays order by user_id") == [
        (39, "NextSong", "2018-11-01 20:57:10.796", 277.89016),
        (None, "Home", "2018-11-01 20:57:10.796", None),
    ]


def test_jsonpaths_file_that_does_not_fit_the_table_is_refused(lake: Lake) -> None:
    lake.run(PLAYS)
    lake.put("paths", b'{"jsonpaths":["$.a"]}')
    lake.put("log/1", b"{}")
    statement = f"copy plays from 's3://{lake.bucket}/log/' iam_role '{ROLE}' json"
    wrong = lake.refusal(f"{statement} 's3://{lake.bucket}/paths'")
    assert wrong["M"] == (
        "Number of jsonpaths and the number of columns should match. "
        "JSONPath size: 1, Number of columns in table or column list: 4"
    )
    missing = lake.refusal(f"{statement} 's3://{lake.bucket}/gone'")
    assert "S3ServiceException:The specified key does not exist" in missing["M"]


def test_column_list_narrows_the_copy_and_defaults_fill_the_rest(lake: Lake) -> None:
    lake.run("create table t (a int, b varchar(5) default 'none', c int)")
    lake.put("data", b'{"a":1,"b":"x","c":3}')
    lake.copy("t (c, a)", "data", "json 'auto'")
    assert lake.rows("select a, b, c from t") == [(1, "none", 3)]


def test_keys_match_column_names_case_sensitively_unless_ignorecase(lake: Lake) -> None:
    lake.run("create table t (userid int)")
    lake.put("data", b'{"userId":1}')
    lake.copy("t", "data", "json 'auto'")
    lake.copy("t", "data", "json 'auto ignorecase'")
    assert lake.rows("select userid from t order by userid") == [(1,), (None,)]


def test_identity_column_is_generated_unless_explicit_ids(lake: Lake) -> None:
    lake.run("create table t (id bigint identity(1, 1), a int)")
    lake.put("data", b'{"id":7,"a":1}')
    lake.copy("t", "data", "json 'auto'")
    lake.copy("t", "data", "json 'auto' explicit_ids")
    assert lake.rows("select id, a from t order by id") == [(1, 1), (7, 1)]


# Text


def test_csv_with_header_quotes_and_nulls_loads(lake: Lake) -> None:
    lake.run("create table t (a int, b varchar(20), c date)")
    lake.put("data", b'a,b,c\n1,"x, ""y""\nz",01/11/2018\n2,NULL,\n')
    lake.copy("t", "data", "csv ignoreheader 1 null as 'NULL' dateformat 'DD/MM/YYYY'")
    assert lake.rows("select a, b, c::varchar from t order by a") == [
        (1, 'x, "y"\nz', "2018-11-01"),
        (2, None, None),
    ]


def test_delimited_text_loads_with_escapes_and_quotes(lake: Lake) -> None:
    lake.run("create table t (a int, b varchar(20))")
    lake.put("escaped", b"1|a\\|b\n")
    lake.put("quoted", b"2\t'a\tb'\n")
    lake.copy("t", "escaped", "escape")
    lake.copy("t", "quoted", r"delimiter '\t' removequotes")
    assert lake.rows("select a, b from t order by a") == [(1, "a|b"), (2, "a\tb")]


@pytest.mark.parametrize(
    ("name", "codec"), [("utf16", "utf-16"), ("utf16le", "utf-16-le"), ("utf16be", "utf-16-be")]
)
def test_other_encodings_are_read(lake: Lake, name: str, codec: str) -> None:
    lake.run("create table t (a varchar(20))")
    lake.put("json", '{"a":"é😀"}\n'.encode(codec))
    lake.put("csv", "é😀\n".encode(codec))
    lake.copy("t", "json", f"json 'auto' encoding {name}")
    lake.copy("t", "csv", f"csv encoding as {name}")
    assert lake.rows("select a from t") == [("é😀",), ("é😀",)]


def test_file_in_another_encoding_fails_the_load(lake: Lake) -> None:
    lake.run("create table t (a varchar(20))")
    lake.put("data", b"odd")
    error = lake.refusal(
        f"copy t from 's3://{lake.bucket}/data' iam_role '{ROLE}' csv encoding utf16le"
    )
    assert "is not in the encoding that COPY names" in error["M"]


# Rejections


def test_rejected_record_is_logged_with_position_and_reason_and_the_rest_loads(
    lake: Lake,
) -> None:
    lake.run(PLAYS)
    good = b'{"user_id":1,"page":"Home","at":"2018-11-01 00:00:00","length":1.5}'
    lake.put(
        "log/1",
        b"\n".join(
            [
                good,
                good.replace(b"1,", b'"x",', 1),
                b'{"user_id":1,',
                good.replace(b"Home", "éééééé".encode()),
                good.replace(b"00:00:00", b"25:00:00"),
                good,
            ]
        ),
    )
    lake.copy("plays", "log/", "json 'auto' maxerror 5")
    assert lake.rows("select count(*) from plays") == [(2,)]
    assert lake.rows("select pg_last_copy_count()") == [(2,)]
    assert detail(lake) == [
        (2, "user_id", "int4", "0", 0, 1207, "Invalid digit, Value 'x', Pos 0, Type: Integer"),
        (3, "", "", "", 0, 1216, "Invalid value."),
        (4, "page", "varchar", "10", 0, 1204, "String length exceeds DDL length"),
        (
            5,
            "at",
            "timestamp",
            "0",
            0,
            1206,
            "Invalid timestamp format or value [YYYY-MM-DD HH24:MI:SS]",
        ),
    ]
    (row,) = lake.rows(
        "select trim(filename), line_number, trim(colname), trim(type), trim(raw_line),"
        " trim(raw_field_value), err_code, trim(err_reason) from stl_load_errors"
        " where query = pg_last_copy_id() and line_number = 4"
    )
    assert row == (
        f"s3://{lake.bucket}/log/1",
        4,
        "page",
        "varchar",
        good.decode().replace("Home", "......"),
        "......",
        1204,
        "String length exceeds DDL length",
    )


def test_position_of_a_rejected_field_in_text_is_its_offset_in_the_line(lake: Lake) -> None:
    lake.run("create table t (a varchar(9), b int)")
    lake.put("data", b"x,1\nabc,1.5\n")
    lake.copy("t", "data", "csv maxerror 2")
    (error,) = detail(lake)
    assert error == (2, "b", "int4", "0", 4, 1207, "Invalid digit, Value '.', Pos 1, Type: Integer")


def test_null_in_a_not_null_column_is_rejected(lake: Lake) -> None:
    lake.run("create table t (a int not null, b int)")
    lake.put("data", b'{"b":1}\n{"a":null}\n{"a":""}\n{"a":1}')
    lake.copy("t", "data", "json 'auto' maxerror 4")
    assert [(row[1], *row[5:]) for row in detail(lake)] == [
        ("a", 1213, "Missing data for not-null field")
    ] * 3
    assert lake.rows("select a from t") == [(1,)]


@pytest.mark.parametrize(
    ("limit", "loads"),
    [("", False), ("maxerror 1", False), ("maxerror 2", False), ("maxerror 3", True)],
)
def test_load_fails_when_errors_reach_maxerror(lake: Lake, limit: str, loads: bool) -> None:
    lake.run("create table t (a int)")
    lake.put("data", b'{"a":"x"}\n{"a":1}\n{"a":"y"}\n')
    statement = f"copy t from 's3://{lake.bucket}/data' iam_role '{ROLE}' json 'auto' {limit}"
    if loads:
        lake.run(statement)
    else:
        error = lake.refusal(statement)
        assert error["M"] == (
            "Load into table 't' failed.  Check 'stl_load_errors' system table for details."
        )
        assert error["C"] == "XX000"
    assert lake.rows("select count(*) from t") == [(1 if loads else 0,)]


def test_ignoreallerrors_has_no_limit(lake: Lake) -> None:
    lake.run("create table t (a int)")
    lake.put("data", b'{"a":"x"}\n' * 2500 + b'{"a":1}')
    lake.copy("t", "data", "json 'auto' ignoreallerrors")
    assert lake.rows("select count(*) from t") == [(1,)]
    assert len(detail(lake)) == 2500


def test_log_of_a_failed_load_survives_the_rollback(lake: Lake) -> None:
    lake.run("create table t (a int)")
    lake.put("data", b'{"a":1}\n{"a":"x"}')
    with lake.another_connection() as connection:
        cursor = connection.cursor()
        cursor.execute("select pg_backend_pid()")
        ((pid,),) = cursor.fetchall()
        with pytest.raises(redshift_connector.ProgrammingError, match="stl_load_errors"):
            cursor.execute(
                f"copy {lake.schema}.t from 's3://{lake.bucket}/data' iam_role '{ROLE}' json 'auto'"
            )
        with pytest.raises(redshift_connector.ProgrammingError, match="aborted"):
            cursor.execute("select 1")
        connection.rollback()
        cursor.execute(
            "select session, line_number, err_code from stl_load_errors"
            " where query = pg_last_copy_id()"
        )
        assert [tuple(row) for row in cursor.fetchall()] == [(pid, 2, 1207)]
        cursor.execute(
            "select status, error_count, loaded_rows from sys_load_history"
            " where query_id = pg_last_copy_id()"
        )
        assert [tuple(row) for row in cursor.fetchall()] == [("aborted", 1, 0)]
    assert lake.rows("select count(*) from t") == [(0,)]


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read"])
def test_transaction_sees_the_log_of_its_own_copy_and_unload_and_others_see_it_once(
    lake: Lake, isolation: str
) -> None:
    lake.run("create table t (a int)")
    lake.put("data", b'{"a":1}\n{"a":"x"}')
    books = (
        "select loaded_rows, error_count, (select count(*) from sys_load_detail d"
        " where d.query_id = h.query_id), (select count(*) from stl_load_errors e"
        " where e.query = h.query_id), (select count(*) from sys_unload_history u"
        " where u.session_id = h.session_id and u.query_id > h.query_id)"
        " from sys_load_history h where query_id = "
    )
    s3, role = f"s3://{lake.bucket}", f"iam_role '{ROLE}'"
    connection = psycopg2.connect(
        host=lake.emulator.host,
        port=lake.emulator.port,
        user=lake.emulator.user,
        password=lake.emulator.password,
        dbname=lake.emulator.database,
        options="-c default_transaction_isolation=" + isolation.replace(" ", "\\ "),
    )
    with closing(connection), connection.cursor() as cursor:
        cursor.execute(f"select count(*) from {lake.schema}.t")  # takes the snapshot
        cursor.execute(f"copy {lake.schema}.t from '{s3}/data' {role} json 'auto' maxerror 2")
        cursor.execute(f"unload ('select a from {lake.schema}.t') to '{s3}/out/' {role}")
        cursor.execute("select pg_last_copy_id(), pg_last_copy_count(), pg_last_unload_count()")
        ((query, loaded, unloaded),) = cursor.fetchall()
        assert (loaded, unloaded) == (1, 1)
        cursor.execute(books + str(query))
        assert cursor.fetchall() == [(1, 1, 1, 1, 1)]
        connection.commit()
    assert lake.rows(books + str(query)) == [(1, 1, 1, 1, 1)]


def test_rolled_back_copy_keeps_its_log_and_no_rows(lake: Lake) -> None:
    lake.run("create table t (a int)")
    lake.put("data", b'{"a":1}')
    with lake.another_connection() as connection:
        cursor = connection.cursor()
        cursor.execute(
            f"copy {lake.schema}.t from 's3://{lake.bucket}/data' iam_role '{ROLE}' json 'auto'"
        )
        connection.rollback()
        cursor.execute(
            "select status, loaded_rows, trim(data_source), trim(file_format)"
            " from sys_load_history where query_id = pg_last_copy_id()"
        )
        assert [tuple(row) for row in cursor.fetchall()] == [
            ("completed", 1, f"s3://{lake.bucket}/data", "json")
        ]
    assert lake.rows("select count(*) from t") == [(0,)]


def test_noload_counts_errors_and_loads_nothing(lake: Lake) -> None:
    lake.run("create table t (a int)")
    lake.put("data", b'{"a":1}\n{"a":"x"}')
    lake.copy("t", "data", "json 'auto' noload maxerror 2")
    assert len(detail(lake)) == 1
    assert lake.rows("select count(*) from t") == [(0,)]


def test_files_of_a_load_are_listed_with_bytes_and_lines(lake: Lake) -> None:
    lake.run("create table t (a int)")
    lake.put("data/1", b'{"a":1}\n{"a":2}\n')
    lake.put("data/2", b"")
    lake.put("data/3", b'{\n  "a": 3\n}')
    lake.copy("t", "data/", "json 'auto'")
    assert lake.rows(
        "select trim(file_name), bytes_scanned, lines_scanned from sys_load_detail"
        " where query_id = pg_last_copy_id() order by 1"
    ) == [
        (f"s3://{lake.bucket}/data/1", 16, 2),
        (f"s3://{lake.bucket}/data/2", 0, 0),
        (f"s3://{lake.bucket}/data/3", 12, 1),
    ]
    assert lake.rows(
        "select trim(filename), lines_scanned, trim(file_format) from stl_load_commits"
        " where query = pg_last_copy_id() and filename like '%/3%'"
    ) == [(f"s3://{lake.bucket}/data/3", 1, "JSON")]


# Targets and options


def test_missing_table_and_column_are_named(lake: Lake) -> None:
    lake.put("data", b'{"a":1}')
    source = f"from 's3://{lake.bucket}/data' iam_role '{ROLE}' json 'auto'"
    assert lake.refusal(f"copy gone {source}")["M"] == "Cannot COPY into nonexistent table gone"
    lake.run("create table t (a int)")
    assert lake.refusal(f"copy t (b) {source}")["M"] == (
        'column "b" of relation "t" does not exist'
    )


def test_temporary_table_is_a_target(lake: Lake) -> None:
    lake.run("create temporary table arriving (a int)")
    lake.put("data", b'{"a":1}')
    lake.copy("arriving", "data", "json 'auto' compupdate off statupdate on")
    assert lake.rows("select a from arriving") == [(1,)]


@pytest.mark.parametrize(
    "options",
    [
        "json 'auto' delimiter ','",
        "csv escape",
        "json 'auto' maxerror 100001",
        "json 'auto' maxerror 5 ignoreallerrors",
        "csv encoding latin1",
        "format as avro 'auto'",
        "format as parquet",
        "fixedwidth '0:3'",
        "lzop",
        "json 'auto' encrypted",
        "json 'auto' no_such_option",
    ],
)
def test_unsupported_option_is_refused_not_ignored(lake: Lake, options: str) -> None:
    lake.run("create table t (a int)")
    lake.put("data", b'{"a":1}')
    lake.refusal(f"copy t from 's3://{lake.bucket}/data' iam_role '{ROLE}' {options}")
    assert lake.rows("select count(*) from t") == [(0,)]


def test_notice_says_how_many_records_were_loaded(lake: Lake) -> None:
    lake.run("create table t (a int)")
    lake.put("data", b'{"a":1}\n{"a":2}')
    lake.connection.notices.clear()
    lake.copy("t", "data", "json 'auto'")
    notices = [fields[b"M"].decode() for fields in lake.connection.notices]
    assert "Load into table 't' completed, 2 record(s) loaded successfully." in notices


def test_fields_of_a_rejected_record_are_shown_up_to_the_one_at_fault(lake: Lake) -> None:
    lake.run("create table t (a int, b varchar(5), c int, d int)")
    lake.put("data", "1|é||4\n1||x|4\n".encode())
    lake.copy("t", "data", "maxerror 2 null as ''")
    assert lake.rows(
        "select line_number, field, trim(colname), trim(value), is_null, trim(type),"
        " trim(col_length) from stl_loaderror_detail where query = pg_last_copy_id() order by field"
    ) == [
        (2, 0, "a", "1", 0, "int4", "0"),
        (2, 1, "b", "", 1, "varchar", "5"),
        (2, 2, "c", "x", 0, "int4", "0"),
    ]


def test_fields_of_the_first_twenty_rejected_records_are_kept(lake: Lake) -> None:
    lake.run("create table t (a int)")
    lake.put("data", b"x\n" * 30)
    lake.copy("t", "data", "maxerror 31")
    last = "where query = pg_last_copy_id()"
    assert lake.rows(f"select count(*) from stl_load_errors {last}") == [(30,)]
    assert lake.rows(f"select count(*) from stl_loaderror_detail {last}") == [(20,)]


def test_replaced_characters_are_logged_for_the_first_hundred_rows(lake: Lake) -> None:
    lake.run("create table t (a varchar(9), b varchar(9))")
    lake.put("data", b"fine|fine\n" + b"fine|\xff!\n" * 101)
    lake.copy("t", "data", "acceptinvchars '^'")
    assert lake.rows("select count(*) from t where b = '^!'") == [(101,)]
    replaced = "from stl_replacements where query = pg_last_copy_id()"
    assert lake.rows(f"select count(*), min(line_number), max(line_number) {replaced}") == [
        (100, 2, 101)
    ]
    assert lake.rows(f"select distinct trim(colname), trim(raw_line) {replaced}") == [
        ("b", "fine|.!")
    ]


@pytest.mark.parametrize("options", ["json", "format json", "format as json", "json as 'auto'"])
def test_json_is_matched_by_name_by_default(lake: Lake, options: str) -> None:
    lake.run("create table t (a int)")
    lake.put("data", b'{"a":1}')
    lake.copy("t", "data", f"{options} comprows 1000 compupdate on")
    assert lake.rows("select a from t") == [(1,)]


def test_json_noshred_is_refused_by_name(lake: Lake) -> None:
    lake.run("create table t (a varchar(9))")
    lake.put("data", b'{"a":1}')
    copy = f"copy t from 's3://{lake.bucket}/data' iam_role '{ROLE}' json 'noshred'"
    assert "noshred" in lake.refusal(copy)["M"]
