"""The faults: each function injects one kind, one at a time, and yields a row of the matrix for it.

Most strike one task, which is then tried again as Airflow does; what came of it is compared with
undisturbed runs. `tests.faults.scheduler` has those that need Airflow's scheduler.
"""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from include.load import protocol
from local.s3_faults import S3Fault
from local.stack import free_port
from redshift_emulator.faults import Fault
from tests.conftest import ROOT
from tests.faults.pipeline import DAYS, RAW, RUN, Pipeline, Row, source
from tests.faults.readers import NOT_A_READER, read_state, reading, state_sql

SHORT = 90  # characters of a message that the matrix keeps


def short(said: str) -> str:
    """Return what a task said, as the matrix shows it."""
    return f"{said[:SHORT]}…" if len(said) > SHORT else said or "the task went on by itself"


def undisturbed_loads(one: Pipeline) -> None:
    """Load both versions without a fault and keep what `raw` then holds."""
    for version in (0, 1, 0):
        one.deliver(version)
        one.load()
        one.undisturbed["raw", version] = one.read(*RAW)


def load_under(
    one: Pipeline,
    fault: str,
    where: str,
    inject: Callable[[], Any],
    task: Callable[[], Any] | None = None,
) -> Row:
    """Deliver the other version, inject, load until it succeeds, and compare."""
    one.deliver(1 - one.version)
    since = one.newest_load()
    inject()
    attempts, said = one.attempt(task or one.load)
    if one.faults.read():  # sessions that load side by side do not always send as many statements
        said = "it had ended before"
        one.faults.write([])
    audit, is_balanced = one.audit(since)
    return Row(
        fault,
        where,
        short(said),
        attempts,
        one.read(*RAW) == one.undisturbed["raw", one.version],
        audit=audit,
        is_sound=is_balanced,
    )


def lost_connections(one: Pipeline, every: int = 1) -> Iterator[Row]:
    """Cut the connection before and after each statement of a load."""
    undisturbed_loads(one)
    one.deliver(1 - one.version)
    count = one.statements_of(one.load)
    for number in range(0, count, every):
        for action in ("cut before", "cut after"):
            yield load_under(
                one,
                f"connection {action}",
                f"load, statement {number + 1} of {count}",
                partial(one.faults.write, [Fault("", action, skip=number)]),
            )


ERRORS = {
    "disk full": ("53100", "Disk Full"),
    "serialization": ("XX000", "1023 Serializable isolation violation on table"),
    "the cluster restarts": ("57P01", "terminating connection due to administrator command"),
}


def failing_statements(
    one: Pipeline, statements: Sequence[str] = ("^copy", "^delete", "^insert", "commit")
) -> Iterator[Row]:
    """Let statements of a load fail as on a cluster whose disk is full, or that restarts."""
    undisturbed_loads(one)
    for fault, (sqlstate, message) in ERRORS.items():
        for statement in statements:
            error = Fault(statement, "fail", sqlstate=sqlstate, message=message)
            yield load_under(
                one,
                fault,
                f"load, {statement.strip('^')}",
                lambda e=error: one.faults.write([e]),  # type: ignore[misc]
            )


LIST, READ = "GET /sparkify.list-type", "GET /sparkify/log_data"
S3_FAULTS: dict[str, tuple[str, S3Fault]] = {
    "S3 answers 503 once": ("list", S3Fault(LIST, "error")),
    "S3 answers 503 for a while": ("list", S3Fault(LIST, "error", times=5)),
    "S3 answers 503": ("COPY", S3Fault(READ, "error", times=12)),
    "S3 is slow": ("COPY", S3Fault(READ, "slow", seconds=1, times=4)),
    "S3 cuts a list short": ("list", S3Fault(LIST, "cut short", times=5)),
    "S3 cuts a file short": ("COPY", S3Fault(READ, "cut short")),
    "the credentials expire": (
        "list",
        S3Fault(LIST, "error", times=2, status=400, code="ExpiredToken"),
    ),
    "COPY's credentials expire": ("COPY", S3Fault(READ, "error", status=400, code="ExpiredToken")),
}


