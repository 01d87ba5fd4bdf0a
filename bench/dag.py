"""Where the time of the whole DAG goes: `python -m bench.dag`.

On one month of generated data: the DAG by Airflow's scheduler; an hour in which nothing changed;
and `dbt build` behind a load on another stack, with nothing around them. Each dbt task is cut by
what its log tells: start (the worker reads the DAG file), parse (dbt reads the project), connect
(up to the first statement), SQL, end. Queued is from the scheduler's decision to the start.
"""

import sys
import time
from collections import defaultdict
from datetime import date, datetime
from typing import Any

import httpx
from tabulate import tabulate

from bench.measuring import DBT, LOAD, in_own_process, run, warehouse

START = date(2018, 11, 1)
DATA: dict[str, Any] = {"start": START, "days": 30, "users": 100, "songs": 300}
# Airflow's tasks find dbt's parsed project in the checkout's own folder
IN_CHECKOUT = {"DBT_TARGET_PATH": "", "DBT_LOG_PATH": ""}
PHASES = ("start", "parse", "connect", "SQL", "end")
# A line of dbt's that begins the next phase
MARKS = ("Running with dbt", "Found ", " START ", "hook: sparkify.on-run-end.0")
REACH, IDLE_REACH_SECONDS = 2.5, 15
TIMEOUT_SECONDS = 1800
DONE = ("success", "failed")


def bare() -> float:
    """Return the seconds of a load and a `dbt build`."""
    from local import stack
    from local.events import generate

    generate(stack.BUCKET_FOLDER, **DATA)
    with warehouse() as environment:
        began = time.perf_counter()
        run(environment, *LOAD, "--events-prefix=log_data/")
        run(
            environment,
            *(DBT, "--quiet", "build", "--target", "prod", "--exclude", "resource_type:unit_test"),
        )
        return time.perf_counter() - began


def by_airflow() -> dict[str, Any]:
    """Return the seconds of a run that builds all, of an idle one, and of each task's phases."""
    from local import stack
    from local.demo import airflow_client, task_instances, trigger
    from local.events import generate

    generate(stack.BUCKET_FOLDER, **DATA)
    address = stack.start_airflow()
    try:
        with airflow_client(address) as airflow:
            first = trigger(airflow, "log_data/")
            seconds = run_seconds(airflow, first)
            tasks = [
                (task["task_id"], phases_of(airflow, first, task))
                for task in task_instances(airflow, first)
                if task["state"] == "success"
            ]
            idle = run_seconds(airflow, trigger(airflow, "log_data/"))
    finally:
        stack.stop()
    return {"seconds": seconds, "idle": idle, "tasks": tasks}


def run_seconds(airflow: httpx.Client, run_id: str) -> float:
    """Wait for a run; return how long it took; raise RuntimeError when it failed."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        run_ = airflow.get(f"dags/sparkify/dagRuns/{run_id}").raise_for_status().json()
        if run_["state"] in DONE:
            break
        time.sleep(1)
    if run_["state"] != "success":
        raise RuntimeError(
            f"The run {run_id} is {run_['state']} after {TIMEOUT_SECONDS} s at most."
        )
    return (moment(run_["end_date"]) - moment(run_["start_date"])).total_seconds()


def phases_of(airflow: httpx.Client, run_id: str, task: dict[str, Any]) -> dict[str, float]:
    """Return the seconds of a task: of each phase, or `all` of them where it ran no dbt."""
    began, ended = moment(task["start_date"]), moment(task["end_date"])
    waited = (began - moment(task["queued_when"])).total_seconds()
    answer = airflow.get(
        f"dags/sparkify/dagRuns/{run_id}/taskInstances/{task['task_id']}/logs/{task['try_number']}",
        params={"full_content": True},
        headers={"Accept": "application/json"},
    ).raise_for_status()
    cuts = [began]
    for line in answer.json()["content"]:
        if len(cuts) <= len(MARKS) and MARKS[len(cuts) - 1] in str(line.get("event")):
            cuts.append(moment(line["timestamp"]))
    if len(cuts) <= len(MARKS):
        return {"queued": waited, "other": (ended - began).total_seconds()}
    ends = [*cuts[1:], ended]
    return {"queued": waited} | {
        phase: (end - begin).total_seconds()
        for phase, begin, end in zip(PHASES, cuts, ends, strict=True)
    }


def moment(text: str) -> datetime:
    """Return a time of Airflow's API."""
    return datetime.fromisoformat(text)


def main() -> None:
    """Measure and print where the time goes."""
    airflow = in_own_process("bench.dag:by_airflow", IN_CHECKOUT)
    print(f"DAG: {airflow['seconds']:.0f} s", file=sys.stderr, flush=True)
    bare_seconds = in_own_process("bench.dag:bare")
    columns = ("queued", *PHASES, "other")
    rows: list[list[Any]] = [
        [task_id, *(phases.get(column) for column in columns)]
        for task_id, phases in airflow["tasks"]
    ]
    sums: defaultdict[str, float] = defaultdict(float)
    for _, phases in airflow["tasks"]:
        for column, seconds in phases.items():
            sums[column] += seconds
    rows.append(["all tasks, which overlap", *(sums[column] for column in columns)])
    print(tabulate(rows, headers=["task (seconds)", *columns], floatfmt=".1f"))
    print(
        f"The DAG took {airflow['seconds']:.0f} s, load and dbt build by themselves "
        f"{bare_seconds:.0f} s: {airflow['seconds'] / bare_seconds:.2f} times (reach: {REACH}). "
        f"The idle hour took {airflow['idle']:.0f} s (reach: {IDLE_REACH_SECONDS})."
    )


if __name__ == "__main__":
    main()
