"""The wire, tested with redshift_connector (extended protocol) and libpq (simple protocol)."""

import hashlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import psutil
import psycopg2
import pytest
import redshift_connector
from lake import ROLE, Lake, connect
from waiting import wait_until

from redshift_emulator.postgres import PROTOCOL, message, startup
from redshift_emulator.server import Emulator

ENDLESS = "select count(*) from generate_series(1, 1000000) a, generate_series(1, 1000000) b"


@contextmanager
def libpq(emulator: Emulator, **changes: Any) -> Iterator[Any]:
    """Connect by libpq, which sends every statement by the simple protocol; autocommit."""
    login = {
        "host": emulator.host,
        "port": emulator.port,
        "user": emulator.user,
        "password": emulator.password,
        "dbname": emulator.database,
    }
    with closing(psycopg2.connect(**login | changes)) as connection:
        connection.autocommit = True
        yield connection


def simple_rows(connection: Any, sql: str) -> list[tuple[Any, ...]]:
    cursor = connection.cursor()
    cursor.execute(sql)
    return list(cursor.fetchall())


# Start-up


def test_redshift_connector_s_own_parameters_are_dropped(emulator: Emulator) -> None:
    with connect(emulator) as connection:
        statuses = dict(connection.parameter_statuses)
    assert statuses[b"server_version"] == b"8.0.2"
    assert b"server_protocol_version" not in statuses


def test_wrong_password_is_refused(emulator: Emulator) -> None:
    with (
        pytest.raises(psycopg2.OperationalError, match="password authentication failed"),
        libpq(emulator, password="wrong"),
    ):
        pass


@pytest.mark.parametrize("user", ["rdsdb", "nobody"])
def test_catalog_owner_and_unknown_users_cannot_log_in(emulator: Emulator, user: str) -> None:
    with pytest.raises(psycopg2.OperationalError, match=user), libpq(emulator, user=user):
        pass


def test_read_only_session_can_log_in(emulator: Emulator) -> None:
    with libpq(emulator, options="-c default_transaction_read_only=on") as connection:
        assert simple_rows(connection, "select 1") == [(1,)]


def test_password_for_sha256_hashing_is_accepted(lake: Lake) -> None:
    lake.run("create user hashed password 'sha256|Hashed1ž'")
    with libpq(lake.emulator, user="hashed", password="Hashed1ž"):
        pass
    digest = lake.refusal("alter user hashed password 'sha256|00ff|salt'")
    assert digest["M"] == "The emulator does not support passwords as SHA-256 digests"


@pytest.mark.parametrize(
    "password", ["Short12", "nouppercase1", "NOLOWERCASE1", "NoNumbers", "Aa1" * 22]
)
def test_weak_password_is_refused(lake: Lake, password: str) -> None:
    refusal = lake.refusal(f"create user weak password '{password}'")
    assert refusal["M"].startswith("Password must be 8 to 64 characters long")


def test_password_as_md5_hash_is_accepted(lake: Lake) -> None:
    hashed = hashlib.md5(b"Visitor1visitor_by_hash").hexdigest()
    lake.run(f"create user visitor_by_hash password 'md5{hashed}'")
    with libpq(lake.emulator, user="visitor_by_hash", password="Visitor1"):
        pass


def test_user_created_in_sql_logs_in_with_its_password(lake: Lake) -> None:
    lake.run("create user visitor password 'Visitor1'")
    with libpq(lake.emulator, user="visitor", password="Visitor1") as connection:
        assert simple_rows(connection, "select current_user") == [("visitor",)]
    lake.run("drop user visitor")


def test_hundred_concurrent_connections_are_served(emulator: Emulator) -> None:
    with connect(emulator) as witness:
        connections = [libpq(emulator) for _ in range(100)]
        opened = [each.__enter__() for each in connections]
        try:
            cursors = [connection.cursor() for connection in opened]
            for number, cursor in enumerate(cursors):
                cursor.execute(f"select {number}")
            assert [cursor.fetchone() for cursor in cursors] == [(n,) for n in range(100)]
            assert witness.cursor().execute("select count(*) from stv_sessions").fetchone()[0] > 100
        finally:
            for each in connections:
                each.__exit__(None, None, None)


