"""The faults that strike the real DAG under Airflow's own scheduler, while readers read on.

Each run brings the published tables from one version of the source to the other. It ends green by
itself, by its retries, or by a second run; then the tables are those of an undisturbed run.
"""

import contextlib
import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
import psutil
import pytest

from local import demo, processes, stack
from tests.faults.pipeline import DAYS, RAW, Pipeline, Row, Rows, source
from tests.faults.readers import Readers, State, read_state, reading, state_sql

PREFIX = "log_data/2018/11/"
TIMEOUT_SECONDS = 1800
SCHEDULE = "0 0 * * *"
ENDED = ("success", "failed")
TASKS = 35  # less than a run has: a fault strikes behind some of them
SHOWN = 3  # tasks that were tried again, by name
# Airflow looks for the tasks of a scheduler that was killed each 5 minutes: here more often.
AIRFLOW = {
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "120",
}


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds. Raises TimeoutError."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Nothing came of it in {TIMEOUT_SECONDS} s.")
        time.sleep(0.5)


@dataclass
class Scheduled:
    """The DAG in a running Airflow; what undisturbed runs made of each state of the source."""

    one: Pipeline
    sql: str = ""
    complete: list[State] = field(default_factory=list)
    raw: list[Rows] = field(default_factory=list)

    def call(self, ask: Callable[[httpx.Client], httpx.Response]) -> Any:
        """Ask Airflow's API, again while it does not answer: a fault may have restarted it."""
        answers: list[Any] = []

        def is_answered() -> bool:
            with (
                contextlib.suppress(httpx.HTTPError),
                demo.airflow_client(stack.read_environment()["AIRFLOW__API__BASE_URL"]) as api,
            ):
                answers.append(ask(api).raise_for_status().json())
            return bool(answers)

        wait_until(is_answered)
        return answers[0]

    def undisturbed(self, *sources: dict[str, bytes]) -> None:
        """Let the tasks do their work on each state of the source, and keep what they made."""
        for files in sources:
            self.one.put(files)
            self.one.load()
            self.one.dbt("build", "--exclude", "resource_type:unit_test")
            self.one.publish()
            self.sql = self.sql or state_sql(self.one.warehouse)
            self.complete.append(read_state(self.one.warehouse, self.sql))
            self.raw.append(self.one.read(*RAW))

    def trigger(self) -> str:
        """Start a run of the DAG; return its id."""
        with demo.airflow_client(stack.read_environment()["AIRFLOW__API__BASE_URL"]) as api:
            return demo.trigger(api, PREFIX)

    def pause(self, is_paused: bool) -> None:
        """Pause the DAG, or let its schedule start runs."""
        self.call(lambda api: api.patch("dags/sparkify", json={"is_paused": is_paused}))

    def runs(self) -> dict[str, str]:
        """Return the state of each run by its id."""
        answer = self.call(lambda api: api.get("dags/sparkify/dagRuns", params={"limit": 100}))
        return {run["dag_run_id"]: str(run["state"]) for run in answer["dag_runs"]}

    def tasks(self, run_id: str) -> list[dict[str, Any]]:
        """Return the task instances of a run."""
        path = f"dags/sparkify/dagRuns/{run_id}/taskInstances"
        answer = self.call(lambda api: api.get(path, params={"limit": 200}))
        return list(answer["task_instances"])

    def wait_for_tasks(self, run_id: str, count: int) -> None:
        """Wait until so many tasks of a run have succeeded, or it has ended."""
        wait_until(
            lambda: (
                self.runs()[run_id] in ENDED
                or sum(task["state"] == "success" for task in self.tasks(run_id)) >= count
            )
        )

    def wait_for_ends(self) -> dict[str, str]:
        """Wait until all runs have ended; return the states by run."""
        wait_until(lambda: set(self.runs().values()) <= set(ENDED))
        return self.runs()

    def disturbed(
        self, fault: str, where: str, inject: Callable[[], str], after: int, triggered: int = 1
    ) -> Row:
        """Deliver the other version, run the DAG, inject behind some tasks; run until green."""
        self.one.deliver(1 - self.one.version)
        version = self.one.version
        known = self.runs()
        since = self.one.newest_load()
        with reading(self.one.warehouse, self.sql) as readers:
            first, *_ = [self.trigger() for _ in range(triggered)]
            self.wait_for_tasks(first, after)
            happened = inject()
            states = self.wait_for_ends()
            attempts = 1
            while states[first] != "success" and attempts <= 2:
                attempts += 1
                first = self.trigger()
                states = self.wait_for_ends()
        return self.row(
            (fault, f"{where}, behind {after} tasks" if after else where),
            (happened, attempts, since),
            {run_id: state for run_id, state in states.items() if run_id not in known},
            readers,
            [self.complete[1 - version], self.complete[version]],
            self.raw[version],
        )

    def row(
        self,
        fault: tuple[str, str],
        story: tuple[str, int, int],
        states: dict[str, str],
        readers: Readers,
        complete: list[State],
        raw: Rows,
    ) -> Row:
        """Return the row of the matrix: what happened, and what the tables, readers, audit say."""
        happened, attempts, since = story
        again = [
            task["task_id"]
            for run_id in states
            for task in self.tasks(run_id)
            if task["try_number"] > 1 and task["task_id"] != "wait_for_run_lock"
        ]
        more = f" and {len(again) - SHOWN} more" if len(again) > SHOWN else ""
        audit, is_balanced = self.one.audit(since)
        found = read_state(self.one.warehouse, self.sql)
        differ = ", ".join(sorted({name for name, *_ in set(found) ^ set(complete[-1])}))
        return Row(
            *fault,
            f"{happened}; runs: {', '.join(sorted(states.values()))}; "
            f"tried again: {', '.join(again[:SHOWN]) or 'none'}{more}"
            + (f"; differ: {differ}" if differ else ""),
            attempts,
            found == complete[-1] and self.one.read(*RAW) == raw,
            readers=readers.summary(),
            audit=audit,
            is_sound=readers.saw_only(*complete)
            and is_balanced
            and list(states.values()).count("success") >= len(states) - attempts + 1,
        )


