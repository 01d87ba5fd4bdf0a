"""UNLOAD through redshift_connector: rows become objects on S3."""

import bz2
import gzip
import json
from collections.abc import Callable

import pytest
import zstandard
from lake import ROLE, Lake

ROWS = [
    (1, "plain", "2018-11-01 20:57:10.796"),
    (2, 'a,b|c "d" \\e', None),
    (3, "two\nlines\tand é", None),
    (4, None, None),
    (5, "", None),
]


@pytest.fixture
def plays(lake: Lake) -> Lake:
    lake.run("create table plays (id int, title varchar(40), at timestamp)")
    for row in ROWS:
        lake.connection.cursor().execute("insert into plays values (%s, %s, %s)", row)
    return lake


PLAYS = "select id, title, at from plays order by id"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            "parallel off",
            '1|plain|2018-11-01 20:57:10.796\n2|a,b|c "d" \\e|\n3|two\nlines\tand é|\n4||\n5||\n',
        ),
        (
            "delimiter as ',' escape addquotes null as 'NULL' parallel off",
            '"1","plain","2018-11-01 20:57:10.796"\n'
            '"2","a\\,b|c \\"d\\" \\\\e",NULL\n'
            '"3","two\\\nlines\tand é",NULL\n'
            '"4",NULL,NULL\n'
            '"5","",NULL\n',
        ),
        (
            "format as csv header null as 'x' parallel off",
            "id,title,at\n"
            "1,plain,2018-11-01 20:57:10.796\n"
            '2,"a,b|c ""d"" \\e",x\n'
            '3,"two\nlines\tand é",x\n'
            "4,x,x\n"
            "5,,x\n",
        ),
    ],
)
def test_text_is_written_according_to_its_options(plays: Lake, options: str, expected: str) -> None:
    plays.unload(PLAYS, "out/", options)
    assert plays.keys() == ["out/000"]
    assert plays.get("out/000").decode() == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("csv parallel off", "1,616263\n2,\n"),
        ("json parallel off", '{"n":1,"a":"616263"}\n{"n":2,"a":null}\n'),
    ],
)
def test_varbyte_is_written_as_hexadecimal_digits(lake: Lake, options: str, expected: str) -> None:
    lake.run("create table t (n int, a varbyte)")
    lake.run("insert into t values (1, 'abc'), (2, null)")
    lake.unload("select n, a from t order by n", "out/", options)
    assert lake.get("out/000").decode() == expected


def test_a_name_of_the_select_list_is_known(lake: Lake) -> None:
    lake.run("create table t (n int)")
    lake.run("insert into t values (4)")
    lake.unload("select n * 2 as m, m + 1 as n, n from t", "out/", "csv parallel off")
    assert lake.get("out/000").decode() == "8,9,4\n"


def test_json_is_an_object_per_line_with_bare_numbers(lake: Lake) -> None:
    lake.unload(
        "select 1 as a, 1.50::numeric(5,2) as b, 'x\"é' as c, true as d, null::int as e",
        "out/",
        "format as json parallel off",
    )
    assert lake.get("out/000").decode() == '{"a":1,"b":1.50,"c":"x\\"é","d":"t","e":null}\n'


@pytest.mark.parametrize(
    ("unloaded", "copied"),
    [
        ("csv", "csv emptyasnull"),
        ("delimiter ',' escape addquotes", "delimiter ',' escape removequotes emptyasnull"),
        ("escape gzip", "escape gzip emptyasnull"),
        ("json zstd", "json 'auto' zstd emptyasnull"),
    ],
)
def test_what_is_unloaded_can_be_copied_back(plays: Lake, unloaded: str, copied: str) -> None:
    plays.unload(PLAYS, "out/plays_", unloaded)
    plays.run("create table again (like plays)")
    plays.copy("again", "out/plays_", f"{copied} timeformat 'auto'")
    same = "select id, nullif(title, ''), at from "
    assert plays.rows(f"{same} again order by id") == plays.rows(f"{same} plays order by id")


@pytest.mark.parametrize(
    ("option", "suffix", "decompress"),
    [
        ("gzip", ".gz", gzip.decompress),
        ("bzip2", ".bz2", bz2.decompress),
        (
            "zstd",
            ".zst",
            lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
        ),
    ],
)
def test_objects_are_named_for_slice_part_and_compression(
    lake: Lake, option: str, suffix: str, decompress: Callable[[bytes], bytes]
) -> None:
    lake.unload("select 1 as a", "out/a_", option)
    assert lake.keys() == [f"out/a_0000_part_00{suffix}"]
    assert decompress(lake.get(lake.keys()[0])) == b"1\n"


def test_extension_replaces_the_compression_suffix(lake: Lake) -> None:
    lake.unload("select 1 as a", "out/a_", "csv gzip extension 'csv.gz'")
    assert lake.keys() == ["out/a_0000_part_00.csv.gz"]


def test_statement_of_airflow_s_operator_runs(lake: Lake) -> None:
    lake.run(
        f"UNLOAD ($$select 'it''s' as a$$) TO 's3://{lake.bucket}/out/a_'"
        f" credentials 'aws_iam_role={ROLE}' HEADER CSV PARALLEL OFF;"
    )
    assert lake.get("out/a_000") == b"a\nit's\n"