def faults_of_s3(one: Pipeline) -> Iterator[Row]:
    """Let S3 answer late, in part, or with errors."""
    undisturbed_loads(one)
    for name, (where, fault) in S3_FAULTS.items():
        yield load_under(
            one,
            name,
            f"load, {where}",
            lambda f=fault: one.s3_faults.write([f]),  # type: ignore[misc]
        )
        one.s3_faults.write([])


def objects_that_change(one: Pipeline) -> Iterator[Row]:
    """Let an object vanish, come or change between the listing and COPY."""
    undisturbed_loads(one)
    load_together = protocol.load_together
    key, more = DAYS[0], f"{DAYS[0]}.more"

    def meanwhile(change: Callable[[], None]) -> Callable[[], None]:
        """Return the load with a change behind its listing, and then another load."""

        def task() -> None:
            def changed(*arguments: Any) -> None:
                change()
                patch.setattr(protocol, "load_together", load_together)
                load_together(*arguments)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("include.load.accounting.PATIENCE_SECONDS", 0.5)
                patch.setattr(protocol, "load_together", changed)
                one.load()
            one.warehouse.delete(more)
            one.deliver(one.version)
            one.load()

        return task

    for fault, change in {
        "an object vanishes": lambda: one.warehouse.delete(key),
        "an object changes": lambda: one.warehouse.put(key, source(1 - one.version)[key]),
        "an object comes": lambda: one.warehouse.put(more, source(0)[DAYS[1]]),
    }.items():
        yield load_under(one, fault, "load, between list and COPY", lambda: None, meanwhile(change))


def refused_connections(one: Pipeline) -> Iterator[Row]:
    """Let nothing listen where Redshift should be."""
    undisturbed_loads(one)
    name = "AIRFLOW_CONN_REDSHIFT_DEFAULT"
    good = one.warehouse.environment[name]
    calls: list[int] = []
    with pytest.MonkeyPatch.context() as patch:

        def task() -> None:
            calls.append(1)
            closed = json.dumps(json.loads(good) | {"port": free_port()})
            patch.setenv(name, closed if len(calls) == 1 else good)
            one.load()

        yield load_under(one, "connections are refused", "load", lambda: None, task)


LOAD = (
    "from include.load.tables import EVENTS, SONGS; from include.load.tasks import stage; "
    f"stage('songs', SONGS, 'song_data/').stage('{RUN}'); "
    f"stage('events', EVENTS, 'log_data/').stage('{RUN}')"
)


def killed_loads(one: Pipeline, kills: int, seed: int) -> Iterator[Row]:
    """Kill the process of a load by SIGKILL while it waits for a statement drawn at random."""
    undisturbed_loads(one)
    one.deliver(1 - one.version)
    count = one.statements_of(one.load)
    rng = random.Random(seed)
    for _ in range(kills):
        number = rng.randrange(count)

        def task(number: int = number) -> None:
            if killed(one, [sys.executable, "-c", LOAD], number):
                one.load()

        row = load_under(
            one, "SIGKILL", f"load, statement {number + 1} of {count}", lambda: None, task
        )
        yield Row(**{**vars(row), "happened": "the process died", "attempts": 2})


def killed(one: Pipeline, command: list[str], number: int) -> bool:
    """Start a process, kill it by SIGKILL in its statement of this number; return whether so."""
    one.faults.write([Fault("", "slow", seconds=1, skip=number)])
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while one.faults.read() and process.poll() is None:
            time.sleep(0.02)
        return process.poll() is None
    finally:
        process.kill()
        process.wait()
        one.faults.write([])


def two_loads_of_one_interval(one: Pipeline) -> Iterator[Row]:
    """Load the same files twice at the same time."""
    undisturbed_loads(one)

    def both() -> None:
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(one.load) for _ in range(2)]:
                done.result()

    yield load_under(one, "two runs of one interval", "load", lambda: None, both)


