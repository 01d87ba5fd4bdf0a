"""The server: start, stop, crash and restart."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg2
import pytest
from lake import connect
from waiting import wait_until

import redshift_emulator
from redshift_emulator import PASSWORD_VARIABLE
from redshift_emulator.server import Emulator, running_emulator
from redshift_emulator.testing import self_signed

PASSWORD = {PASSWORD_VARIABLE: "Passw0rd"}


def command(data_dir: Path) -> list[str]:
    arguments = ("--data-dir", str(data_dir), "--user", "dwh", "--database", "dev")
    return [sys.executable, "-m", "redshift_emulator", *arguments]


@contextmanager
def process(data_dir: Path, **environment: str) -> Iterator[tuple[subprocess.Popen[str], Emulator]]:
    """Run the command, so that a test can kill it; afterwards wait for PostgreSQL to end."""
    with subprocess.Popen(
        command(data_dir),
        env={**os.environ, **PASSWORD, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout
        try:
            _, _, address = running.stdout.readline().split()
            host, port = address.split(":")
            yield running, Emulator(host, int(port), "dwh", "Passw0rd", "dev")
        finally:
            running.kill()
    wait_until(lambda: postgres_of(data_dir) == [])


def postgres_of(data_dir: Path) -> list[psutil.Process]:
    found = []
    for candidate in psutil.process_iter(["name", "cmdline"]):
        if candidate.info["name"] == "postgres" and str(data_dir) in str(candidate.info["cmdline"]):
            found.append(candidate)
    return found


def run(emulator: Emulator, sql: str) -> list[tuple[object, ...]]:
    with connect(emulator) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(sql)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_start_prints_one_line_and_a_signal_stops_everything(
    data_dir: Path, number: signal.Signals
) -> None:
    with process(data_dir) as (running, emulator), connect(emulator):
        assert len(postgres_of(data_dir)) > 0
        running.send_signal(number)
        assert running.wait(20) == 0
        assert running.stdout
        assert running.stdout.read() == ""
        assert running.stderr
        assert running.stderr.read() == ""
        assert postgres_of(data_dir) == []


def test_killed_emulator_stops_postgres_and_restarts_with_its_data(
    data_dir: Path,
) -> None:
    with process(data_dir) as (running, emulator):
        run(emulator, "create table kept as select 1 as n")
        with connect(emulator) as open_one:
            open_one.cursor().execute("insert into kept values (2)")
            running.kill()
            running.wait()
            with process(data_dir) as (_, again):
                assert run(again, "select n from kept") == [(1,)]


def test_killed_postgres_is_recovered_at_the_next_start(data_dir: Path) -> None:
    with process(data_dir) as (running, emulator):
        run(emulator, "create table kept as select 1 as n")
        for each in postgres_of(data_dir):
            each.kill()
        running.kill()
    with process(data_dir) as (_, again):
        assert run(again, "select n from kept") == [(1,)]


def refused_start(data_dir: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run the command, which must end by itself; return its exit code and stderr."""
    done = subprocess.run(
        command(data_dir), env=environment, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stderr


def test_password_is_read_from_the_environment(data_dir: Path) -> None:
    without = {name: value for name, value in os.environ.items() if name != PASSWORD_VARIABLE}
    status, said = refused_start(data_dir, without)
    assert status == 2
    assert f"set {PASSWORD_VARIABLE}" in said


def test_second_emulator_on_a_directory_is_refused(data_dir: Path) -> None:
    with process(data_dir) as (first, emulator):
        status, said = refused_start(data_dir, {**os.environ, **PASSWORD})
        assert status == 1
        assert f"another emulator, process {first.pid}, uses {data_dir}" in said
        assert run(emulator, "select 1") == [(1,)]


def test_damaged_data_directory_is_reported_with_what_to_do(data_dir: Path) -> None:
    with running_emulator(data_dir):
        pass
    shutil.rmtree(data_dir / "postgres" / "global")
    status, said = refused_start(data_dir, {**os.environ, **PASSWORD})
    assert status == 1
    assert f"see {data_dir / 'postgres.log'}" in said
    assert f"delete {data_dir} to start with an empty warehouse" in said


def test_restart_accepts_another_database_and_password(data_dir: Path) -> None:
    with running_emulator(data_dir, password="First1234") as emulator:
        run(emulator, "create table kept as select 1 as n")
    with running_emulator(data_dir, password="Second123") as emulator:
        assert run(emulator, "select n from kept") == [(1,)]
        login = {"host": emulator.host, "port": emulator.port, "user": "dwh", "dbname": "dev"}
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(**login, password="First1234")
    with running_emulator(data_dir, database="other") as emulator:
        assert run(emulator, "select current_database()") == [("other",)]
        assert run(emulator, "select table_name from svv_tables where table_name = 'kept'") == []


def test_strings_sort_by_bytes_and_fold_case_by_unicode(emulator: Emulator) -> None:
    words = run(
        emulator,
        "select w from (select 'b' as w union all select 'B' union all select 'é') t order by w",
    )
    assert words == [("B",), ("b",), ("é",)]
    assert run(emulator, "select lower('ÀÉ')") == [("àé",)]


def test_tls_is_offered_with_a_certificate(data_dir: Path, tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    with running_emulator(data_dir, tls_cert=certificate, tls_key=key) as emulator:
        connection = psycopg2.connect(
            host=emulator.host,
            port=emulator.port,
            user=emulator.user,
            password=emulator.password,
            dbname=emulator.database,
            sslmode="verify-full",
            sslrootcert=str(certificate),
        )
        try:
            assert connection.info.ssl_in_use
            cursor = connection.cursor()
            cursor.execute("select repeat('x', 100000) from generate_series(1, 100)")
            assert len(cursor.fetchall()) == 100
        finally:
            connection.close()


def test_deeply_nested_expressions_are_parsed(emulator: Emulator) -> None:
    nested = "replace(" * 200 + "'a'" + ", 'b', 'c')" * 200
    assert run(emulator, f"select {nested}") == [("a",)]


def test_data_of_an_older_emulator_still_works(data_dir: Path, tmp_path: Path) -> None:
    """The older emulator is this one with an extra first column in a system view."""
    older = tmp_path / "redshift_emulator"
    shutil.copytree(Path(redshift_emulator.__file__).parent, older)
    catalog = older / "catalog" / "0_load_log.sql"
    view = "create or replace view pg_catalog.stl_load_commits as\nselect distinct\n"
    assert view in catalog.read_text()
    catalog.write_text(catalog.read_text().replace(view, f"{view}    1 as former,\n"))
    with process(data_dir, PYTHONPATH=str(tmp_path)) as (_, running):
        assert run(running, "select count(former) from stl_load_commits") == [(0,)]
        run(running, "create table kept as select 1 as n")
    with process(data_dir) as (_, running):
        assert run(running, "select n from kept") == [(1,)]
        assert run(running, "select count(*) from stl_load_commits") == [(0,)]