# Transactions


def test_statements_of_one_query_are_one_transaction(lake: Lake) -> None:
    with libpq(lake.emulator) as connection:
        cursor = connection.cursor()
        with pytest.raises(psycopg2.errors.DivisionByZero):
            cursor.execute(f"create table {lake.schema}.a (n int sortkey); select 1 / 0")
        cursor.execute(
            f"create table {lake.schema}.a (n int sortkey); select count(*) from {lake.schema}.a"
        )
        assert cursor.fetchall() == [(0,)]


def test_error_of_the_dialect_fails_the_open_transaction(lake: Lake) -> None:
    with libpq(lake.emulator) as connection:
        cursor = connection.cursor()
        cursor.execute("begin")
        with pytest.raises(psycopg2.Error):
            cursor.execute("select array[1]")
        with pytest.raises(psycopg2.errors.InFailedSqlTransaction):
            cursor.execute("select 1")
        cursor.execute("rollback")
        assert simple_rows(connection, "select 1") == [(1,)]


def test_error_of_the_dialect_fails_the_transaction_of_the_extended_protocol(lake: Lake) -> None:
    lake.connection.autocommit = False
    lake.run("create table t (n int)")
    assert lake.refusal("create index i on t (n)")["M"]
    assert lake.refusal("select 1")["C"] == "25P02"
    lake.connection.rollback()
    assert lake.refusal("select * from t")["C"] == "42P01"


def test_prepared_statement_runs_again_with_its_hidden_statements(lake: Lake) -> None:
    for _ in range(2):
        lake.run("create table t (n int primary key) sortkey (n)")
        assert lake.rows("show constraints primary keys from table t")[0][3] == "n"
        lake.run("drop table t")


def test_failed_hidden_statement_fails_the_client_s_statement(lake: Lake) -> None:
    refused = "create table t (n int, foreign key (n) references nowhere (id))"
    assert lake.refusal(refused)["C"] == "42P01"
    assert lake.refusal("select * from t")["C"] == "42P01"


def test_copy_among_the_statements_of_one_query_is_all_or_nothing(lake: Lake) -> None:
    lake.put("n.csv", b"1\n2\n")
    copy = f"copy {lake.schema}.t from 's3://{lake.bucket}/n.csv' iam_role '{ROLE}' csv"
    count = f"select count(*) from {lake.schema}.t"
    lake.run("create table t (n int)")
    with libpq(lake.emulator) as connection:
        cursor = connection.cursor()
        with pytest.raises(psycopg2.errors.DivisionByZero):
            cursor.execute(f"{copy}; {copy}; select 1 / 0")
        assert simple_rows(connection, count) == [(0,)]
        cursor.execute(f"{copy}; {copy}; {count}")
        assert cursor.fetchall() == [(4,)]
        cursor.execute(f"begin; {copy}; rollback; {count}")
        assert cursor.fetchall() == [(4,)]


def test_failed_copy_fails_the_client_s_transaction(lake: Lake) -> None:
    lake.run("create table t (n int)")
    lake.put("n.csv", b"one\n")
    lake.connection.autocommit = False
    lake.run("insert into t values (1)")
    with pytest.raises(redshift_connector.ProgrammingError):
        lake.copy("t", "n.csv", "csv")
    assert lake.refusal("select 1")["C"] == "25P02"
    lake.connection.rollback()
    assert lake.rows("select * from t") == []


# Errors and settings


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("'éé'", "Value too long for character type"),
        ("null", "Cannot insert a NULL value into column word"),
    ],
)
def test_postgres_errors_are_reworded(lake: Lake, value: str, message: str) -> None:
    lake.run("create table t (word varchar(3) not null)")
    assert lake.refusal(f"insert into t values ({value})")["M"] == message


