"""A change of the dbt project while the local Airflow runs."""

from pathlib import Path

import httpx
import pytest

from local import stack


def task_ids(airflow: httpx.Client) -> set[str]:
    answer = airflow.get("dags/sparkify/tasks").raise_for_status()
    return {task["task_id"] for task in answer.json()["tasks"]}


def test_make_up_adds_the_task_of_a_new_model_and_removes_that_of_a_deleted_one(
    airflow: httpx.Client, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack, "ROOT", checkout)
    model = checkout / "dbt_sparkify" / "models" / "reporting" / "plays_by_nobody.sql"
    before = task_ids(airflow)

    model.write_text("select user_id from {{ ref('songplays') }} where user_id is null")
    try:
        stack.start_airflow()
        assert task_ids(airflow) - before == {"reporting.plays_by_nobody"}
    finally:
        model.unlink()
        stack.start_airflow()
    assert task_ids(airflow) == before
