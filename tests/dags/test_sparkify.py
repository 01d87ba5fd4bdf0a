"""The DAG as Airflow sees it: the order of its tasks, and the tests between layers."""

from itertools import pairwise
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, ParamValidationError
from cosmos.operators.base import AbstractDbtBase
from cosmos.operators.local import DbtBuildLocalOperator, DbtTestLocalOperator
from dbt.contracts.graph.manifest import Manifest

from include.cosmos import manifest
from include.cosmos.nodes import LAYERS
from include.run.policy import refuse_faulty_parameters
from tests import dbt_here
from tests.conftest import ROOT

MODELS = {
    layer: sorted(path.stem for path in (ROOT / "dbt_sparkify/models" / layer).rglob("*.sql"))
    for layer in LAYERS
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Return the dbt project as dbt parses it."""
    target = tmp_path_factory.mktemp("target")
    parsed = dbt_here.invoke("parse", project=ROOT, target=target).result
    assert isinstance(parsed, Manifest)
    return parsed


@pytest.fixture(scope="module")
def dag() -> DAG:
    bag = DagBag(str(ROOT / "dags"))
    assert bag.import_errors == {}
    assert list(bag.dags) == ["sparkify"]
    return bag.dags["sparkify"]


def upstream(dag: DAG, task_id: str) -> set[str]:
    return dag.get_task(task_id).get_flat_relative_ids(upstream=True)


def test_every_model_has_a_task_of_its_own(dag: DAG) -> None:
    built = {task.task_id for task in dag.tasks if isinstance(task, DbtBuildLocalOperator)}
    assert built == {f"{layer}.{model}" for layer, models in MODELS.items() for model in models}


def data_tests_of(task: AbstractDbtBase, project: Manifest, target: Path) -> set[str]:
    """Return the data tests that a task runs, as dbt itself lists them."""
    selection: list[str] = []
    for option in ("select", "exclude"):
        names = getattr(task, option) or []  # Cosmos has both forms
        for name in names.split() if isinstance(names, str) else names:
            selection += [f"--{option}", name]
    if task.selector:
        selection += ["--selector", task.selector]
    listed = dbt_here.invoke(
        *("ls", "--resource-type", "test", "--output", "name", *selection),
        project=ROOT,
        target=target,
        manifest=project,
    )
    assert isinstance(listed.result, list), task.task_id
    return set(listed.result)


def test_every_test_has_one_task_which_follows_all_that_it_reads(
    dag: DAG, project: Manifest, tmp_path: Path
) -> None:
    tests = {
        node.name: node.depends_on.nodes
        for node in project.nodes.values()
        if node.resource_type == "test"
    }
    task_of: dict[str, str] = {}
    for task in dag.tasks:
        if isinstance(task, DbtBuildLocalOperator | DbtTestLocalOperator):
            for name in data_tests_of(task, project, tmp_path):
                assert task_of.setdefault(name, task.task_id) == task.task_id, name
    assert task_of.keys() == tests.keys()
    for name, task_id in task_of.items():
        for parent in tests[name]:
            kind, *_, model = parent.split(".")
            if kind == "model":
                [built] = [each for each in dag.task_ids if each.endswith(f".{model}")]
                assert built in upstream(dag, task_id) | {task_id}, name


@pytest.mark.parametrize(
    ("test", "layer"),
    [
        ("test_sources", "staging"),
        ("test_marts", "reporting"),
        *(
            (f"{before}.{model}", after)
            for before, after in pairwise(LAYERS)
            for model in MODELS[before]
        ),
    ],
)
def test_every_model_of_a_layer_waits_for_the_tests_before_it(
    dag: DAG, test: str, layer: str
) -> None:
    for model in MODELS[layer]:
        assert test in upstream(dag, f"{layer}.{model}")


def test_the_asset_is_emitted_after_every_test(dag: DAG) -> None:
    assert [outlet.name for outlet in dag.get_task("emit_marts").outlets] == ["sparkify_marts"]
    gate = {task.task_id for task in dag.tasks if isinstance(task, AbstractDbtBase)} - {"docs"}
    assert gate <= upstream(dag, "emit_marts")


def test_no_other_task_emits_an_asset(dag: DAG) -> None:
    assert [task.task_id for task in dag.tasks if task.outlets] == ["emit_marts"]


def test_the_lock_is_taken_first_and_released_last_even_if_the_run_fails(dag: DAG) -> None:
    unlock = dag.get_task("give_back_run_lock")
    assert unlock.is_teardown
    for task_id in set(dag.task_ids) - {"create_tables", "wait_for_run_lock"}:
        assert "wait_for_run_lock" in upstream(dag, task_id)


def test_runs_hourly_one_at_a_time_with_retries(dag: DAG) -> None:
    assert dag.timetable.expression == "0 * * * *"
    assert dag.max_active_runs == 1
    assert all(task.retries == 2 for task in dag.tasks if task.task_id.startswith("stage_"))
    assert not dag.catchup


def test_a_parameter_of_one_load_does_not_affect_the_other(dag: DAG) -> None:
    params = dag.params
    params["events_prefix"] = "log_data/2018/"
    assert params["songs_prefix"] is None


def test_a_parameter_that_does_not_exist_is_refused() -> None:
    refuse_faulty_parameters(None)
    refuse_faulty_parameters({"events_prefix": "log_data/", "songs_prefix": None, "reload": True})
    with pytest.raises(AirflowFailException, match="unknown parameter event_prefix; the DAG has"):
        refuse_faulty_parameters({"event_prefix": "log_data/2018/11/"})


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_reload_is_a_boolean(dag: DAG, value: object) -> None:
    with pytest.raises(ParamValidationError):
        dag.params["reload"] = value


def test_the_file_fits_on_a_page(dag: DAG) -> None:
    assert len((ROOT / "dags" / "sparkify.py").read_text().splitlines()) <= 60


def test_a_stale_manifest_is_an_import_error_that_names_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(manifest, "fingerprint", lambda _: "of a project with a new model")
    manifest.require_current.cache_clear()
    try:
        bag = DagBag(str(ROOT / "dags"))
    finally:
        manifest.require_current.cache_clear()
    assert bag.dags == {}
    [error] = bag.import_errors.values()
    assert "Make it anew with `make manifest`" in error