def models(one: Pipeline, select: str) -> dict[str, str]:
    """Return the models that a selection names, each with the table that it makes."""
    listed = one.warehouse.dbt_here("run", "--select", select)
    found = one.warehouse.rows("select node, relation from ops.node_runs")
    relations = dict(found)
    return {name: relations[name] for name in listed if relations.get(name)}


def lost_connections_of_models(
    one: Pipeline, select: str = "fqn:*", every: int = 1
) -> Iterator[Row]:
    """Cut the connection before and after each statement of each model's own dbt command.

    Before each, the model's table is emptied and its watermark forgotten, so that whatever a cut
    leaves out is missed.
    """
    for version in (0, 1):
        one.deliver(version)
        one.load()
        one.dbt("run")
    for name, table in models(one, select).items():
        expected = one.read(table)
        run = lambda: one.dbt("run", "--select", name)  # noqa: B023, E731
        is_view = "staging" in table or "int_changed_keys" in table

        def forget() -> None:
            if not is_view:  # noqa: B023
                one.warehouse.run(f"delete from {table}")  # noqa: B023
            one.warehouse.run(f"delete from ops.watermarks where model = '{name}'")  # noqa: B023

        forget()
        count = one.statements_of(run)
        for number in range(0, count, every):
            for action in ("cut before", "cut after"):
                forget()
                one.faults.write([Fault("", action, skip=number)])
                attempts, said = one.attempt(run)
                left = one.faults.read()
                one.faults.write([])
                yield Row(
                    f"connection {action}",
                    f"{name}, statement {number + 1} of {count}",
                    short(said),
                    attempts,
                    one.read(table) == expected,
                    is_sound=not left,
                )


def killed_models(one: Pipeline, kills: int, seed: int) -> Iterator[Row]:
    """Kill `dbt run` of all models by SIGKILL while it waits for a statement drawn at random."""
    tables: list[str] = []
    for version in (0, 1, 0):
        one.deliver(version)
        one.load()
        one.dbt("run")
        tables = tables or sorted(models(one, "config.materialized:incremental").values())
        one.undisturbed["models", version] = one.read(*tables)
    rng = random.Random(seed)
    dbt = [sys.executable.replace("python", "dbt"), "run", "--threads", "1"]
    for _ in range(kills):
        one.deliver(1 - one.version)
        one.load()
        number = rng.randrange(200)
        was_killed = killed(one, dbt, number)
        attempts, _ = one.attempt(lambda: one.dbt("run"))
        yield Row(
            "SIGKILL",
            f"dbt run, statement {number + 1}",
            "the process died" if was_killed else "it had ended before",
            attempts + 1,
            one.read(*tables) == one.undisturbed["models", one.version],
        )


def lost_connections_of_publishing(one: Pipeline, every: int = 1) -> Iterator[Row]:
    """Cut the connection before and after each statement of a publication, while readers read.

    Each publication is taken back before the next one.
    """
    for version in (0, 1):
        one.deliver(version)
        one.load()
        one.dbt("build", "--exclude", "resource_type:unit_test")
        one.publish()
    sql = state_sql(one.warehouse)
    after = read_state(one.warehouse, sql)
    one.roll_back()
    before = read_state(one.warehouse, sql)
    assert before != after
    count = one.statements_of(one.publish)
    for number in range(0, count, every):
        for action in ("cut before", "cut after"):
            one.roll_back()
            one.faults.write([Fault(NOT_A_READER, action, skip=number)])
            with reading(one.warehouse, sql) as readers:
                attempts, said = one.attempt(one.publish)
            yield Row(
                f"connection {action}",
                f"publish, statement {number + 1} of {count}",
                short(said),
                attempts,
                read_state(one.warehouse, sql) == after,
                readers.summary(),
                is_sound=readers.saw_only(before, after) and not one.faults.read(),
            )
