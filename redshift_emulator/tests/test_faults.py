"""Injected faults: slow statements and cut connections, as many times as requested."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import redshift_connector
from lake import ROLE, Lake, connect

from redshift_emulator.faults import Fault, FaultFile
from redshift_emulator.server import Emulator, running_emulator
from redshift_emulator.testing import temporary_data_dir


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> FaultFile:
    return FaultFile(tmp_path_factory.mktemp("faults") / "faults.json")


@pytest.fixture(scope="module")
def faulty(s3_url: str, faults: FaultFile) -> Iterator[Emulator]:
    with (
        temporary_data_dir() as path,
        running_emulator(
            path, s3_endpoint=s3_url, copy_roles=[ROLE], fault_file=faults.path
        ) as running,
    ):
        yield running


@pytest.fixture
def table(faulty: Emulator) -> str:
    run(faulty, "drop table if exists t; create table t (a int)")
    return "t"


def libpq(emulator: Emulator) -> Any:
    """Connect by libpq, which sends every statement by the simple protocol; autocommit."""
    connection = psycopg2.connect(
        host=emulator.host,
        port=emulator.port,
        user=emulator.user,
        password=emulator.password,
        dbname=emulator.database,
    )
    connection.autocommit = True
    return connection


def run(emulator: Emulator, sql: str) -> list[tuple[object, ...]]:
    with closing(libpq(emulator)) as connection:
        cursor = connection.cursor()
        cursor.execute(sql)
        return list(cursor.fetchall()) if cursor.description else []


def test_slow_fault_applies_the_requested_number_of_times(
    faulty: Emulator, faults: FaultFile
) -> None:
    faults.write([Fault("select 42", "slow", seconds=0.5, times=2)])
    durations = []
    for sql in ("SELECT 42", "select 43", "select 42", "select 42"):
        began = time.monotonic()
        run(faulty, sql)
        durations.append(time.monotonic() - began)
    assert [duration >= 0.5 for duration in durations] == [True, False, True, False]
    assert faults.read() == []


def test_slow_statement_can_be_cancelled(faulty: Emulator, faults: FaultFile) -> None:
    faults.write([Fault("select 42", "slow", seconds=60)])
    began = time.monotonic()
    with closing(libpq(faulty)) as connection:
        threading.Timer(0.3, connection.cancel).start()
        with pytest.raises(psycopg2.errors.QueryCanceled):
            connection.cursor().execute("select 42")
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(("action", "kept"), [("cut before", 0), ("cut after", 1)])
def test_connection_is_cut_once_in_the_simple_protocol(
    faulty: Emulator, faults: FaultFile, table: str, action: str, kept: int
) -> None:
    faults.write([Fault("insert into t", action)])  # type: ignore[arg-type]
    with pytest.raises(psycopg2.OperationalError, match="closed the connection unexpectedly"):
        run(faulty, "insert into t values (1)")
    assert run(faulty, "select count(*) from t") == [(kept,)]
    assert faults.read() == []
    run(faulty, "insert into t values (2)")
    assert run(faulty, "select count(*) from t") == [(kept + 1,)]


@pytest.mark.parametrize("statement", ["insert", "commit"])
@pytest.mark.parametrize("action", ["cut before", "cut after"])
def test_connection_is_cut_in_the_extended_protocol(
    faulty: Emulator, faults: FaultFile, table: str, statement: str, action: str
) -> None:
    faults.write([Fault(f"^{statement}", action)])  # type: ignore[arg-type]
    with connect(faulty) as connection:
        connection.cursor().execute("begin")
        if statement == "commit":
            connection.cursor().execute("insert into t values (1)")
        with pytest.raises(redshift_connector.InterfaceError):
            connection.cursor().execute(
                "insert into t values (1)" if statement == "insert" else "commit"
            )
    kept = int((statement, action) == ("commit", "cut after"))
    assert run(faulty, "select count(*) from t") == [(kept,)]


@pytest.mark.parametrize(("action", "kept"), [("cut before", 0), ("cut after", 1)])
def test_connection_is_cut_around_a_copy(
    faulty: Emulator, faults: FaultFile, table: str, lake: Lake, action: str, kept: int
) -> None:
    lake.put("data", b'{"a":1}')
    faults.write([Fault("^copy", action)])  # type: ignore[arg-type]
    with connect(faulty) as connection:
        connection.autocommit = True
        with pytest.raises(redshift_connector.InterfaceError):
            connection.cursor().execute(
                f"copy t from 's3://{lake.bucket}/data' iam_role '{ROLE}' json 'auto'"
            )
    assert run(faulty, "select count(*) from t") == [(kept,)]


@pytest.mark.parametrize(
    "connected",
    [lambda emulator: closing(libpq(emulator)), connect],
    ids=["simple", "extended"],
)
def test_statement_fails_as_requested_and_its_transaction_with_it(
    faulty: Emulator, faults: FaultFile, table: str, connected: Any
) -> None:
    faults.write([Fault("^insert", "fail", skip=1, sqlstate="53100", message="Disk Full")])
    with connected(faulty) as connection:
        cursor = connection.cursor()
        cursor.execute("begin")
        cursor.execute("insert into t values (1)")
        assert [fault.skip for fault in faults.read()] == [0]
        with pytest.raises(Exception, match="Disk Full") as failure:
            cursor.execute("insert into t values (2)")
        assert "53100" in (getattr(failure.value, "pgcode", None) or str(failure.value))
        cursor.execute("commit")
    assert faults.read() == []
    assert run(faulty, "select count(*) from t") == [(0,)]


@pytest.mark.parametrize(
    "text",
    ["{", '[{"statement": "(", "action": "slow"}]', '[{"statement": "a", "action": "stop"}]'],
)
def test_invalid_fault_file_is_reported(faulty: Emulator, faults: FaultFile, text: str) -> None:
    faults.path.write_text(text)
    try:
        with pytest.raises(psycopg2.Error, match="is not a JSON list of faults"):
            run(faulty, "select 1")
    finally:
        faults.path.unlink()


def test_faults_survive_a_round_trip_through_the_file(tmp_path: Path) -> None:
    file = FaultFile(tmp_path / "faults.json")
    assert file.read() == []
    file.write([Fault("a", "slow", seconds=2.5), Fault("b", "cut before")])
    assert file.take("select A") == [Fault("a", "slow", seconds=2.5)]
    assert file.read() == [Fault("b", "cut before")]
