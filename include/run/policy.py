"""When the DAG runs, what a run may be told, and how often its tasks try again."""

from datetime import timedelta
from typing import Any

from airflow.sdk import CronDataIntervalTimetable, Param

from include.settings import settings

# The timetable, not the bare cron: that would give each run an interval without length.
SCHEDULE = (
    CronDataIntervalTimetable(settings().schedule, timezone="UTC") if settings().schedule else None
)

# One Param each: a run that sets a shared one sets both names.
PARAMS = {
    name: Param(None, type=["null", "string"], description="S3 prefix to load instead of the usual")
    for name in ("events_prefix", "songs_prefix")
}

DEFAULT_ARGS: dict[str, Any] = {
    "retries": settings().retries,
    "retry_delay": timedelta(seconds=settings().retry_delay_seconds),
}
