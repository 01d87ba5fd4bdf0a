"""The tasks that run dbt: what they refuse before they start it."""

import json

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowFailException
from cosmos.operators.base import AbstractDbtBase

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def dbt_tasks() -> list[AbstractDbtBase]:
    dag = DagBag(str(ROOT / "dags")).dags["sparkify"]
    return [task for task in dag.tasks if isinstance(task, AbstractDbtBase)]


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        ("schema", r"redshift_default names no database: set its field Database \(`schema` in"),
        ("host", r"redshift_default names no host: set its field Host \(`host` in"),
    ],
)
def test_no_task_starts_dbt_by_a_connection_without_an_address(
    dbt_tasks: list[AbstractDbtBase],
    monkeypatch: pytest.MonkeyPatch,
    left_out: str,
    said: str,
) -> None:
    connection = {"conn_type": "redshift", "host": "127.0.0.1", "login": "a", "schema": "dev"}
    monkeypatch.setenv("AIRFLOW_CONN_REDSHIFT_DEFAULT", json.dumps(connection))
    assert len(dbt_tasks) > 20
    for task in dbt_tasks:
        task._pre_execute_hook({})  # what Airflow's task runner calls

    del connection[left_out]
    monkeypatch.setenv("AIRFLOW_CONN_REDSHIFT_DEFAULT", json.dumps(connection))
    for task in dbt_tasks:
        with pytest.raises(AirflowFailException, match=said):
            task._pre_execute_hook({})
