"""The days that a run looks at: its own, late ones, and those of an outage."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.load.days import due_days
from include.load.tasks import stage_events
from tests.sparkify_data import event
from tests.warehouse import Warehouse

HOUR = timedelta(hours=1)
COVERED = 'select covered_through from "raw".load_coverage'


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2018, 11, day, hour, tzinfo=UTC)


def days(
    start: datetime, end: datetime, late_days: int = 0, covered: datetime | None = None
) -> list[int]:
    return [day.day for day in due_days(start, end, late_days, covered)]


def test_an_interval_has_the_days_that_it_touches() -> None:
    assert days(at(5, 13), at(5, 14)) == [5]
    assert days(at(5, 23), at(6)) == [5]
    assert days(at(5), at(8)) == [5, 6, 7]
    assert days(at(5, 13), at(5, 13)) == [5]
    assert days(datetime.fromisoformat("2018-11-05T20:00-05:00"), at(6, 2)) == [6]


def test_late_days_before_the_interval_are_looked_at() -> None:
    assert days(at(5, 13), at(5, 14), late_days=3) == [2, 3, 4, 5]


def test_days_that_no_run_has_covered_are_looked_at() -> None:
    assert days(at(9, 13), at(9, 14), covered=at(5, 8)) == [5, 6, 7, 8, 9]
    assert days(at(9, 13), at(9, 14), 1, covered=at(5, 8)) == [4, 5, 6, 7, 8, 9]
    assert days(at(9, 13), at(9, 14), covered=at(9, 13)) == [9]
    assert days(at(2, 13), at(2, 14), covered=at(9, 13)) == [2]  # a backfill


def run(
    start: datetime | None, run_type: str = "scheduled", prefix: str = "", run_id: str = "run"
) -> dict[str, Any]:
    """Execute the load of events as a run of one hour from `start`, by the DAG's own templates."""
    operator = stage_events("stage_events")
    context: Any = {
        "run_id": run_id,
        "params": {"events_prefix": prefix or None, "reload": False},
        "dag_run": SimpleNamespace(run_type=run_type, run_after=at(5, 14)),
    }
    if start:
        context |= {"data_interval_start": start, "data_interval_end": start + HOUR}
    operator.render_template_fields(context)
    return operator.execute(context)


def put_day(warehouse: Warehouse, day: int) -> None:
    warehouse.put_events(f"log_data/2018/11/2018-11-{day:02d}-events.json", [event(day)])


def loaded(warehouse: Warehouse) -> list[int]:
    rows = warehouse.rows('select iteminsession from "raw".staging_events order by 1')
    return [item for (item,) in rows]


def test_a_file_that_comes_days_late_is_loaded_by_the_next_run(warehouse: Warehouse) -> None:
    put_day(warehouse, 5)
    run(at(5, 13))
    put_day(warehouse, 2)
    put_day(warehouse, 1)
    run(at(5, 14))
    assert loaded(warehouse) == [2, 5]


def test_an_outage_loses_nothing(warehouse: Warehouse) -> None:
    put_day(warehouse, 1)
    run(at(1, 13))
    for day in (2, 3, 20):
        put_day(warehouse, day)
    run(at(20, 13))
    assert loaded(warehouse) == [1, 2, 3, 20]
    assert warehouse.rows(COVERED) == [(datetime(2018, 11, 20, 14),)]


def test_an_idle_hour_is_skipped_and_is_covered(warehouse: Warehouse) -> None:
    with pytest.raises(AirflowSkipException, match="Nothing lies under s3://sparkify/log_data/"):
        run(at(5, 13))
    assert warehouse.rows(COVERED) == [(datetime(2018, 11, 5, 14),)]


def test_a_run_that_failed_covers_nothing(warehouse: Warehouse) -> None:
    lines = [json.dumps(event(item, status="x")) for item in range(101)]
    warehouse.put("log_data/2018/11/2018-11-05-events.json", "\n".join(lines).encode())
    with pytest.raises(AirflowFailException, match="more than 100 lines were refused"):
        run(at(5, 13))
    assert warehouse.rows(COVERED) == []


def test_only_scheduled_runs_cover(warehouse: Warehouse) -> None:
    put_day(warehouse, 5)
    run(at(5, 13), run_type="backfill")
    put_day(warehouse, 4)
    run(None, run_type="manual")  # without an interval: the day on which it was triggered
    assert loaded(warehouse) == [4, 5]
    assert warehouse.rows(COVERED) == []


def test_a_run_may_name_its_own_prefix(warehouse: Warehouse) -> None:
    put_day(warehouse, 5)
    put_day(warehouse, 20)
    run(at(5, 13), prefix="log_data/2018/11/2018-11-2")
    assert loaded(warehouse) == [20]
    assert warehouse.rows(COVERED) == []


@pytest.mark.parametrize(
    ("prefix", "hint"),
    [
        ("/log_data/2018/11/", "did you mean log_data/2018/11/?"),
        ("s3://sparkify/log_data/2018/11/", "did you mean log_data/2018/11/?"),
        (" log_data/2018/11/ ", "did you mean log_data/2018/11/?"),
        ("s3://other/log_data/2018/11/", "The bucket is sparkify, not other"),
        ("log_data/2018/13/", "Check the bucket and the prefix."),
    ],
)
def test_a_prefix_that_a_person_typed_must_have_something_under_it(
    warehouse: Warehouse, prefix: str, hint: str
) -> None:
    put_day(warehouse, 5)
    with pytest.raises(AirflowFailException) as caught:
        run(at(5, 13), run_type="manual", prefix=prefix)
    assert f"Nothing lies under s3://sparkify/{prefix}." in str(caught.value)
    assert hint in str(caught.value)
    assert loaded(warehouse) == []
