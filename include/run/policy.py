"""When the DAG runs, what a run may be told, and how often its tasks try again."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import CronDataIntervalTimetable, Param
from airflow.sdk.exceptions import AirflowFailException

from include.settings import settings

# The timetable, not the bare cron: that would give each run an interval without length.
SCHEDULE = (
    CronDataIntervalTimetable(settings().schedule, timezone="UTC") if settings().schedule else None
)

# One Param each: a run that sets a shared one sets both names.
PARAMS = {
    name: Param(None, type=["null", "string"], description=description)
    for name, description in {
        "events_prefix": "Start of the keys of the events to load, instead of the run's days: "
        "log_data/2018/11/ for a month",
        "songs_prefix": "Start of the keys of the songs to load, instead of the whole catalogue",
    }.items()
} | {
    "reload": Param(False, type="boolean", description="Load what has not changed, too"),
}

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "Data Engineering",  # as dbt's group, which owns what no group of models does
    "retries": settings().retries,
    "retry_delay": timedelta(seconds=settings().retry_delay_seconds),
}


def refuse_unknown_parameters(conf: Mapping[str, Any] | None) -> None:
    """Raise AirflowFailException when a run sets a parameter that the DAG does not have.

    Airflow checks the values of the parameters that it knows, and takes all others.
    """
    if unknown := sorted(set(conf or {}) - set(PARAMS)):
        raise AirflowFailException(
            f"The run sets the unknown parameter {', '.join(unknown)}; the DAG has "
            f"{', '.join(PARAMS)}. Nothing was done. Trigger it again."
        )
