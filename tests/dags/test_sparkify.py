"""The DAG as Airflow sees it: the order of its tasks, and the tests between layers."""

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, ParamValidationError

from include.cosmos import manifest
from include.run.policy import refuse_faulty_parameters
from tests.conftest import ROOT

LAYERS = ("staging", "intermediate", "marts", "reporting")
MODELS = {
    layer: sorted(path.stem for path in (ROOT / "dbt_sparkify/models" / layer).rglob("*.sql"))
    for layer in LAYERS
}


@pytest.fixture(scope="module")
def dag() -> DAG:
    bag = DagBag(str(ROOT / "dags"))
    assert bag.import_errors == {}
    assert list(bag.dags) == ["sparkify"]
    return bag.dags["sparkify"]


def upstream(dag: DAG, task_id: str) -> set[str]:
    return dag.get_task(task_id).get_flat_relative_ids(upstream=True)


def test_every_model_has_a_task_of_its_own(dag: DAG) -> None:
    built = {
        task_id.removesuffix(".run").removesuffix("_run")
        for task_id in dag.task_ids
        if "." in task_id and task_id.endswith("run")
    }
    assert built == {f"{layer}.{model}" for layer, models in MODELS.items() for model in models}


def test_the_tests_of_a_model_follow_it(dag: DAG) -> None:
    for layer in ("intermediate", "marts"):
        for model in MODELS[layer]:
            assert f"{layer}.{model}.run" in upstream(dag, f"{layer}.{model}.test")


def gate_of(dag: DAG, layer: str) -> set[str]:
    return {
        task_id
        for task_id in dag.task_ids
        if task_id.startswith(f"{layer}.") and task_id.endswith("test")
    }


@pytest.mark.parametrize(
    ("layer", "next_layer"),
    [("staging", "intermediate"), ("intermediate", "marts"), ("marts", "reporting")],
)
def test_every_test_of_a_layer_runs_before_every_model_of_the_next(
    dag: DAG, layer: str, next_layer: str
) -> None:
    gate = gate_of(dag, layer)
    assert gate
    models = [
        task_id
        for task_id in dag.task_ids
        if task_id.startswith(f"{next_layer}.") and task_id.endswith("run")
    ]
    assert models
    for task_id in models:
        assert gate <= upstream(dag, task_id)


def test_source_tests_run_before_the_staging_models(dag: DAG) -> None:
    assert "staging.sparkify_staging_events.test" in upstream(
        dag, "staging.stg_sparkify__events.run"
    )
    assert "staging.sparkify_staging_songs.test" in upstream(dag, "staging.stg_sparkify__songs.run")


def test_the_asset_is_emitted_after_every_test(dag: DAG) -> None:
    assert [outlet.name for outlet in dag.get_task("emit_marts").outlets] == ["sparkify_marts"]
    gate = set().union(*(gate_of(dag, layer) for layer in MODELS)) | {"quality_gate"}
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


def test_all_reports_are_tested_before_the_quality_gate(dag: DAG) -> None:
    for model in MODELS["reporting"]:
        assert f"reporting.{model}_run" in upstream(dag, "test_reporting")
    assert "test_reporting" in upstream(dag, "quality_gate")


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
