"""What Airflow's UI shows of each task: owner, page, links."""

import json
from types import SimpleNamespace

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from cosmos.operators.base import AbstractDbtBase

from tests.conftest import MANIFEST, ROOT

TRY = SimpleNamespace(dag_id="sparkify", run_id="manual__2018-11-01T00:00:00+00:00")


@pytest.fixture(scope="module")
def dag() -> DAG:
    return DagBag(str(ROOT / "dags")).dags["sparkify"]


def test_every_task_has_a_page_and_an_owner(dag: DAG) -> None:
    for task in dag.tasks:
        assert task.doc_md, task.task_id
    owners = {task.owner for task in dag.tasks}
    assert owners == {"Data Engineering", "Sparkify Analytics"}
    assert dag.get_task("reporting.top_songs").owner == "Sparkify Analytics"


def test_every_layer_says_what_it_is(dag: DAG) -> None:
    layers = {layer: dag.task_group.children[layer].tooltip for layer in ("staging", "marts")}
    assert all(layers.values())


def test_the_page_of_a_model_is_its_description_and_its_tests(dag: DAG) -> None:
    page = dag.get_task("marts.songplays").doc_md
    assert page.startswith("One row per play.")
    assert ".songplays` by `dbt_sparkify/models/marts/songplays.sql` and tests it." in page
    assert "- `unique_songplays_songplay_id`" in page
    assert "relationships_songplays_user_id" not in page  # that needs another model
    assert "`relationships_songplays_user_id__user_id" in dag.get_task("test_marts").doc_md


def test_each_task_of_a_model_links_to_its_sql_and_to_a_page_of_the_docs(dag: DAG) -> None:
    manifest = json.loads(MANIFEST.read_text())
    documented = manifest["nodes"] | manifest["sources"]
    of_groups = [
        task for task in dag.tasks if isinstance(task, AbstractDbtBase) and task.task_group.group_id
    ]
    assert len(of_groups) > 20
    for task in of_groups:
        [sql, docs] = task.operator_extra_links
        of_try = SimpleNamespace(**vars(TRY), task_id=task.task_id)
        run = "/dags/sparkify/runs/manual__2018-11-01T00%3A00%3A00%2B00%3A00"
        assert sql.get_link(task, ti_key=of_try).endswith(
            f"{run}/tasks/{task.task_id}/rendered_templates"
        )
        _, kind, unique_id = docs.get_link(task, ti_key=of_try).split("#")[1].split("/")
        assert kind in ("model", "source")
        assert unique_id in documented
