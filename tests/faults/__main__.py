"""`make faults`: inject every fault, one at a time, print the matrix and write docs/faults.md."""

import argparse
import datetime
import os
import platform
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
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
            print(f"{name} …", file=sys.stderr, flush=True)
            started = time.monotonic()
            found: list[Row] = []
            with pipeline(warehouse) as one:
                for row in case(one):
                    found.append(row)
                    if not row.is_good:
                        print(row, file=sys.stderr, flush=True)
            print(f"{name}: {len(found)} faults, {time.monotonic() - started:.0f} s", flush=True)
            write_document(name, statements(case), found)
            rows += found
    finally:
        stack.stop()
    print(tabulate(summary(rows), headers=HEADERS))
    return int(any(not row.is_good for row in rows))


def write_document(name: str, at: str, rows: Sequence[Row]) -> None:
    """Put what came of a case into the document, in the place of what its last run showed."""
    page, *parts = DOCUMENT.read_text().split("\n## ")
    sections = {part.partition("\n")[0]: part for part in parts}
    today = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    bad = sum(not row.is_good for row in rows) or "none"
    sections[name] = "\n\n".join(
        [
            name,
            f"{today}, {machine()}. Faults: {len(rows)}{at}; {bad} left something behind.",
            tabulate(summary(rows), headers=HEADERS, tablefmt="pipe"),
        ]
    )
    order = [each for each in all_cases(1, 1, 1) if each in sections]
    texts = [page, *(sections[each] for each in order)]
    DOCUMENT.write_text("\n\n## ".join(text.strip() for text in texts) + "\n")


def statements(case: Case) -> str:
    """Return at which statements a case strikes, where it goes through them."""
    every = case.keywords.get("every") if isinstance(case, partial) else None
    return {None: "", 1: ", at each statement"}.get(every, f", at 1 in {every} statements")


if __name__ == "__main__":
    sys.exit(main())