def task_processes() -> list[psutil.Process]:
    """Return the processes in which tasks run: each is named for its task instance."""
    scheduler = processes.running("airflow-scheduler", stack.RUNNING)
    found = []
    for process in scheduler.children(recursive=True) if scheduler else []:
        with contextlib.suppress(psutil.NoSuchProcess):
            if re.fullmatch(
                r"airflow worker -- [0-9a-f-]{36}", " ".join(process.cmdline()).strip()
            ):
                found.append(process)
    return found


def kill_a_task(delay_seconds: float) -> str:
    """Kill the process of a task, so many seconds after it was first seen at work."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for process in task_processes():
            time.sleep(delay_seconds)
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
                return f"one was killed {delay_seconds:.1f} s after its start"
        time.sleep(0.02)
    return "no task ran"


def kill_the_scheduler() -> str:
    """Kill the scheduler and all that it runs, and start it again."""
    scheduler = processes.running("airflow-scheduler", stack.RUNNING)
    assert scheduler
    tasks = len(task_processes())
    family = [scheduler, *scheduler.children(recursive=True)]
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(family, timeout=10)
    time.sleep(2)
    stack.launch_airflow("airflow-scheduler", stack.read_environment())
    _, ready = stack.AIRFLOW["airflow-scheduler"]
    processes.wait_for("airflow-scheduler", stack.RUNNING, ready)
    return f"killed with {tasks} tasks at work and started again"


def stop_redshift() -> str:
    """Stop the emulator, so that connections are refused; start it again at the same address."""
    environment = stack.read_environment()
    stopped = time.monotonic()
    processes.stop("redshift", stack.RUNNING)
    time.sleep(3)
    stack.start_redshift(
        environment["SPARKIFY_LOCAL_S3"],
        environment["REDSHIFT_PORT"],
        environment["REDSHIFT_PASSWORD"],
    )
    return f"stopped for {time.monotonic() - stopped:.0f} s"


def create_backfill() -> int:
    """Create a backfill of the source's days; return how often it was tried.

    Airflow's SQLite may be locked by a busy run: then nothing is created. Its runs judge all
    history, as the first run of a day does: others leave the reports of all time as they were.
    """
    days = ["--from-date", "2018-11-05T00:00:00+00:00", "--to-date", "2018-11-06T23:59:59+00:00"]
    command = stack.airflow(
        *("backfill", "create", "--dag-id", "sparkify", *days, "--max-active-runs", "1"),
        *("--dag-run-conf", '{"whole_gate": true}'),
    )
    for attempt in range(1, 6):
        done = subprocess.run(
            command,
            env=stack.quiet(stack.read_environment()),
            capture_output=True,
            text=True,
            check=False,
        )
        if not done.returncode:
            return attempt
        if "database is locked" not in done.stderr:
            break
    raise RuntimeError(f"No backfill was created: {done.stderr}")


def start_airflow() -> None:
    """Start Airflow unless it runs."""
    os.environ.update(AIRFLOW)
    stack.start_airflow()


@contextlib.contextmanager
def versions(one: Pipeline) -> Iterator[Scheduled]:
    """Yield the DAG in Airflow, which knows what undisturbed runs make of both versions."""
    dag = Scheduled(one)
    dag.undisturbed(source(0), source(1))
    one.version = 1
    one.give_back_the_run_lock()
    start_airflow()
    yield dag


def killed_tasks(one: Pipeline, kills: int, seed: int) -> Iterator[Row]:
    """Kill a task of the DAG by SIGKILL at random moments."""
    rng = random.Random(seed)
    with versions(one) as dag:
        for _ in range(kills):
            kill = partial(kill_a_task, rng.uniform(0, 1.5))
            yield dag.disturbed("SIGKILL", "a task of the DAG", kill, rng.randrange(TASKS))


def killed_scheduler(one: Pipeline, kills: int, seed: int) -> Iterator[Row]:
    """Kill the scheduler with its tasks by SIGKILL at random moments."""
    rng = random.Random(seed)
    with versions(one) as dag:
        for _ in range(kills):
            after = rng.randrange(TASKS)
            yield dag.disturbed("SIGKILL", "the scheduler", kill_the_scheduler, after)


def stopped_redshift(one: Pipeline, kills: int, seed: int) -> Iterator[Row]:
    """Stop Redshift at random moments of a run, and start it again."""
    rng = random.Random(seed)
    with versions(one) as dag:
        for _ in range(kills):
            yield dag.disturbed("Redshift stops", "the DAG", stop_redshift, rng.randrange(TASKS))


def two_runs(one: Pipeline) -> Iterator[Row]:
    """Trigger two runs of one interval at once."""
    with versions(one) as dag:
        yield dag.disturbed(
            "two runs of one interval", "the DAG", lambda: "triggered at once", 0, triggered=2
        )


def backfill_beside_the_schedule(one: Pipeline) -> Iterator[Row]:
    """Create a backfill of two days while the schedule's run is due.

    Readers may see what the runs publish one after the other: the songs, a day, the other one.
    """
    before, after = source(0), source(1)
    songs = {key: body for key, body in after.items() if key not in DAYS}
    steps = [before, before | songs, before | songs | {DAYS[0]: after[DAYS[0]]}, after]
    dag = Scheduled(one)
    dag.undisturbed(*steps, before)
    one.give_back_the_run_lock()
    if processes.running("airflow-scheduler", stack.RUNNING):
        dag.pause(True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARKIFY_SCHEDULE", SCHEDULE)
        start_airflow()
    get = "dags/sparkify"
    wait_until(lambda: dag.call(lambda api: api.get(get))["timetable_summary"] == SCHEDULE)
    known, since = dag.runs(), one.newest_load()
    one.put(after)
    with reading(one.warehouse, dag.sql) as readers:
        dag.pause(False)
        tries = create_backfill()
        wait_until(lambda: len(dag.runs()) == len(known) + 3)
        states = {
            run_id: state for run_id, state in dag.wait_for_ends().items() if run_id not in known
        }
    kinds = sorted(run_id.partition("__")[0] for run_id in states)
    yield dag.row(
        ("a backfill beside the schedule", "the DAG"),
        (f"{', '.join(kinds)}; the backfill was created at try {tries}", 1, since),
        states,
        readers,
        dag.complete[:-1],
        dag.raw[3],
    )