def test_settings_of_redshift_are_kept_per_session(lake: Lake) -> None:
    lake.run("set query_group to 'nightly'")
    assert lake.rows("show query_group") == [("nightly",)]
    lake.run("reset query_group")
    assert lake.rows("show query_group") != [("nightly",)]


def test_session_chooses_case_sensitivity_of_identifiers(lake: Lake) -> None:
    with libpq(lake.emulator) as connection:
        cursor = connection.cursor()
        cursor.execute('select 1 as "Aa"')
        assert cursor.description[0].name == "aa"
        cursor.execute("set enable_case_sensitive_identifier to true")
        cursor.execute('select 1 as "Aa"')
        assert cursor.description[0].name == "Aa"


def test_settings_of_a_user_apply_from_the_next_login(lake: Lake) -> None:
    login = {"user": "minded", "password": "Minded123"}
    lake.run("create user minded password 'Minded123'")
    lake.run("alter user minded set search_path to 'a-b', public")
    lake.run("alter user minded set enable_case_sensitive_identifier to true")
    lake.run("alter user minded set wlm_query_slot_count = 3")
    with libpq(lake.emulator, **login) as connection:
        assert simple_rows(connection, "show search_path") == [('"a-b", public',)]
        assert simple_rows(connection, "show wlm_query_slot_count") == [("3",)]
        cursor = connection.cursor()
        cursor.execute('select 1 as "Aa"')
        assert cursor.description[0].name == "Aa"
    lake.run("alter user minded reset enable_case_sensitive_identifier")
    with libpq(lake.emulator, **login) as connection:
        cursor = connection.cursor()
        cursor.execute('select 1 as "Aa"')
        assert cursor.description[0].name == "aa"
    lake.run("drop user minded")


# Parameters


def test_string_that_is_a_column_of_a_table_s_query_has_no_type(lake: Lake) -> None:
    lake.run("create table t (n int)")
    cursor = lake.connection.cursor()
    for sql in ("select %s from t", "select n, %s as word from t"):
        with pytest.raises(redshift_connector.ProgrammingError, match="Invalid type: 705"):
            cursor.execute(sql, ("word",))
    for sql in (
        "select %s, 1",
        "select relname, %s from pg_class limit 1",
        "select n, %s::varchar as word from t",
        "insert into t select %s from t",
        "select n from t where n = %s",
    ):
        cursor.execute(sql, ("1",))
    cursor.execute("select n, %s from t", (7,))


def test_surplus_parameter_types_are_accepted(emulator: Emulator) -> None:
    with closing(bare_client(emulator)) as client:
        types = struct.pack("!h3I", 3, 23, 705, 0)
        values = struct.pack("!hhi1si1si1sh", 0, 3, 1, b"4", 1, b"x", 1, b"y", 0)
        client.sendall(
            message(b"P", b"\0select $1 + 1\0" + types)
            + message(b"B", b"\0\0" + values)
            + message(b"E", b"\0" + struct.pack("!I", 0))
            + message(b"S")
        )
        received = b""
        while not received.endswith(message(b"Z", b"I")):
            received += client.recv(4096)
    assert message(b"D", struct.pack("!hi1s", 1, 1, b"5")) in received


@pytest.mark.parametrize(("form", "sent"), [(0, b"6162"), (1, b"ab")])
def test_varbyte_goes_under_its_code_in_either_format(
    emulator: Emulator, form: int, sent: bytes
) -> None:
    with bare_client(emulator) as client:
        values = struct.pack("!hhhi2shh", 1, 1, 1, 2, b"ab", 1, form)
        client.sendall(
            message(b"P", b"\0select $1 as a\0" + struct.pack("!hI", 1, 6551))
            + message(b"D", b"S\0")
            + message(b"B", b"\0\0" + values)
            + message(b"D", b"P\0")
            + message(b"E", b"\0" + struct.pack("!I", 0))
            + message(b"S")
        )
        received = b""
        while not received.endswith(b"Z\0\0\0\x05I"):
            received += client.recv(4096)
    assert message(b"t", struct.pack("!hI", 1, 6551)) in received
    field = struct.pack("!IhIhih", 0, 0, 6551, -1, -1, form)
    assert message(b"T", struct.pack("!h", 1) + b"a\0" + field) in received
    assert message(b"D", struct.pack("!hi", 1, len(sent)) + sent) in received


