"""Overlapping transactions: which ones wait, and which ones may commit."""

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any, Protocol

import psycopg2
import pytest
import redshift_connector
from lake import ROLE, Lake, connect
from waiting import wait_until

from redshift_emulator.server import Emulator

VIOLATION = r"1023"


class Session(Protocol):
    """A connection of either driver; with autocommit, both send BEGIN and COMMIT unchanged."""

    def cursor(self) -> Any: ...


@pytest.fixture(params=["redshift_connector", "psycopg2"])
def sessions(lake: Lake, request: pytest.FixtureRequest) -> Iterator[dict[str, Session]]:
    """Return sessions a, b and c, with the extended or simple protocol; create three tables."""
    emulator: Emulator = lake.emulator
    lake.run("create table plays (id int)")
    lake.run("create table songs (id int)")
    lake.run("create table artists (id int)")
    lake.run("insert into plays values (1), (2)")
    with ExitStack() as stack:
        opened: dict[str, Any] = {}
        for name in "abc":
            if request.param == "psycopg2":
                login = f"postgresql://{emulator.user}:{emulator.password}@{emulator.host}"
                connection = psycopg2.connect(f"{login}:{emulator.port}/{emulator.database}")
                opened[name] = stack.enter_context(closing(connection))
            else:
                opened[name] = stack.enter_context(connect(emulator))
            opened[name].autocommit = True
            opened[name].cursor().execute(f"set search_path to {lake.schema}")
        yield opened


def run_all(sessions: dict[str, Session], schedule: str) -> None:
    """Run `schedule`, one line per statement, each with its session."""
    for line in schedule.strip().splitlines():
        name, sql = line.strip().split(": ", 1)
        sessions[name].cursor().execute(sql)


SERIALIZABLE = {
    "two transactions that only insert": """
        a: begin
        b: begin
        a: insert into plays values (3)
        b: insert into plays values (4)
        a: commit
        b: commit
    """,
    "a reader beside a writer": """
        a: begin
        a: select * from plays
        b: update plays set id = id + 1
        a: select * from plays
        a: commit
    """,
    "one that writes what the other reads": """
        a: begin
        b: begin
        a: insert into songs select * from plays
        b: insert into plays values (3)
        b: commit
        a: commit
    """,
    "three transactions in a chain": """
        a: begin
        b: begin
        c: begin
        a: insert into songs select * from plays
        b: insert into plays values (3)
        c: insert into artists select * from songs
        a: commit
        b: commit
        c: commit
    """,
    "reads outside the transactions, as the guide advises": """
        a: begin
        b: select * from plays
        a: insert into plays values (3)
        b: begin
        b: insert into songs values (1)
        a: commit
        b: commit
        a: select * from songs
    """,
    "a snapshot behind the other's commit, BEGIN before it": """
        b: begin
        a: begin
        a: insert into plays select max(id) + 1 from plays
        a: commit
        b: insert into plays select max(id) + 1 from plays
        b: commit
    """,
    "a LOCK before the snapshot": """
        b: begin
        b: lock plays
        b: commit
        b: begin
        a: update plays set id = id + 1
        b: lock plays
        b: update plays set id = id + 1
        b: commit
    """,
    "a conflict with a transaction that rolled back": """
        a: begin
        b: begin
        a: select * from plays
        b: select * from songs
        a: insert into songs values (1)
        b: insert into plays values (3)
        a: rollback
        b: commit
    """,
    "temporary tables, which sessions do not share": """
        a: create temporary table mine (id int)
        b: create temporary table mine (id int)
        a: begin
        b: begin
        a: insert into mine select * from mine
        b: insert into mine select * from mine
        a: commit
        b: commit
    """,
}


@pytest.mark.parametrize("schedule", SERIALIZABLE.values(), ids=SERIALIZABLE.keys())
def test_transactions_with_a_serial_order_commit(
    sessions: dict[str, Session], schedule: str
) -> None:
    run_all(sessions, schedule)


VIOLATIONS = {
    "the guide's example: each reads what the other writes": """
        a: begin
        b: begin
        a: select * from plays
        a: insert into songs values (1)
        b: insert into plays values (3)
        b: select * from songs
        a: commit
    """,
    "both read, then insert": """
        a: begin
        b: begin
        a: insert into plays select max(id) + 1 from plays
        b: insert into plays select max(id) + 1 from plays
        a: commit
    """,
    "an update on an old snapshot": """
        b: begin
        b: select count(*) from plays
        a: update plays set id = id + 1 where id = 1
        b: update plays set id = id + 1 where id = 2
    """,
    "a delete on an old snapshot": """
        b: begin
        b: select count(*) from songs
        a: delete from plays where id = 1
        b: delete from plays where id = 2
    """,
    "a single statement against a transaction": """
        b: begin
        b: select count(*) from plays
        a: insert into plays select max(id) + 1 from plays
        b: insert into plays values (3)
    """,
    "a cycle of three, each of which reads what the next one writes": """
        a: begin
        b: begin
        c: begin
        a: select * from plays
        b: select * from artists
        c: select * from songs
        a: insert into songs values (1)
        b: insert into plays values (3)
        c: insert into artists values (1)
        a: commit
        c: commit
    """,
    "one saw what a later one did not see": """
        c: begin
        c: select * from plays
        a: insert into plays values (3)
        b: begin
        b: select * from plays
        b: select * from songs
        c: insert into songs values (1)
        c: commit
        b: insert into artists values (1)
    """,
    "a read through a view": """
        a: create view listened as select * from plays
        a: begin
        b: begin
        a: select * from listened
        b: select * from songs
        a: insert into songs values (1)
        b: insert into plays values (3)
        a: commit
    """,
}


