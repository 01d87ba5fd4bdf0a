"""The demo: a month of generated data with anomalies, through Airflow into tested marts."""

import time
from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

import httpx
from tabulate import tabulate

from local import stack
from local.events import generate

MONTH = date(2018, 11, 1)
DAYS = 30
RUN_TIMEOUT_SECONDS = 600
REQUEST_TIMEOUT_SECONDS = 30  # on a busy laptop the API server's first answers are slow
ANOMALIES = {
    "malformed": 3,
    "wrong_type": 2,
    "oversize": 1,
    "duplicate_lines": 20,
    "duplicate_file": 1,
    "late": 15,
    "empty_file": 1,
    "integer_name": 2,
}

QUESTIONS = {
    "Who listens, and how much, on which plan?": """
        select level, count(distinct user_id) as listeners, count(*) as plays,
            round(cast(count(*) as float) / count(distinct user_id), 1) as plays_each
        from {schema}.songplays group by level order by level""",
    "Which songs of the catalogue are played most?": """
        select s.title, a.name as artist, count(*) as plays,
            count(distinct p.user_id) as listeners
        from {schema}.songplays p
        join {schema}.songs s on s.song_id = p.song_id
        join {schema}.artists a on a.artist_id = p.artist_id
        group by s.title, a.name order by plays desc, s.title, a.name limit 5""",
    "How long does a user who upgrades stay on the free plan first?": """
        select count(*) as upgrades, count(distinct user_id) as users,
            round(avg(cast(datediff(hour, valid_from, valid_to) as float)) / 24, 1) as mean_days,
            round(min(cast(datediff(minute, valid_from, valid_to) as float)) / 1440, 2) as shortest
        from {schema}.user_levels where level = 'free' and valid_to is not null""",
}


class DemoError(Exception):
    """The demo's run did not succeed."""


def main() -> None:
    """Generate a month, run the DAG on it, print the run's summary and three answers."""
    print(f"Generating {DAYS} days of activity with these anomalies:", flush=True)
    generated = generate(
        stack.BUCKET_FOLDER,
        seed=1,
        start=MONTH,
        days=DAYS,
        users=100,
        songs=300,
        anomalies=ANOMALIES,
    )
    found = Counter((anomaly.kind, anomaly.is_rejected) for anomaly in generated.anomalies)
    rows = [(kind, count, "rejected" if out else "") for (kind, out), count in found.items()]
    print(tabulate(rows, headers=["anomaly", "count", "must be"]))
    print("\nStarting S3, Redshift and Airflow …", flush=True)
    address = stack.start_airflow()
    environment = stack.read_environment()
    stack.upload_bucket(environment["SPARKIFY_LOCAL_S3"])
    with airflow_client(address) as airflow:
        run_id = trigger(airflow, f"log_data/{MONTH:%Y/%m}/")
        print(f"Watch it at {address}/dags/sparkify/runs/{run_id}", flush=True)
        state = wait_for(airflow, run_id)
        if state != "success":
            raise DemoError(describe_failure(airflow, run_id, state, address))
        print("\n" + xcom(airflow, run_id, "report_run"))
    for question, answer in ask(environment).items():
        print(f"\n{question}\n{answer}")
    print(f"\nAirflow keeps running at {address}; `make down` stops it.")


def airflow_client(address: str, login: Mapping[str, str] | None = None) -> httpx.Client:
    """Return a client of Airflow's public API, logged in; the local Airflow asks for no login.

    A login is a `username` and a `password`. Raises httpx.HTTPStatusError if Airflow refuses it.
    """
    method = "POST" if login else "GET"
    answer = httpx.request(
        method, f"{address}/auth/token", json=login, timeout=REQUEST_TIMEOUT_SECONDS
    )
    token = answer.raise_for_status().json()["access_token"]
    return httpx.Client(
        base_url=f"{address}/api/v2/",
        headers={"Authorization": f"Bearer {token}"},
        timeout=REQUEST_TIMEOUT_SECONDS,
    )


def trigger(airflow: httpx.Client, events_prefix: str, **params: bool) -> str:
    """Unpause the DAG, start a run for a prefix of events, and return its id."""
    deadline = time.monotonic() + 60
    while airflow.get("dags/sparkify").status_code == httpx.codes.NOT_FOUND:
        if time.monotonic() > deadline:
            raise DemoError(
                "Airflow has no DAG `sparkify` after a minute; the UI's start page has its import "
                "errors."
            )
        time.sleep(0.5)
    airflow.patch("dags/sparkify", json={"is_paused": False}).raise_for_status()
    run = airflow.post(
        "dags/sparkify/dagRuns",
        json={"logical_date": None, "conf": {"events_prefix": events_prefix, **params}},
    ).raise_for_status()
    return str(run.json()["dag_run_id"])


def wait_for(airflow: httpx.Client, run_id: str) -> str:
    """Wait until the run ends, printing a line for each task that ends; return its state."""
    seen: set[str] = set()
    started = time.monotonic()
    while time.monotonic() < started + RUN_TIMEOUT_SECONDS:
        state = airflow.get(f"dags/sparkify/dagRuns/{run_id}").raise_for_status().json()["state"]
        for task in task_instances(airflow, run_id):
            if task["state"] in {"success", "failed", "skipped", "upstream_failed"}:
                if task["task_id"] not in seen:
                    seconds = time.monotonic() - started
                    print(f"  {seconds:5.1f} s  {task['state']:<8} {task['task_id']}", flush=True)
                seen.add(task["task_id"])
        if state in {"success", "failed"}:
            return str(state)
        time.sleep(1)
    return "still running after ten minutes"


def task_instances(airflow: httpx.Client, run_id: str) -> list[dict[str, Any]]:
    """Return the run's task instances in the order in which they ended."""
    answer = airflow.get(
        f"dags/sparkify/dagRuns/{run_id}/taskInstances", params={"limit": 200}
    ).raise_for_status()
    tasks: list[dict[str, Any]] = answer.json()["task_instances"]
    return sorted(tasks, key=lambda task: task["end_date"] or "9")


def describe_failure(airflow: httpx.Client, run_id: str, state: str, address: str) -> str:
    """Return which tasks failed, or that the run goes on, and where the logs are."""
    if state != "failed":
        return f"The run is {state}. See how it goes on at {address}/dags/sparkify/runs/{run_id}."
    failed = [
        task["task_id"] for task in task_instances(airflow, run_id) if task["state"] == "failed"
    ]
    return (
        f"The run failed in these tasks: {', '.join(failed) or 'none'}. "
        f"Their logs are at {address}/dags/sparkify/runs/{run_id}."
    )


def xcom(airflow: httpx.Client, run_id: str, task_id: str) -> str:
    """Return what a task returned."""
    answer = airflow.get(
        f"dags/sparkify/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value"
    ).raise_for_status()
    return str(answer.json()["value"])


def ask(environment: dict[str, str]) -> dict[str, str]:
    """Run the questions on the marts and return the answers as tables."""
    answers = {}
    with stack.connect(environment) as connection:
        cursor = connection.cursor()
        for question, sql in QUESTIONS.items():
            cursor.execute(sql.format(schema="analytics"))
            headers = [column[0] for column in cursor.description]
            answers[question] = tabulate(cursor.fetchall(), headers=headers)
    return answers
