"""The load of the days that a run has to look at, late files and outages included."""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, time, timedelta
from logging import getLogger
from typing import Any, cast

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from include.load import audit
from include.load.errors import attempting
from include.load.operator import StageToRedshiftOperator

log = getLogger(__name__)


class StageDaysToRedshiftOperator(StageToRedshiftOperator):
    """Load the partitions of the run's days, or those under a prefix that the run names.

    The days are those of the data interval, those since the last scheduled run that ended well,
    and the `late_days` before, whose files may have come late.

    :param s3_key: prefix of the run's own; when it is rendered empty, the days count (templated)
    :param day_key: Jinja template that gives the prefix of a `day`
    :param late_days: how many earlier days to look at
    """

    def __init__(self, *, day_key: str, late_days: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.day_key = day_key
        self.late_days = late_days
        self.day_prefixes: list[str] = []

    @property
    def prefixes(self) -> list[str]:
        """The prefixes of the days, or the run's own."""
        return self.day_prefixes or [self.s3_key]

    def execute(self, context: Context) -> dict[str, Any]:  # type: ignore[override]
        """Load, and note how far a scheduled run has looked."""
        if self.s3_key:
            return super().execute(context)
        run = context["dag_run"]
        # A run that was triggered by hand may have no data interval.
        start = context.get("data_interval_start") or run.run_after
        end = context.get("data_interval_end") or start
        days = due_days(start, end, self.late_days, self.covered_through())
        rendered = (
            self.render_template(self.day_key, cast("Context", {**context, "day": day}))
            for day in days
        )
        self.day_prefixes = list(dict.fromkeys(rendered))
        log.info("Looking under %s.", ", ".join(self.prefixes))
        try:
            summary = super().execute(context)
        except AirflowSkipException:
            if run.run_type == "scheduled":
                self.cover(end)
            raise
        if run.run_type == "scheduled":
            self.cover(end)
        return summary

    def covered_through(self) -> datetime | None:
        """Return the end of what scheduled runs have looked at."""
        with closing(self.connect()) as connection, attempting("Reading the load audit"):
            return audit.covered_through(connection.cursor(), self.target)

    def cover(self, through: datetime) -> None:
        """Note that a scheduled run has looked at everything up to `through`."""
        with closing(self.connect()) as connection, attempting("Writing the load audit"):
            audit.cover(connection.cursor(), self.target, through)
            connection.commit()


def due_days(
    start: datetime, end: datetime, late_days: int, covered_through: datetime | None
) -> Sequence[datetime]:
    """Return the days (UTC, at midnight) to look at for the interval from `start` to `end`."""
    first, last = start.astimezone(UTC), max(start, end - timedelta(microseconds=1)).astimezone(UTC)
    if covered_through is not None:
        first = min(first, covered_through)
    first_day = first.date() - timedelta(days=late_days)
    return [
        datetime.combine(first_day + timedelta(days=number), time(), UTC)
        for number in range((last.date() - first_day).days + 1)
    ]
