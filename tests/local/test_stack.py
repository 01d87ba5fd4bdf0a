"""The stack: what it does when a part of it is gone, or asked for otherwise than it runs."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import processes, stack
from local.__main__ import psql
from redshift_emulator.server import BINARIES


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the stack a state folder of the test's own, and stop what the test started there."""
    monkeypatch.setattr(stack, "STATE", tmp_path)
    monkeypatch.setattr(stack, "RUNNING", tmp_path / "run")
    monkeypatch.setattr(stack, "ENVIRONMENT", tmp_path / "env")
    monkeypatch.setattr(stack, "BUCKET_FOLDER", tmp_path / "s3" / stack.BUCKET)
    yield tmp_path
    stack.stop()


def test_without_its_environment_the_warehouse_is_started_anew(state: Path) -> None:
    lost = stack.start_warehouse()
    (state / "env").unlink()

    found = stack.start_warehouse()

    assert found["REDSHIFT_PASSWORD"] != lost["REDSHIFT_PASSWORD"]
    assert found == stack.read_environment() == stack.start_warehouse()


def test_a_saved_connection_works_after_a_restart_and_psql_connects_as_printed(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = stack.start_warehouse()
    stack.stop()
    # the port that it had, whatever the default is
    monkeypatch.delenv("SPARKIFY_LOCAL_REDSHIFT_PORT")

    second = stack.start_warehouse()

    login = ("REDSHIFT_HOST", "REDSHIFT_PORT", "REDSHIFT_USER", "REDSHIFT_PASSWORD")
    assert [second[name] for name in login] == [first[name] for name in login]
    done = subprocess.run(
        ["bash", "-c", f"{psql()} -c 'select current_user'"],
        env={"PATH": f"{os.environ['PATH']}:{BINARIES}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "sparkify" in done.stdout, done.stderr


def test_redshift_prefers_a_cluster_s_port(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    preferred = stack.free_port()
    monkeypatch.setattr(stack, "REDSHIFT_PORT", preferred)
    monkeypatch.delenv("SPARKIFY_LOCAL_REDSHIFT_PORT")
    assert stack.start_warehouse()["REDSHIFT_PORT"] == str(preferred)


def test_where_its_port_is_taken_redshift_moves_and_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        moved = int(stack.redshift_port(port))

    assert moved != port
    said = capsys.readouterr().out
    assert f"Port {port} is taken by another process; the local Redshift moves to {moved}" in said
    assert stack.redshift_port(port) == str(port)
    assert capsys.readouterr().out == ""


def test_where_redshift_does_not_start_nothing_is_left_running(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("SPARKIFY_LOCAL_REDSHIFT_PORT", str(taken.getsockname()[1]))
        with pytest.raises(processes.StartError):
            stack.start_warehouse()
    assert list((state / "run").glob("*.pid")) == []


@pytest.fixture
def launched(state: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Pretend that a warehouse runs; return the names of the parts of Airflow as they are started.

    Each runs as soon as it is started, and for good.
    """
    started: list[str] = []
    stack.write_environment(stack.airflow_environment())
    monkeypatch.setattr(stack, "start_warehouse", stack.read_environment)
    for step in ("prepare_airflow", "wait_until_healthy"):
        monkeypatch.setattr(stack, step, lambda _: None)
    monkeypatch.setattr(processes, "launch", lambda name, *_: started.append(name))
    monkeypatch.setattr(processes, "wait_for", lambda *_: None)
    monkeypatch.setattr(processes, "running", lambda name, _: name in started)
    monkeypatch.setattr(processes, "stop", lambda *_: None)
    return started


def test_airflow_that_runs_is_left_alone_unless_another_schedule_is_asked_for(
    launched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPARKIFY_SCHEDULE", raising=False)
    address = stack.start_airflow()
    assert stack.start_airflow() == address
    assert launched == list(stack.AIRFLOW)

    monkeypatch.setenv("SPARKIFY_SCHEDULE", "0 0 * * *")
    assert stack.start_airflow() == address

    assert launched == [*stack.AIRFLOW, *stack.AIRFLOW]
    assert stack.read_environment()["SPARKIFY_SCHEDULE"] == "0 0 * * *"


def test_airflow_moves_when_its_port_was_taken_meanwhile(launched: list[str]) -> None:
    port = int(stack.read_environment()["AIRFLOW__API__PORT"])
    with socket.create_server(("127.0.0.1", port)):
        address = stack.start_airflow()

    assert address != f"http://127.0.0.1:{port}"
    assert address == stack.read_environment()["AIRFLOW__API__BASE_URL"]
