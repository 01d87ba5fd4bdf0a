"""OpenLineage: one variable, and the events lead from S3 through the load to the models."""

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.openlineage.extractors import OperatorLineage
from airflow.providers.openlineage.plugins.adapter import OpenLineageAdapter
from cosmos.constants import InvocationMode
from cosmos.operators.local import DbtRunLocalOperator

from include.cosmos import layers
from include.load.tables import EVENTS
from include.load.tasks import stage
from tests.conftest import ROOT
from tests.sparkify_data import event
from tests.warehouse import Warehouse

PREFIX = "log_data/2018/11/2018-11-05"
TRANSPORT = "AIRFLOW__OPENLINEAGE__TRANSPORT"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Turn OpenLineage on, as the runbook says, with a file as its transport."""
    path = tmp_path / "lineage.json"
    settings = {"type": "file", "log_file_path": str(path), "append": True}
    monkeypatch.setenv(TRANSPORT, json.dumps(settings))
    return path


def events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def names(datasets: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(each["namespace"], each["name"]) for each in datasets}


def emit(job: str, lineage: OperatorLineage) -> None:
    """Send a task's lineage as Airflow's listener does when the task has succeeded."""
    OpenLineageAdapter().complete_task(
        run_id="01a21dda-3b54-7a72-bdda-6e12a31760e6",
        job_name=job,
        end_time="2018-11-05T01:00:00+00:00",
        task=lineage,
        nominal_start_time=None,
        nominal_end_time=None,
        owners=None,
        tags=None,
        job_description=None,
    )


def test_events_lead_from_s3_through_the_load_to_a_model(warehouse: Warehouse, log: Path) -> None:
    warehouse.put_events(f"{PREFIX}-events.json", [event(0)])
    load = stage("stage_events", EVENTS, PREFIX)
    load.stage(run_id="test")
    emit("stage_events", load.get_openlineage_facets_on_complete(None))
    model = DbtRunLocalOperator(
        task_id="stg_sparkify__events",
        select="stg_sparkify__events",
        profile_config=layers.PROFILE,
        project_dir=str(ROOT),
        invocation_mode=InvocationMode.DBT_RUNNER,
        install_deps=False,
        emit_datasets=False,
        append_env=True,
        env={
            **warehouse.environment,
            "DBT_WRITE_JSON": layers.without_artifacts()["DBT_WRITE_JSON"],
        },
    )
    model.execute({"run_id": "test"})
    emit("stg_sparkify__events", model.get_openlineage_facets_on_complete(None))

    loaded, built = events(log)
    cluster = "redshift://{REDSHIFT_HOST}:{REDSHIFT_PORT}".format(**warehouse.environment)
    raw = (cluster, "dev.raw.staging_events")
    bucket = f"s3://{warehouse.environment['SPARKIFY_S3_BUCKET']}"
    assert names(loaded["inputs"]) == {(bucket, PREFIX)}
    assert names(loaded["outputs"]) == {raw} == names(built["inputs"])
    assert names(built["outputs"]) == {(cluster, "dev.staging.stg_sparkify__events")}
