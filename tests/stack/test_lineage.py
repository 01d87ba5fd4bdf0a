"""OpenLineage: one variable, and its events lead from S3 through load and models to readers."""

import json
import re
import sys
from pathlib import Path
from typing import Any

from include.publish import verdict
from tests.conftest import MANIFEST
from tests.sparkify_data import event
from tests.warehouse import Warehouse

PREFIX = "log_data/2018/11/2018-11-0"
TRANSPORT = "AIRFLOW__OPENLINEAGE__TRANSPORT"
# The other tasks are taken for done.
DONE_IN_THE_RUN = ("create_tables", "wait_for_run_lock", "stage_", "find_work", "publish", "give_")
MODEL = "staging.stg_sparkify__events"
AIRFLOW = str(Path(sys.executable).with_name("airflow"))


def names(datasets: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(each["namespace"], each["name"]) for each in datasets}


def pass_all_tests(warehouse: Warehouse) -> None:
    """Note that each test of the project has passed after all that the run builds."""
    tests = verdict.tested_models(json.loads(MANIFEST.read_text()))
    passed = ", ".join(
        f"('analytics', 'test', '{test}', 'test', 'pass', 0, dateadd(hour, 1, sysdate))"
        for test in tests
    )
    warehouse.run(
        "insert into ops.node_runs "
        "(target_schema, run_id, node, resource_type, status, seconds, finished_at) "
        f"values {passed}"
    )


def run_dag(warehouse: Warehouse, home: Path, log: Path) -> None:
    """Run the DAG on the files of PREFIX as an engineer does, without a scheduler."""
    transport = {"type": "file", "log_file_path": str(log), "append": True}
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        TRANSPORT: json.dumps(transport),
        "SPARKIFY_RETRIES": "0",
    }
    taken_for_done = f"^(?!{'|'.join([*DONE_IN_THE_RUN, re.escape(MODEL)])}).*"
    conf = json.dumps({"events_prefix": PREFIX})
    migrated = warehouse.command(AIRFLOW, "db", "migrate", **settings)
    assert migrated.returncode == 0, migrated.stdout + migrated.stderr
    done = warehouse.command(
        *(AIRFLOW, "dags", "test", "sparkify", "--conf", conf),
        *("--mark-success-pattern", taken_for_done),
        **settings,
    )
    # Behind the last task, Airflow 3.3's `dags test` ends in an error over any DAG with a deadline.
    output = done.stdout + done.stderr
    assert done.returncode == 0 or "deadline_alert" in output.splitlines()[-4], output


def test_events_lead_from_s3_through_load_and_models_to_what_is_read(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    warehouse.put_events(f"{PREFIX}5-events.json", [event(0)])
    warehouse.load("log_data/")
    warehouse.dbt_here("run", "--select", "+users", "+songplays")
    pass_all_tests(warehouse)
    warehouse.put_events(f"{PREFIX}6-events.json", [event(1)])

    log = tmp_path / "lineage.json"
    run_dag(warehouse, tmp_path, log)

    events = [json.loads(line) for line in log.read_text().splitlines()]
    loaded, built, published = (
        next(
            each
            for each in events
            if each["job"]["name"] == f"sparkify.{task}" and each["eventType"] == "COMPLETE"
        )
        for task in ("stage_events", MODEL, "publish")
    )
    cluster = "redshift://{REDSHIFT_HOST}:{REDSHIFT_PORT}".format(**warehouse.environment)
    bucket = f"s3://{warehouse.environment['SPARKIFY_S3_BUCKET']}"
    raw = (cluster, "dev.raw.staging_events")
    assert names(loaded["inputs"]) == {(bucket, PREFIX)}
    staged = (cluster, "dev.staging.stg_sparkify__events")
    assert names(loaded["outputs"]) == {raw}
    assert names(built["inputs"]) == {raw, staged}  # the task's tests read what it has built
    assert names(built["outputs"]) == {staged}
    marts = ("artists", "songplays", "songs", "users")
    assert names(published["inputs"]) == {(cluster, f"dev.unpublished.{mart}") for mart in marts}
    assert names(published["outputs"]) == {(cluster, f"dev.analytics.{mart}") for mart in marts}
    columns = {
        (output["name"], column): (source["name"], source["field"])
        for output in published["outputs"]
        for column, of in output["facets"]["columnLineage"]["fields"].items()
        for source in of["inputFields"]
    }
    assert columns["dev.analytics.users", "level"] == ("dev.unpublished.users", "level")
