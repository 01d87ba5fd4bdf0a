"""`make doctor`: run the checks, print a table, write a report that can be sent in.

Exit status 1 tells that there is a fault.
"""

import argparse
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.sdk.exceptions import AirflowNotFoundException
from tqdm import tqdm

from include.doctor.checks import (
    CHECKS,
    QUESTIONS,
    Check,
    FaultError,
    Reached,
    SkippedError,
    server_text,
)
from include.doctor.report import Finding, Outcome, report, secrets_in, table, without
from include.settings import PROJECT_ROOT, settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all checks and return the exit status."""
    parser = argparse.ArgumentParser(prog="make doctor", description=__doc__)
    parser.add_argument("--report", type=Path, default=PROJECT_ROOT / "target" / "doctor.json")
    parser.add_argument(
        "--scratch", default="", help="a prefix of the bucket, as in tmp/, for two small objects"
    )
    asked = parser.parse_args(arguments)
    total = len(CHECKS) + len(QUESTIONS)
    found = examine(Reached(scratch=asked.scratch))
    findings = list(tqdm(found, total=total, desc="checking", unit="check", disable=None))
    secrets = known_secrets()
    print(without(secrets, table(findings)))
    asked.report.parent.mkdir(parents=True, exist_ok=True)
    asked.report.write_text(without(secrets, report(findings, settings().model_dump())))
    faults = [finding for finding in findings if finding.outcome == "fault"]
    print(f"\n{len(faults)} faults. The report, without secrets, is {asked.report}.")
    return 1 if faults else 0


def examine(reached: Reached, checks: Sequence[Check] = CHECKS) -> Iterator[Finding]:
    """Run each check and yield what it found; what a check does not foresee is a fault, too."""
    try:
        for check in checks:
            yield run(check, reached, "ok", "fault")
        for question in QUESTIONS:
            yield run(question, reached, "note", "note")
    finally:
        if reached.connection is not None:
            reached.connection.close()


def run(check: Check, reached: Reached, good: Outcome, bad: Outcome) -> Finding:
    """Run one check; `good` and `bad` are what its two endings count as."""
    name = check.__name__.replace("_", " ")
    started = time.monotonic()
    cure = ""
    try:
        outcome, detail = good, check(reached)
    except SkippedError as skip:
        outcome, detail = "skipped", str(skip)
    except FaultError as fault:
        outcome, detail, cure = bad, fault.detail, fault.cure
    except Exception as error:  # the report is to say so, and the other checks are to run
        outcome, detail = bad, f"{type(error).__name__}: {server_text(error)}"
        cure = "Send the report in." if bad == "fault" else ""
    return Finding(name, outcome, detail, cure, round(time.monotonic() - started, 1))


def known_secrets() -> set[str]:
    """Return every secret of the connections."""
    secrets: set[str] = set()
    for conn_id in settings().connections:
        try:
            connection = S3Hook.get_connection(conn_id)
        except AirflowNotFoundException:
            continue  # the check of the connections tells
        fields: dict[str, Any] = {"password": connection.password, **connection.extra_dejson}
        secrets |= secrets_in(fields)
    return secrets


if __name__ == "__main__":
    logging.getLogger("airflow").setLevel(logging.ERROR)
    sys.exit(main())
