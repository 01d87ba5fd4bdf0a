"""`make publish` and `make rollback`: what they print, and their messages when they fail."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.publish import command_line
from include.run.lock import acquire_run_lock
from include.settings import settings
from tests.include.publish.test_protocol import (
    AFTER,
    BEFORE,
    NEXT_BUILD,
    NEXT_KEYS,
    WHOLE,
    Pipeline,
)
from tests.warehouse import Warehouse


@pytest.fixture
def pipeline(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pipeline]:
    """Return a pipeline with one publication and a second build, of which no run holds the lock."""
    pipeline = Pipeline(warehouse, tmp_path)
    pipeline.built(**WHOLE)
    pipeline.publish()
    warehouse.run(NEXT_BUILD)
    pipeline.built(**NEXT_KEYS)
    warehouse.run("delete from ops.run_lock")
    monkeypatch.setenv("SPARKIFY_DBT_MANIFEST", str(pipeline.manifest))
    settings.cache_clear()
    yield pipeline
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> "Make":
    return Make(monkeypatch)


class Make:
    """The commands as the Makefile calls them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch

    def __call__(self, *arguments: str) -> int:
        self.monkeypatch.setattr(sys, "argv", ["publish", *arguments])
        return command_line.main()


def test_publishes_takes_back_and_publishes_again(
    pipeline: Pipeline, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make("publish") == 0
    assert "Published 1 rows of people, 1 rows of report, 2 rows of plays." in printed(capsys)
    assert pipeline.seen() == AFTER
    assert make("rollback") == 0
    assert "Publication 2 is taken back: readers see the state before." in printed(capsys)
    assert pipeline.seen() == BEFORE
    assert make("publish", "--hold") == 1  # the end of make build
    assert "publication 2 was rolled back at" in printed(capsys)
    assert make("publish") == 0
    assert pipeline.seen() == AFTER
    assert make("publish") == 0
    assert "Published nothing new." in printed(capsys)
    assert pipeline.warehouse.rows("select * from ops.run_lock") == []


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr()
    return said.out + said.err


def test_what_has_not_passed_is_named(
    pipeline: Pipeline, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.result("test", "gate", "fail")
    assert make("publish") == 1
    assert "test gate: fail at 20" in printed(capsys)
    assert pipeline.seen() == BEFORE


def test_does_not_wait_for_the_lock_but_says_who_holds_it(
    pipeline: Pipeline, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    with pipeline.warehouse.connect() as connection:
        acquire_run_lock(connection, "analytics", "scheduled__1", minutes=15)
    assert make("rollback") == 1
    assert "Run scheduled__1 is working on schema analytics" in printed(capsys)


def test_a_warehouse_out_of_reach_is_named(
    make: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_REDSHIFT_DEFAULT", raising=False)
    assert make("publish") == 1
    assert "Start the local stack (`make up`)" in printed(capsys)
