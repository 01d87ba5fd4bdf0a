"""When the DAG runs, what a run may be told, and how often its tasks try again."""

from collections.abc import Mapping
from copy import copy
from datetime import timedelta
from typing import Any

from airflow.sdk import CronDataIntervalTimetable, Param
from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference
from airflow.sdk.exceptions import AirflowFailException, ParamValidationError

from include.alerts.callbacks import on_missed_deadline, on_task_failure
from include.settings import settings

# The timetable, not the bare cron: that would give each run an interval without length.
SCHEDULE = (
    CronDataIntervalTimetable(settings().schedule, timezone="UTC") if settings().schedule else None
)

# What a prefix must match, and what to do where it does not. The schema carries the advice, because
# Airflow's form and API answer with the rule that a value breaks, and nothing else.
PREFIX_RULES = {
    r"^(?!\s*[sS]3:)": "Leave out s3:// and the bucket: a prefix is the start of a key.",
    r"^(?!\s*/)": "Leave out the slash in front: keys do not begin with one.",
    r"^(?!['\"`])(?!.*['\"`]$)": "Leave out the quotes around it.",
    r"^(?!\s)(?!.*\s$)": "Leave out the blanks around it.",
    r"^[^\x00-\x1f\x7f]*$": "Write it on one line, without control characters.",
    r"^[^*]*$": "Leave out the asterisk: all keys that begin so are loaded.",
    r"^[\s\S]{0,1024}$": "Shorten it: a key of S3 has 1,024 bytes at most.",
}


def prefix(title: str, description: str, example: str) -> Param:
    """Return a parameter of a run that takes the start of a key of S3, or nothing."""
    rules = [{"pattern": pattern, "title": advice} for pattern, advice in PREFIX_RULES.items()]
    return Param(
        None,
        description=description,
        title=title,
        type=["null", "string"],
        examples=[example],
        allOf=rules,
    )


# One Param each: a run that sets a shared one sets both names.
PARAMS = {
    "events_prefix": prefix(
        "Prefix of events",
        "Start of the keys of the events to load, instead of the run's days: log_data/2018/11/ for "
        "a month.",
        "log_data/2018/11/",
    ),
    "songs_prefix": prefix(
        "Prefix of songs",
        "Start of the keys of the songs to load, instead of the whole catalogue: song_data/A/ for "
        "a folder.",
        "song_data/A/",
    ),
    "reload": Param(
        False,
        description="Load what has not changed since its last load, too.",
        title="Reload",
        type="boolean",
    ),
    "whole_gate": Param(
        None,
        description="Judge all history and rebuild the reports of all time (true), or what is new "
        "alone (false). Empty: all history in a day's first run, behind a rebuild by hand, and in "
        "a run that a person triggers.",
        title="Whole gate",
        type=["null", "boolean"],
    ),
}

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "Data Engineering",  # as dbt's group, which owns what no group of models does
    "retries": settings().retries,
    "retry_delay": timedelta(seconds=settings().retry_delay_seconds),
    "on_failure_callback": on_task_failure,
}

# Counted from when the run was queued: a run that waits for a worker is late, too.
DEADLINE = DeadlineAlert(
    reference=DeadlineReference.DAGRUN_QUEUED_AT,
    interval=timedelta(minutes=settings().deadline_minutes),
    callback=SyncCallback(on_missed_deadline),  # in the executor: there is no triggerer
)


def refuse_faulty_parameters(conf: Mapping[str, Any] | None) -> None:
    """Raise AirflowFailException when a run sets a parameter that the DAG does not have or take.

    Airflow checks the values of the parameters that it knows when somebody triggers a run, and
    takes all others. Runs of a backfill and of its command line come here unchecked.
    """
    conf = conf or {}
    faults = [
        f"unknown parameter {name}; the DAG has {', '.join(PARAMS)}."
        for name in sorted(set(conf) - set(PARAMS))
    ] + [
        f"parameter {name} is {conf[name]!r}. {advice}"
        for name, param in PARAMS.items()
        if name in conf and (advice := advice_on(param, conf[name]))
    ]
    if faults:
        listed = "\n  ".join(faults)
        raise AirflowFailException(
            f"Nothing was done, as the run sets what it must not:\n  {listed}\nTrigger it again."
        )


def advice_on(param: Param, value: Any) -> str | None:
    """Return what to do about a value that the parameter does not take, or None where it does."""
    try:
        copy(param).resolve(value)
    except ParamValidationError as error:
        [broken] = error.args  # jsonschema's ValidationError
        return str(broken.schema["title"] if broken.validator == "pattern" else broken.message)
    return None