def test_nul_byte_in_a_text_is_refused_and_the_session_continues(lake: Lake) -> None:
    cursor = lake.connection.cursor()
    for sql, values in (("select %s", ("a\0b",)), (r"select 'a\000b'", ())):
        with pytest.raises(redshift_connector.ProgrammingError, match="invalid byte sequence"):
            cursor.execute(sql, values)
    assert lake.rows("select 1") == [(1,)]


# Streaming, cancelling, disconnects


def test_large_result_streams_in_bounded_memory(emulator: Emulator) -> None:
    [process] = [
        child
        for child in psutil.Process().children()
        if str(emulator.port) in {str(c.laddr.port) for c in child.net_connections("tcp")}
    ]
    before = process.memory_info().rss
    peak = before
    big = "select repeat('x', 1000) from generate_series(1, 200000)"
    with libpq(emulator) as connection, ThreadPoolExecutor() as pool:
        result = pool.submit(simple_rows, connection, big)
        while not result.done():
            peak = max(peak, process.memory_info().rss)
            time.sleep(0.01)
        assert len(result.result()) == 200_000
    assert peak - before < 40 << 20


def test_running_query_is_cancelled_on_request(emulator: Emulator) -> None:
    with libpq(emulator) as connection:
        threading.Timer(0.3, connection.cancel).start()
        began = time.monotonic()
        with pytest.raises(psycopg2.errors.QueryCanceled):
            connection.cursor().execute(ENDLESS)
        assert time.monotonic() - began < 10
        assert simple_rows(connection, "select 1") == [(1,)]


def test_running_copy_is_cancelled_on_request_and_loads_nothing(lake: Lake) -> None:
    lake.run("create table t (word varchar(100))")
    lake.put("big.csv", b"a long line of words\n" * 3_000_000)
    copy = f"copy {lake.schema}.t from 's3://{lake.bucket}/big.csv' iam_role '{ROLE}' csv"
    with libpq(lake.emulator) as connection:
        threading.Timer(1.0, connection.cancel).start()
        with pytest.raises(psycopg2.errors.QueryCanceled):
            connection.cursor().execute(copy)
        assert simple_rows(connection, f"select count(*) from {lake.schema}.t") == [(0,)]


@pytest.mark.parametrize("linger", [False, True], ids=["closed", "reset"])
def test_client_that_dies_during_a_statement_leaves_no_lock(lake: Lake, linger: bool) -> None:
    lake.run("create table t (n int)")
    lake.run("set statement_timeout to 20000")
    client = bare_client(lake.emulator)
    table = f"{lake.schema}.t"
    query = f"begin; insert into {table} values (1); lock {table}; {ENDLESS}"
    client.sendall(message(b"Q", query.encode() + b"\0"))
    locked = "select count(*) from stv_locks where lock_status = 'AccessExclusiveLock'"
    wait_until(lambda: lake.rows(locked)[0][0] == 1)
    if linger:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert lake.rows("select count(*) from t") == [(0,)]


def bare_client(emulator: Emulator) -> socket.socket:
    """Log in over a bare socket; return it, ready for a query."""
    client = socket.create_connection((emulator.host, emulator.port))
    client.sendall(startup(PROTOCOL, {"user": emulator.user, "database": emulator.database}))
    assert client.recv(9) == message(b"R", struct.pack("!I", 3))
    client.sendall(message(b"p", emulator.password.encode() + b"\0"))
    received = b""
    while not received.endswith(message(b"Z", b"I")):
        received += client.recv(4096)
    return client
