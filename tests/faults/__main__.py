"""`make faults`: inject every fault, one at a time, print the matrix and write docs/faults.md."""

import argparse
import datetime
import json
import os
import platform
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial

import psutil
from tabulate import tabulate

import tests.conftest as conftest  # first: it sets what local.stack reads when it is imported
from local import stack
from tests.faults import cases, scheduler
from tests.faults.pipeline import Pipeline, Row, pipeline
from tests.stack.conftest import LEFT_OUT
from tests.warehouse import Warehouse

DOCUMENT = conftest.ROOT / "docs" / "faults.md"
RESULTS = conftest.ROOT / "target" / "faults"
MATRIX = "<!-- make faults writes what follows -->"
HEADERS = (
    "fault",
    "where",
    "tried",
    "attempts",
    "what happened",
    "tables",
    "readers",
    "load audit",
)

Case = Callable[[Pipeline], Iterator[Row]]


def all_cases(every: int, kills: int, seed: int) -> dict[str, Case]:
    """Return the cases by name; of the statements, only each `every`th is struck."""
    return {
        "load": partial(cases.lost_connections, every=every),
        "s3": cases.faults_of_s3,
        "objects": cases.objects_that_change,
        "errors": cases.failing_statements,
        "refused": cases.refused_connections,
        "two-loads": cases.two_loads_of_one_interval,
        "killed-loads": partial(cases.killed_loads, kills=kills, seed=seed),
        "models": partial(cases.lost_connections_of_models, every=every),
        "killed-models": partial(cases.killed_models, kills=kills, seed=seed),
        "publishing": partial(cases.lost_connections_of_publishing, every=every),
        "scheduler-task": partial(scheduler.killed_tasks, kills=kills, seed=seed),
        "scheduler-killed": partial(scheduler.killed_scheduler, kills=kills, seed=seed),
        "scheduler-redshift": partial(scheduler.stopped_redshift, kills=kills, seed=seed),
        "scheduler-two-runs": scheduler.two_runs,
        "scheduler-backfill": scheduler.backfill_beside_the_schedule,
    }


def copy_checkout() -> None:
    """Let Airflow run in a copy of the checkout, whose `target/` its tasks write."""
    checkout = conftest.STATE / "checkout"
    shutil.copytree(conftest.ROOT, checkout, ignore=shutil.ignore_patterns(*LEFT_OUT))
    (checkout / ".venv").symlink_to(conftest.ROOT / ".venv")
    stack.ROOT = checkout


def summary(rows: Sequence[Row]) -> list[tuple[object, ...]]:
    """Return one line of the matrix for each fault and place, over all its statements."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.fault, row.where.partition(", statement")[0]), []).append(row)
    lines = []
    for (fault, where), group in groups.items():
        attempts = sorted({row.attempts for row in group})
        differ = sum(not row.is_good for row in group)
        lines.append(
            (
                fault,
                where,
                len(group),
                " or ".join(map(str, attempts)),
                most_common(row.happened for row in group),
                f"{differ} DIFFER" if differ else "equal",
                most_common(row.readers for row in group),
                most_common(row.audit for row in group),
            )
        )
    return lines


def most_common(texts: Iterator[str]) -> str:
    """Return the text that comes most often, and how many others there are."""
    counted = Counter(text.replace("|", "/") for text in texts)
    [(text, _)] = counted.most_common(1)
    return f"{text} (and {len(counted) - 1} others)" if len(counted) > 1 else text


def machine() -> str:
    """Return the class of this machine."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}"
    )


def main() -> int:
    """Run the cases; return 1 when a fault left something behind."""
    names = list(all_cases(1, 1, 1))
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument(
        "cases", nargs="*", metavar="case", help=f"of {', '.join(names)}, or how some begin"
    )
    parser.add_argument("--every", type=int, default=1, help="strike each nth statement only")
    parser.add_argument("--kills", type=int, default=3, help="processes to kill, of each kind")
    parser.add_argument("--seed", type=int, default=1, help="of the moments to kill at")
    arguments = parser.parse_args()
    begins = arguments.cases or [""]
    for begin in begins:
        if not any(name.startswith(begin) for name in names):
            parser.error(f"no such case: {begin}")
    every, kills, seed = arguments.every, arguments.kills, arguments.seed
    copy_checkout()
    warehouse = Warehouse(stack.start_warehouse())
    rows: list[Row] = []
    try:
        for name, case in all_cases(every, kills, seed).items():
            if not name.startswith(tuple(begins)):
                continue
            started = time.monotonic()
            found: list[Row] = []
            with pipeline(warehouse) as one:
                for row in case(one):
                    found.append(row)
                    keep(name, every, found)
                    if not row.is_good:
                        print(row, file=sys.stderr, flush=True)
            print(f"{name}: {len(found)} faults, {time.monotonic() - started:.0f} s", flush=True)
            rows += found
    finally:
        stack.stop()
    print(tabulate(summary(rows), headers=HEADERS))
    write_document(names)
    return int(any(not row.is_good for row in rows))


def keep(name: str, every: int, rows: Sequence[Row]) -> None:
    """Keep what came of a case, for the document."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    result = {
        "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        "statements": "each" if every == 1 else f"1 in {every}",
        "rows": [asdict(row) for row in rows],
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(result))


def write_document(names: Sequence[str]) -> None:
    """Put the matrix of all cases, each as it ran last, behind the document's own text.

    The results are those of this checkout, in `target/faults`.
    """
    parts = [DOCUMENT.read_text().partition(MATRIX)[0] + MATRIX, f"Machine: {machine()}."]
    if missing := [name for name in names if not (RESULTS / f"{name}.json").exists()]:
        parts.append(f"These cases have not run there: {', '.join(missing)}.")
    for name in (each for each in names if each not in missing):
        result = json.loads((RESULTS / f"{name}.json").read_text())
        rows = [Row(**row) for row in result["rows"]]
        bad = sum(not row.is_good for row in rows)
        parts.append(
            f"## {name}\n\n{result['date']}, {len(rows)} faults"
            + (f", at {result['statements']} statements" if "statement" in rows[0].where else "")
            + f"; {bad or 'none'} left something behind."
        )
        parts.append(tabulate(summary(rows), headers=HEADERS, tablefmt="pipe"))
    DOCUMENT.write_text("\n\n".join(parts) + "\n")


if __name__ == "__main__":
    sys.exit(main())
