"""The stack: restarts, saved connections, ports that are taken, changes of the schedule."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.cosmos import manifest
from include.settings import settings
from local import processes, stack
from local.__main__ import main, psql
from redshift_emulator.server import BINARIES

pytestmark = pytest.mark.stack


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Point the stack at a state folder of its own, and stop what the test started there."""
    monkeypatch.setattr(stack, "STATE", tmp_path)
    monkeypatch.setattr(stack, "RUNNING", tmp_path / "run")
    monkeypatch.setattr(stack, "ENVIRONMENT", tmp_path / "env")
    monkeypatch.setattr(stack, "BUCKET_FOLDER", tmp_path / "s3" / stack.BUCKET)
    yield tmp_path
    stack.stop()


def test_without_its_environment_file_the_warehouse_is_restarted(state: Path) -> None:
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


def test_a_wrong_setting_is_named_before_anything_starts(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPARKIFY_LATE_DAYS", "-1")
    monkeypatch.setattr("sys.argv", ["local", "up"])
    settings.cache_clear()
    try:
        assert main() == 1
    finally:
        settings.cache_clear()
    assert capsys.readouterr().err.startswith("SPARKIFY_LATE_DAYS is '-1': ")
    assert list(state.iterdir()) == []


@pytest.fixture
def launched(state: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace all processes by names; return the names of Airflow's components as they start.

    A component runs from its start on, and never ends.
    """
    started: list[str] = []
    stack.write_environment(stack.airflow_environment())
    monkeypatch.setattr(stack, "start_warehouse", stack.read_environment)
    for step in ("prepare_airflow", "create_reader", "wait_until_healthy"):
        monkeypatch.setattr(stack, step, lambda _: None)
    monkeypatch.setattr(processes, "launch", lambda name, *_: started.append(name))
    monkeypatch.setattr(processes, "wait_for", lambda *_: None)
    monkeypatch.setattr(processes, "running", lambda name, _: name in started)
    monkeypatch.setattr(processes, "stop", lambda *_: None)
    monkeypatch.setattr(manifest, "is_current", lambda *_: True)
    return started


def test_a_running_airflow_is_restarted_only_for_another_schedule(
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


def test_airflow_moves_when_its_port_is_taken(launched: list[str]) -> None:
    port = int(stack.read_environment()["AIRFLOW__API__PORT"])
    with socket.create_server(("127.0.0.1", port)):
        address = stack.start_airflow()

    assert address != f"http://127.0.0.1:{port}"
    assert address == stack.read_environment()["AIRFLOW__API__BASE_URL"]