@pytest.mark.parametrize("schedule", VIOLATIONS.values(), ids=VIOLATIONS.keys())
def test_the_transaction_that_closes_a_cycle_is_refused(
    lake: Lake, sessions: dict[str, Session], schedule: str
) -> None:
    run_all(sessions, schedule)
    before = lake.rows("select * from plays order by 1"), lake.rows("select * from songs")
    with pytest.raises((psycopg2.Error, redshift_connector.Error), match=VIOLATION) as refused:
        sessions["b"].cursor().execute("commit")
    [(tables,)] = lake.rows(
        f"select listagg(oid, '|') from pg_class where relnamespace = '{lake.schema}'::regnamespace"
    )
    assert re.search(
        rf"Serializable isolation violation on table - ({tables}),"
        r" transactions forming the cycle are: \d+(, \d+)+ \(pid:\d+\)",
        str(refused.value),
    )
    sessions["b"].cursor().execute("rollback")
    after = lake.rows("select * from plays order by 1"), lake.rows("select * from songs")
    assert after == before
    run_all(sessions, "b: insert into plays values (9)")


def test_a_copy_on_an_old_snapshot_is_refused(lake: Lake, sessions: dict[str, Session]) -> None:
    lake.put("plays.csv", b"7\n")
    copy = f"copy plays from 's3://{lake.bucket}/plays.csv' iam_role '{ROLE}' csv"
    run_all(
        sessions, f"a: begin\nb: begin\na: delete from plays\nb: select * from plays\na: {copy}"
    )
    run_all(sessions, "a: commit")
    run_all(sessions, f"b: {copy}")
    with pytest.raises((psycopg2.Error, redshift_connector.Error), match=VIOLATION):
        sessions["b"].cursor().execute("commit")
    sessions["b"].cursor().execute("rollback")
    assert lake.rows("select * from plays") == [(7,)]


WAITS = [
    ("insert into plays values (3)", "update plays set id = 5 where id = 1"),
    ("insert into plays values (3)", "delete from plays where id = 1"),
    ("update plays set id = 5 where id = 1", "update plays set id = 6 where id = 2"),
    ("delete from plays where id = 1", "insert into plays values (3)"),
    (
        "delete from plays where id = 1",
        "merge into plays using songs on plays.id = songs.id"
        " when matched then delete when not matched then insert values (songs.id)",
    ),
    ("lock plays", "select * from plays"),
    ("insert into plays values (3)", "drop table plays"),
]


@pytest.mark.parametrize(("first", "second"), WAITS)
def test_a_write_waits_for_the_writers_before_it_and_sees_their_rows(
    lake: Lake, sessions: dict[str, Session], first: str, second: str
) -> None:
    run_all(sessions, f"a: begin\na: {first}")
    with ThreadPoolExecutor(1) as pool:
        waiting: Future[None] = pool.submit(run_all, sessions, f"b: {second}")
        wait_until(lambda: lake.rows("select 1 from pg_locks where not granted") != [])
        assert not waiting.done()
        run_all(sessions, "a: commit")
        waiting.result(10)


GOES_ON = [
    ("insert into plays values (3)", "insert into plays values (4)"),
    ("insert into plays values (3)", "select * from plays"),
    ("update plays set id = id + 1", "select * from plays"),
    ("delete from plays", "insert into songs select * from plays"),
    ("update plays set id = id + 1", "update songs set id = id + 1"),
]


@pytest.mark.parametrize(("first", "second"), GOES_ON)
def test_inserts_share_a_table_and_reads_wait_for_no_write(
    sessions: dict[str, Session], first: str, second: str
) -> None:
    run_all(sessions, f"a: begin\na: {first}\nb: set statement_timeout to 3000\nb: {second}")
    run_all(sessions, "a: commit")


def test_two_inserts_followed_by_an_update_deadlock(
    sessions: dict[str, Session],
) -> None:
    """Write and read/write operations: a deadlock on a single table."""
    run_all(sessions, "a: begin\nb: begin")
    run_all(sessions, "a: insert into plays values (3)\nb: insert into plays values (4)")
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(run_all, sessions, f"{name}: update plays set id = 5") for name in "ab"]
        failures = [future.exception(20) for future in both]
    assert [bool(failure) for failure in failures].count(True) == 1
    assert "deadlock detected" in "".join(map(str, failures))


def test_writers_of_one_table_run_one_after_another(
    lake: Lake, sessions: dict[str, Session]
) -> None:
    def add_ten(name: str) -> None:
        for _ in range(10):
            run_all(
                sessions, f"{name}: begin\n{name}: update plays set id = id + 1\n{name}: commit"
            )

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(add_ten, "ab"))
    assert lake.rows("select id from plays order by 1") == [(21,), (22,)]