def test_files_are_cut_at_maxfilesize_between_rows_and_listed_in_the_manifest(lake: Lake) -> None:
    lake.run("create table t (a varchar(2000))")
    lake.put("data", b"\n".join([b"x" * 2000] * 6000))
    lake.copy("t", "data", "")
    lake.unload("select a from t", "out/", "maxfilesize 5 mb parallel off manifest")
    assert lake.keys() == ["data", "out/000", "out/001", "out/002", "out/manifest"]
    entries = json.loads(lake.get("out/manifest"))["entries"]
    names = ["000", "001", "002"]
    assert [entry["url"] for entry in entries] == [f"s3://{lake.bucket}/out/{n}" for n in names]
    objects = [lake.get(f"out/{name}") for name in names]
    sizes = [len(content) for content in objects]
    assert [entry["meta"]["content_length"] for entry in entries] == sizes
    assert max(sizes) <= 5 * 1024 * 1024
    assert sum(content.count(b"\n") for content in objects) == 6000


def test_destination_must_be_empty_without_allowoverwrite_or_cleanpath(lake: Lake) -> None:
    lake.put("out/old", b"old")
    statement = f"unload ('select 1 as a') to 's3://{lake.bucket}/out/' iam_role '{ROLE}'"
    error = lake.refusal(statement)
    assert error["M"].startswith("Specified unload destination on S3 is not empty.")
    lake.run(f"{statement} parallel off allowoverwrite")
    assert lake.keys() == ["out/000", "out/old"]
    lake.run(f"{statement} parallel off cleanpath")
    assert lake.keys() == ["out/000"]


def test_query_is_redshift_sql(lake: Lake) -> None:
    lake.unload(
        "select nvl(null, 'x') as a, len('abc') as b, getdate() is null as c", "out/", "csv"
    )
    assert lake.get("out/0000_part_00") == b"x,3,f\n"


def test_empty_result_is_an_empty_object(lake: Lake) -> None:
    lake.unload("select 1 as a where false", "out/", "csv header parallel off")
    assert lake.get("out/000") == b"a\n"


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("select 1 as a limit 1", ""),
        ("delete from plays", ""),
        ("select 1 as a", "format as parquet"),
        ("select 1 as a", "partition by (a)"),
        ("select 1 as a", "fixedwidth '0:3'"),
        ("select 1 as a", "json header"),
        ("select 1 as a", "cleanpath allowoverwrite"),
        ("select 1 as a", "maxfilesize 1 mb"),
        ("select 1 as a", "manifest verbose"),
        ("select 1 as a", "encrypted"),
    ],
)
def test_what_unload_does_not_support_is_refused(plays: Lake, query: str, options: str) -> None:
    plays.refusal(f"unload ('{query}') to 's3://{plays.bucket}/out/' iam_role '{ROLE}' {options}")
    assert plays.keys() == []


def test_limit_is_allowed_below_the_outermost_select(plays: Lake) -> None:
    plays.unload("select id from plays where id in (select id from plays limit 5)", "out/", "csv")
    assert plays.get("out/0000_part_00").count(b"\n") == 5


def test_unload_is_logged_with_its_files(plays: Lake) -> None:
    plays.unload(PLAYS, "out/", "csv gzip parallel off")
    size = len(plays.get("out/000.gz"))
    assert plays.rows("select pg_last_unload_count()") == [(5,)]
    assert plays.rows(
        "select status, file_format, compression_type, unloaded_location, unloaded_rows,"
        " unloaded_files_count, unloaded_files_size, error_message, duration >= 0"
        " from sys_unload_history where query_id = pg_last_unload_id()"
    ) == [("completed", "CSV", "gzip", f"s3://{plays.bucket}/out/", 5, 1, size, "", True)]
    file = (f"s3://{plays.bucket}/out/000.gz", 5, size, "CSV")
    assert plays.rows(
        "select trim(path), line_count, transfer_size, trim(file_format) from stl_unload_log"
        " where query = pg_last_unload_id()"
    ) == [file]
    assert plays.rows(
        "select trim(file_name), line_count, transfer_size, trim(file_format)"
        " from sys_unload_detail where query_id = pg_last_unload_id()"
    ) == [file]


def test_log_of_a_failed_unload_survives_the_rollback(plays: Lake) -> None:
    unload = f"unload ('select 1/id from zero') to 's3://{plays.bucket}/out/' iam_role '{ROLE}'"
    plays.run("create table zero as select 0 as id")
    assert plays.rows("select pg_last_unload_id()") == [(-1,)]
    assert plays.refusal(unload)["C"] == "22012"
    assert plays.rows("select pg_last_unload_count()") == [(0,)]
    assert plays.rows(
        "select status, error_message from sys_unload_history where query_id = pg_last_unload_id()"
    ) == [("aborted", "division by zero")]


def test_query_history_has_finished_loads_and_unloads(plays: Lake) -> None:
    plays.unload(PLAYS, "out/", "escape")
    plays.copy("plays", "out/", "escape")
    plays.refusal(f"copy plays from 's3://{plays.bucket}/out/' iam_role '{ROLE}' json 'auto'")
    assert plays.rows(
        "select query_type, status, elapsed_time >= 0 from sys_query_history"
        " where session_id = pg_backend_pid() and query_id >= pg_last_unload_id() order by query_id"
    ) == [("UNLOAD", "success", True), ("COPY", "success", True), ("COPY", "failed", True)]


def test_unload_that_fails_to_start_is_not_the_last_one(plays: Lake) -> None:
    plays.unload("select 1 as a", "out/")
    last = plays.rows("select pg_last_unload_id(), pg_last_unload_count()")
    unload = f"unload ('select 1 as a') to 's3://{plays.bucket}/out/' iam_role '{ROLE}'"
    assert "not empty" in plays.refusal(unload)["M"]
    assert "NoSuchBucket" in plays.refusal(unload.replace(plays.bucket, "no-such-bucket"))["M"]
    assert plays.rows("select pg_last_unload_id(), pg_last_unload_count()") == last
