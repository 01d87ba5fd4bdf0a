"""What a whole hour costs as history grows: `python -m bench.whole_hour`.

For each length of history: load and build all of it once. Then the file of the last day grows, as
it does from hour to hour, and each part of the hour runs: load, models, reports, tests, publishing.
Seconds are of the fastest of the hours, because other work on the machine can only slow a part
down; rows are those that PostgreSQL read of all tables in the last hour. Beside them, in the same
run, the way that loads and transforms everything again each hour (bench/naive.py).
"""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from tabulate import tabulate

from bench import naive
from bench.measuring import DBT, LOAD, in_own_process, rows_read, run, session, settle, warehouse

START = date(2018, 1, 1)
EVENTS_OF_A_USER = 4  # a day, as the generator has it
SONGS = 300
REPORTS = "path:dbt_sparkify/models/reporting"
REACH = 1.2
NO_UNIT_TESTS = ("--exclude", "resource_type:unit_test")
PUBLISH = (sys.executable, "-m", "include.publish.command_line", "publish")


def measure(months: int, events_per_day: int, hours: int) -> dict[str, Any]:
    """Return the number of events, and seconds and rows read of each part and of the naive way."""
    from local import s3, stack
    from local.events import generate

    days = 30 * months
    users = events_per_day // EVENTS_OF_A_USER
    generated = generate(stack.BUCKET_FOLDER, start=START, days=days, users=users, songs=SONGS)
    last = START + timedelta(days=days - 1)
    key = f"log_data/{last:%Y/%m/%Y-%m-%d}-events.json"
    file = stack.BUCKET_FOLDER / key
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[: len(lines) // (hours + 1)]))
    with warehouse() as environment:
        client = s3.client(environment["SPARKIFY_LOCAL_S3"])
        names = {
            "bucket": environment["SPARKIFY_S3_BUCKET"],
            "role": environment["SPARKIFY_COPY_ROLE_ARN"],
        }
        run(environment, *LOAD, "--events-prefix=log_data/")
        run(environment, *dbt("build", *NO_UNIT_TESTS))
        run(environment, *PUBLISH)
        with session(environment) as cursor:
            naive.execute(cursor, naive.TABLES)
        pass_gate(environment)
        settle(environment)
        hourly = {**environment, "SPARKIFY_WHOLE_RUN": "false"}
        parts: dict[str, Callable[[], None]] = {
            "load": lambda: run(environment, *LOAD, f"--events-prefix=log_data/{last:%Y/%m}/"),
            "models": lambda: run(hourly, *dbt("run", "--exclude", REPORTS)),
            "reports": lambda: run(hourly, *dbt("run", "--select", REPORTS)),
            "tests": lambda: run(hourly, *dbt("test", *NO_UNIT_TESTS)),
            "publishing": lambda: run(environment, *PUBLISH),
            "naive": lambda: naive_hour(environment, names),
        }
        costs: dict[str, tuple[float, int]] = {}
        for hour in range(1, hours + 1):
            body = b"".join(lines[: len(lines) * (hour + 1) // (hours + 1)])
            client.put_object(Bucket=names["bucket"], Key=key, Body=body)
            for name, part in parts.items():
                before, began = rows_read(environment), time.perf_counter()
                part()
                seconds = time.perf_counter() - began
                fastest = min(seconds, costs.get(name, (seconds, 0))[0])
                costs[name] = (fastest, rows_read(environment) - before)
            pass_gate(environment)
    return {"events": generated.events, "costs": costs}


def dbt(command: str, *arguments: str) -> list[str]:
    """Return a dbt command on the production target."""
    return [DBT, "--quiet", command, "--target", "prod", *arguments]


def pass_gate(environment: Mapping[str, str]) -> None:
    """Note, as the DAG does, that all loads so far have passed the gate."""
    with session(environment) as cursor:
        cursor.execute(
            "insert into ops.gates (target_schema, project, through_load_id, run_id, recorded_at) "
            "select 'analytics', 'bench', max(load_id), 'bench', sysdate from \"raw\".load_history"
        )


def naive_hour(environment: Mapping[str, str], names: Mapping[str, str]) -> None:
    """Load and transform all of the bucket."""
    with session(environment) as cursor:
        naive.execute(cursor, naive.EMPTY)
        naive.execute(cursor, naive.COPY, **names)
        naive.execute(cursor, naive.TRANSFORM)


def main() -> None:
    """Measure each length of history and print seconds, rows read and their ratios."""
    parser = argparse.ArgumentParser(prog="python -m bench.whole_hour")
    parser.add_argument("--months", type=int, nargs="+", default=[1, 6, 24])
    parser.add_argument("--events-per-day", type=int, default=2_000)
    parser.add_argument("--hours", type=int, default=3, help="how many hours to run")
    arguments = parser.parse_args()
    results = []
    for months in arguments.months:
        began = time.monotonic()
        results.append(
            in_own_process(
                "bench.whole_hour:measure",
                months=months,
                events_per_day=arguments.events_per_day,
                hours=arguments.hours,
            )
        )
        print(f"{months} months: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    for number, unit in enumerate(("seconds", "rows read")):
        print(f"\n{table(arguments.months, results, number, unit)}")


def table(months: list[int], results: list[dict[str, Any]], number: int, unit: str) -> str:
    """Return one table: a row for each history, and the last one's ratios to the first."""
    parts = [name for name in results[0]["costs"] if name != "naive"]
    rows = []
    for length, result in zip(months, results, strict=True):
        costs = {name: cost[number] for name, cost in result["costs"].items()}
        ours = [costs[name] for name in parts]
        rows.append([length, result["events"], *ours, sum(ours), costs["naive"]])
    ratios = [last / first if first else 0.0 for first, last in zip(rows[0], rows[-1], strict=True)]
    headers = [f"months ({unit})", "events", *parts, "whole hour", "naive load and models"]
    text = tabulate(rows, headers=headers, intfmt=",", floatfmt=",.1f" if number == 0 else ",.0f")
    return (
        f"{text}\n{months[-1]} months to {months[0]}: the whole hour {ratios[-2]:.2f} times the "
        f"{unit} (reach: {REACH}), "
        + ", ".join(f"{part} {ratio:.2f}" for part, ratio in zip(parts, ratios[2:], strict=False))
        + f"; the naive way {ratios[-1]:.2f} times."
    )


if __name__ == "__main__":
    main()
