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

from local import demo, processes, stack
from tests.faults.pipeline import Pipeline, Row
from tests.faults.readers import State, read_state, reading, state_sql

PREFIX = "log_data/2018/11/"
TIMEOUT_SECONDS = 1800
TASKS = 45  # of a run, more or less: a fault strikes after some of them
RAW = ('"raw".staging_events', '"raw".staging_songs')


@dataclass
class Scheduled:
    """The DAG in a running Airflow; what undisturbed runs made of each version of the source."""

    one: Pipeline
    sql: str = ""
    complete: dict[int, State] = field(default_factory=dict)

    def call(self, ask: Callable[[httpx.Client], Any]) -> Any:
        """Ask Airflow's API, again while it does not answer: a fault may have restarted it."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:
            try:
                with demo.airflow_client(stack.read_environment()["AIRFLOW__API__BASE_URL"]) as api:
                    return ask(api)
            except httpx.HTTPError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def trigger(self) -> str:
        """Start a run of the DAG; return its id."""
        return str(self.call(lambda api: demo.trigger(api, PREFIX)))

    def wait(self, run_id: str) -> str:
        """Wait until a run has ended; return its state."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            run = self.call(lambda api: api.get(f"dags/sparkify/dagRuns/{run_id}").json())
            if run.get("state") in ("success", "failed"):
                return str(run["state"])
            time.sleep(2)
        return "still running"

    def run(self) -> str:
        """Run the DAG to its end; return the state."""
        return self.wait(self.trigger())

    def undisturbed(self) -> None:
        """Let the tasks do their work on both versions, and keep what the tables then hold."""
        for version in (0, 1):
            self.one.deliver(version)
            self.one.load()
            self.one.dbt("build", "--exclude", "resource_type:unit_test")
            self.one.publish()
            self.sql = self.sql or state_sql(self.one.warehouse)
            self.complete[version] = read_state(self.one.warehouse, self.sql)
            self.one.undisturbed["raw", version] = self.one.read(*RAW)

    def wait_for_tasks(self, run_id: str, count: int) -> None:
        """Wait until so many tasks of a run have succeeded, or it has ended."""
        while self.call(lambda api: api.get(f"dags/sparkify/dagRuns/{run_id}").json())["state"] in (
            "queued",
            "running",
        ):
            tasks = self.call(partial(demo.task_instances, run_id=run_id))
            if sum(task["state"] == "success" for task in tasks) >= count:
                break
            time.sleep(1)

    def disturbed(
        self, fault: str, where: str, inject: Callable[[], str], after: int, runs: int = 1
    ) -> Row:
        """Deliver the other version, run the DAG, inject after some tasks; run until green."""
        self.one.deliver(1 - self.one.version)
        before, after = self.complete[1 - self.one.version], self.complete[self.one.version]
        with reading(self.one.warehouse, self.sql) as readers:
            run_ids = [self.trigger() for _ in range(runs)]
            self.wait_for_tasks(run_ids[0], after)
            happened = inject()
            states = [self.wait(run_id) for run_id in run_ids]
            attempts = runs
            while states[-1] != "success" and attempts < runs + 2:
                attempts += 1
                states.append(self.run())
        retried = sum(
            max(task["try_number"] - 1, 0)
            for run_id in run_ids
            for task in self.call(partial(demo.task_instances, run_id=run_id))
            if task["task_id"] != "wait_for_run_lock"
        )
        found = read_state(self.one.warehouse, self.sql)
        loads = self.one.warehouse.rows(
            'select status, count(*) from "raw".load_history where load_id > (select '
            "max(through_load_id) from ops.gates where recorded_at < (select max(recorded_at) "
            "from ops.gates)) group by 1 order by 1"
        )
        return Row(
            fault,
            where,
            f"{happened} after {after} tasks; runs: {', '.join(states)}; {retried} retries",
            attempts,
            found == after and self.one.read(*RAW) == self.one.undisturbed["raw", self.one.version],
            readers=readers.summary(),
            audit=", ".join(f"{count} {status}" for status, count in loads) or "no load",
            is_sound=readers.saw_only(before, after) and states[-1] == "success",
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


def kill_a_task() -> str:
    """Kill the process of a task that runs now, or of the next one."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for process in task_processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
                return "one was killed"
        time.sleep(0.02)
    return "no task ran"


def kill_the_scheduler() -> str:
    """Kill the scheduler and all that it runs, and start it again."""
    scheduler = processes.running("airflow-scheduler", stack.RUNNING)
    assert scheduler
    family = [scheduler, *scheduler.children(recursive=True)]
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(family, timeout=10)
    time.sleep(2)
    command, ready = stack.AIRFLOW["airflow-scheduler"]
    environment = stack.read_environment()
    processes.start(
        "airflow-scheduler",
        stack.airflow(*command),
        stack.RUNNING,
        ready=ready,
        environment=environment,
    )
    return f"killed with {len(family) - 1} children, started again"


def stop_redshift() -> str:
    """Stop the emulator, so that connections are refused; start it again at the same address."""
    environment = stack.read_environment()
    processes.stop("redshift", stack.RUNNING)
    time.sleep(3)
    stack.start_redshift(
        environment["SPARKIFY_LOCAL_S3"],
        environment["REDSHIFT_PORT"],
        environment["REDSHIFT_PASSWORD"],
    )
    return "connections were refused for 3 s"


def backfill_beside() -> str:
    """Give the DAG a schedule, which has a run due at once, and start a backfill beside it."""
    os.environ["SPARKIFY_SCHEDULE"] = "0 0 * * *"
    stack.start_airflow()
    day = ["--from-date", "2018-11-05T00:00:00+00:00", "--to-date", "2018-11-05T23:59:59+00:00"]
    done = subprocess.run(
        stack.airflow("backfill", "create", "--dag-id", "sparkify", *day),
        env=stack.quiet(stack.read_environment()),
        capture_output=True,
        text=True,
        check=False,
    )
    return "a backfill of the day" if not done.returncode else f"no backfill: {done.stderr[-80:]}"


def scheduled_faults(one: Pipeline, kills: int, seed: int) -> Iterator[Row]:
    """Yield a row for each fault of the scheduler and of what it runs."""
    dag = Scheduled(one)
    dag.undisturbed()
    one.give_back_the_run_lock()
    stack.start_airflow()
    rng = random.Random(seed)

    def moment() -> int:
        return rng.randrange(TASKS)

    for _ in range(kills):
        yield dag.disturbed("SIGKILL", "a task of the DAG", kill_a_task, moment())
    yield dag.disturbed("SIGKILL", "the scheduler", kill_the_scheduler, moment())
    yield dag.disturbed("connections are refused", "the DAG", stop_redshift, moment())
    yield dag.disturbed("two runs of one interval", "the DAG", lambda: "two at once", 0, runs=2)
    yield dag.disturbed("a backfill beside the schedule", "the DAG", backfill_beside, moment())
