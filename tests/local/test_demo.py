"""What the demo says of a run that does not succeed."""

import httpx

from local import demo


def airflow() -> httpx.Client:
    """Return a client of an Airflow in which one task failed."""
    tasks = [
        {"task_id": "stage_events", "state": "failed", "end_date": "2018-11-05"},
        {"task_id": "find_work", "state": "upstream_failed", "end_date": "2018-11-06"},
    ]
    answer = httpx.MockTransport(lambda _: httpx.Response(200, json={"task_instances": tasks}))
    return httpx.Client(base_url="http://airflow", transport=answer)


def test_a_failed_run_names_its_failed_tasks() -> None:
    said = demo.describe_failure(airflow(), "manual__1", "failed", "http://airflow")
    assert said.startswith("The run failed in these tasks: stage_events. ")


def test_a_run_that_takes_too_long_has_not_failed() -> None:
    state = "still running after ten minutes"
    said = demo.describe_failure(airflow(), "manual__1", state, "http://airflow")
    assert said == (
        "The run is still running after ten minutes. "
        "See how it goes on at http://airflow/dags/sparkify/runs/manual__1."
    )
