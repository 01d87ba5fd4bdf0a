"""Airflow's hook and operators for Redshift, unmodified, and the other clients of its users."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg2
import pytest
import redshift_connector
from airflow.providers.amazon.aws.hooks.redshift_sql import RedshiftSQLHook
from airflow.providers.amazon.aws.transfers.redshift_to_s3 import RedshiftToS3Operator
from airflow.providers.amazon.aws.transfers.s3_to_redshift import S3ToRedshiftOperator
from airflow.providers.common.sql.hooks.handlers import fetch_all_handler
from airflow.sdk.definitions.context import Context
from lake import REGION, ROLE, Lake
from sqlalchemy.exc import ProgrammingError

from redshift_emulator.server import BINARIES

CSV = ["csv", "ignoreheader 1"]


@pytest.fixture
def lake(lake: Lake, s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """Set the connections of a deployment in the environment."""
    emulator = lake.emulator
    redshift = {
        "conn_type": "redshift",
        "host": emulator.host,
        "port": emulator.port,
        "login": emulator.user,
        "password": emulator.password,
        "schema": emulator.database,
    }
    keys = {"conn_type": "aws", "login": "AKIDLOCAL", "password": "secret/key+1"}
    role = {"conn_type": "aws", "extra": {"role_arn": ROLE, "region": REGION}}
    connections: dict[str, dict[str, Any]] = {
        "REDSHIFT_DEFAULT": {**redshift, "extra": {"ssl": False}},
        "REDSHIFT_SQLALCHEMY": {**redshift, "extra": {"sslmode": "disable"}},
        "AWS_DEFAULT": {**keys, "extra": {"endpoint_url": s3_url, "region_name": REGION}},
        "AWS_ROLE": role,
    }
    for name, connection in connections.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))
    lake.run(f"create table {lake.schema}.songs (id int, title varchar(10), primary key (id))")
    lake.run("insert into songs values (1, 'old'), (2, 'kept')")
    lake.put("songs/a.csv", b"id,title\n1,new\n")
    lake.put("songs/b.csv", b"id,title\n3,third\n")
    return lake


# RedshiftSQLHook


def test_hook_runs_statements_and_passes_their_rows_to_the_handler(lake: Lake) -> None:
    hook = RedshiftSQLHook()
    statements = f"set search_path to {lake.schema}; select id from songs order by id; select 'x';"
    rows = hook.run(statements, handler=fetch_all_handler, split_statements=True, return_last=False)
    assert [[tuple(row) for row in result or []] for result in rows] == [[], [(1,), (2,)], [("x",)]]


def test_hook_commits_all_statements_or_none(lake: Lake) -> None:
    insert = f"insert into {lake.schema}.songs values (4, 'four')"
    with pytest.raises(redshift_connector.ProgrammingError, match="division by zero"):
        RedshiftSQLHook().run([insert, "select 1/0"])
    assert lake.rows("select id from songs where id = 4") == []
    RedshiftSQLHook().run([insert, "select 1"])
    assert lake.rows("select id from songs where id = 4") == [(4,)]


def test_hook_reads_with_parameters_and_writes_rows(lake: Lake) -> None:
    hook = RedshiftSQLHook()
    table = f"{lake.schema}.songs"
    hook.insert_rows(table, [(5, "five"), (6, None)], target_fields=["id", "title"])
    records = hook.get_records(f"select id, title from {table} where id > %s order by id", (4,))
    assert [tuple(record) for record in records] == [(5, "five"), (6, None)]
    assert list(hook.get_first(f"select count(*) from {table}")) == [4]
    assert hook.get_table_primary_key("songs", lake.schema) == ["id"]
    assert hook.test_connection() == (True, "Connection successfully tested")


def test_hook_returns_data_frames(lake: Lake) -> None:
    sql = f"select id, title from {lake.schema}.songs order by id"
    expected = pd.DataFrame({"id": [1, 2], "title": ["old", "kept"]})
    with pytest.warns(UserWarning, match="pandas only supports SQLAlchemy"):
        frame = RedshiftSQLHook().get_df(sql, df_type="pandas")
    pd.testing.assert_frame_equal(frame, expected, check_dtype=False)


def test_engine_of_sqlalchemy_2_fails_as_on_a_cluster(lake: Lake) -> None:
    engine = RedshiftSQLHook(redshift_conn_id="redshift_sqlalchemy").get_sqlalchemy_engine()
    with pytest.raises(ProgrammingError, match='parameter "standard_conforming_strings"'):
        engine.connect()
    engine.dispose()


def test_uri_of_the_hook_is_libpq_s(lake: Lake) -> None:
    uri = RedshiftSQLHook().get_uri()
    connection = psycopg2.connect(uri)
    try:
        assert connection.info.dbname == lake.emulator.database
    finally:
        connection.close()


# S3ToRedshiftOperator


def load(lake: Lake, **changed: Any) -> None:
    settings: dict[str, Any] = {
        "task_id": "load",
        "schema": lake.schema,
        "table": "songs",
        "s3_bucket": lake.bucket,
        "s3_key": "songs/",
        "copy_options": CSV,
        "aws_conn_id": "aws_default",
    }
    S3ToRedshiftOperator(**{**settings, **changed}).execute(Context())


@pytest.mark.parametrize("account", ["aws_default", "aws_role"])
@pytest.mark.parametrize("autocommit", [True, False])
@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("APPEND", [(1, "new"), (1, "old"), (2, "kept"), (3, "third")]),
        ("REPLACE", [(1, "new"), (3, "third")]),
        ("UPSERT", [(1, "new"), (2, "kept"), (3, "third")]),
    ],
)
def test_operator_loads_with_every_method(
    lake: Lake, method: str, expected: list[tuple[int, str]], account: str, autocommit: bool
) -> None:
    load(lake, method=method, aws_conn_id=account, autocommit=autocommit)
    assert lake.rows("select id, title from songs order by id, title") == expected


def test_operator_upserts_by_the_given_keys(lake: Lake) -> None:
    lake.put("titles", b"9,kept\n")
    load(lake, s3_key="titles", copy_options=["csv"], method="UPSERT", upsert_keys=["title"])
    assert lake.rows("select id, title from songs order by id") == [(1, "old"), (9, "kept")]


def test_operator_fills_the_named_columns(lake: Lake) -> None:
    lake.put("ids", b"7\n")
    load(lake, s3_key="ids", copy_options=["csv"], column_list=["id"])
    assert lake.rows("select title from songs where id = 7") == [(None,)]


def test_failed_replace_keeps_the_old_rows(lake: Lake) -> None:
    lake.put("songs/c.csv", b"id,title\nx,broken\n")
    with pytest.raises(redshift_connector.ProgrammingError, match="stl_load_errors"):
        load(lake, method="REPLACE")
    assert lake.rows("select id, title from songs order by id") == [(1, "old"), (2, "kept")]


# RedshiftToS3Operator


def unload(lake: Lake, **changed: Any) -> None:
    settings: dict[str, Any] = {
        "task_id": "unload",
        "s3_bucket": lake.bucket,
        "s3_key": "out",
        "aws_conn_id": "aws_role",
    }
    RedshiftToS3Operator(**{**settings, **changed}).execute(Context())


def test_table_is_unloaded_as_csv_under_its_name(lake: Lake) -> None:
    unload(
        lake,
        schema=lake.schema,
        table="songs",
        unload_options=["CSV", "PARALLEL OFF"],
        include_header=True,
    )
    assert lake.get("out/songs_000") == b"id,title\n1,old\n2,kept\n"


def test_query_is_unloaded_as_json(lake: Lake) -> None:
    unload(
        lake,
        select_query=f"select id, 'it''s' as word from {lake.schema}.songs where title = 'old'",
        unload_options=["FORMAT AS JSON", "PARALLEL OFF"],
        aws_conn_id="aws_default",
    )
    assert lake.get("out000") == b'{"id":1,"word":"it\'s"}\n'


def test_parquet_is_refused_by_name(lake: Lake) -> None:
    with pytest.raises(redshift_connector.ProgrammingError, match="PARQUET"):
        unload(lake, schema=lake.schema, table="songs", unload_options=["FORMAT PARQUET"])


# libpq


def test_server_side_cursor_fetches_in_parts(lake: Lake) -> None:
    connection = psycopg2.connect(RedshiftSQLHook().get_uri())
    try:
        with connection.cursor("ids") as cursor:
            cursor.itersize = 1
            cursor.execute(f"select id from {lake.schema}.songs where id < %s order by id", (9,))
            assert cursor.fetchmany(1) == [(1,)]
            assert list(cursor) == [(2,)]
    finally:
        connection.close()


def test_psql_describes_a_table_as_on_redshift(lake: Lake) -> None:
    lake.run("create table t (id int identity(1,1), name varchar(20) not null) sortkey (name)")
    options = ("--no-psqlrc", "--csv", f"--command=\\d {lake.schema}.t", "--command=\\dn redshift")
    shown = subprocess.run(
        [BINARIES / "psql", *options, RedshiftSQLHook().get_uri()], capture_output=True, text=True
    )
    assert shown.stdout.splitlines() == [
        "Column,Type,Collation,Nullable,Default",
        "id,integer,,not null,",
        "name,character varying(20),,not null,",
        "name,owner",
    ]


def test_psql_runs_a_script_until_its_first_error(lake: Lake, tmp_path: Path) -> None:
    script = tmp_path / "script.sql"
    script.write_text(
        f"\\set table {lake.schema}.songs\n"
        "begin;\n"
        "select title, nvl(null, 'x') as x from :table\nwhere id = 1;\n"
        "end;\n"
        "select * from nowhere;\n"
        "select 'not reached';\n"
    )
    options = ("--no-psqlrc", "--quiet", "--csv", "--set=ON_ERROR_STOP=1", f"--file={script}")
    done = subprocess.run(
        [BINARIES / "psql", *options, RedshiftSQLHook().get_uri()], capture_output=True, text=True
    )
    assert done.returncode == 3
    assert done.stdout == "title,x\nold,x\n"
    assert 'relation "nowhere" does not exist' in done.stderr
