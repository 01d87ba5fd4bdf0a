"""The stack: what it does when a part of it is gone, or asked for otherwise than it runs."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import processes, stack


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
