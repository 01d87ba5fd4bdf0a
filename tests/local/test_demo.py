"""What the demo says of a run that does not end in time."""

import httpx

from local import demo


def test_a_run_that_takes_too_long_has_not_failed() -> None:
    with httpx.Client() as unasked:
        said = demo.describe_failure(
            unasked, "manual__1", "still running after ten minutes", "http://airflow"
        )
    assert said == (
        "The run is still running after ten minutes. "
        "See how it goes on at http://airflow/dags/sparkify/runs/manual__1."
    )
