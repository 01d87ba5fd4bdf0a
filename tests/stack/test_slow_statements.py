"""No limit of a connection ends a statement: neither the loader's connections nor dbt's."""

import gc
import json
import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import redshift_connector

from include.load.operator import connect_to_redshift
from local.stack import warehouse_environment
from redshift_emulator.faults import Fault, FaultFile
from redshift_emulator.server import running_emulator
from redshift_emulator.testing import temporary_data_dir
from tests import dbt_here
from tests.conftest import ROOT

pytestmark = pytest.mark.stack

# The driver leaves a socket that timed out, and dbt its threads, to the garbage collector.
ABANDONED = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
KEEPALIVE_OPTIONS = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
SLOW_SECONDS = 2.0
LIMIT_SECONDS = 1.0


class Socket(NamedTuple):
    """What limits a connection: its timeout, and whether and when keepalives are sent."""

    timeout: float | None
    keepalives: list[int]


LASTING = Socket(None, [1, 60, 30, 5])


@pytest.fixture
def faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultFile]:
    """Start an emulator, put its connections into the environment, return its faults."""
    file = FaultFile(tmp_path / "faults.json")
    with temporary_data_dir() as path, running_emulator(path, fault_file=file.path) as emulator:
        environment = warehouse_environment(
            "http://127.0.0.1:1", emulator.host, str(emulator.port), emulator.password
        )
        connection = json.loads(environment["AIRFLOW_CONN_REDSHIFT_DEFAULT"])
        environment["AIRFLOW_CONN_REDSHIFT_DEFAULT"] = json.dumps(
            connection | {"login": emulator.user}
        )
        environment["REDSHIFT_USER"] = emulator.user
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield file


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Socket]:
    """Return the timeout and the keepalives of the socket of each connection that is opened."""
    seen: list[Socket] = []
    connect = redshift_connector.connect

    def watched(**arguments: Any) -> redshift_connector.Connection:
        connection = connect(**arguments)
        wire = connection._usock
        keepalives = [
            wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
            *(wire.getsockopt(socket.IPPROTO_TCP, option) for option in KEEPALIVE_OPTIONS),
        ]
        seen.append(Socket(wire.gettimeout(), keepalives))
        return connection

    monkeypatch.setattr(redshift_connector, "connect", watched)
    return seen


def select_by_dbt(tmp_path: Path, profiles: str) -> bool:
    """Select by `dbt show`, in a project without models; return whether that succeeded."""
    (tmp_path / "dbt_project.yml").write_text("name: empty\nprofile: sparkify\n")
    (tmp_path / "profiles.yml").write_text(profiles)
    done = dbt_here.invoke(
        "show", "--inline", "select 'slow' as pace", project=tmp_path, target=tmp_path / "target"
    )
    return done.success


PROFILES = (ROOT / "profiles.yml").read_text()
SLOW = Fault("'slow'", "slow", SLOW_SECONDS)


def test_dbt_waits_for_a_statement_that_is_slower_than_any_limit(
    faults: FaultFile, opened: list[Socket], tmp_path: Path
) -> None:
    faults.write([SLOW])
    assert select_by_dbt(tmp_path, PROFILES)
    assert faults.read() == []
    assert opened
    assert all(each == LASTING for each in opened)


@ABANDONED
def test_a_connect_timeout_in_the_profile_would_end_it(
    faults: FaultFile, opened: list[Socket], tmp_path: Path
) -> None:
    faults.write([SLOW])
    limited = PROFILES.replace(
        "retries: 3", f"retries: 0\n      connect_timeout: {LIMIT_SECONDS:.0f}"
    )
    assert not select_by_dbt(tmp_path, limited)
    assert {each.timeout for each in opened} == {LIMIT_SECONDS}


def select_by_the_loader() -> str:
    with closing(connect_to_redshift("redshift_default", "aws_default")) as connection:
        [[pace]] = connection.cursor().execute("select 'slow'").fetchall()
    return str(pace)


def test_the_loader_waits_for_it_too(faults: FaultFile, opened: list[Socket]) -> None:
    faults.write([SLOW])
    assert (select_by_the_loader(), faults.read()) == ("slow", [])
    assert opened == [LASTING]


@ABANDONED
def test_a_timeout_in_the_connection_would_end_it(
    faults: FaultFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults.write([SLOW])
    connection = json.loads(os.environ["AIRFLOW_CONN_REDSHIFT_DEFAULT"])
    connection["extra"]["timeout"] = LIMIT_SECONDS
    monkeypatch.setenv("AIRFLOW_CONN_REDSHIFT_DEFAULT", json.dumps(connection))
    with pytest.raises(TimeoutError):
        select_by_the_loader()
    gc.collect()
