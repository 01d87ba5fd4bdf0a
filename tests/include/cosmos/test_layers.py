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


def test_a_worker_makes_the_group_of_its_own_task_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = DagBag(str(ROOT / "dags")).dags["sparkify"].task_dict.keys()
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "sparkify")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", "marts.songs")
    of_marts = DagBag(str(ROOT / "dags")).dags["sparkify"].task_dict.keys()
    assert of_marts == {task for task in whole if "." not in task or task.startswith("marts.")}
    # a task outside of all groups may skip those behind it, and needs them all
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", "find_work")
    assert DagBag(str(ROOT / "dags")).dags["sparkify"].task_dict.keys() == whole
