"""What an hourly run costs as history grows: `python -m bench.hourly_run`.

For each length of history: load all of it, build the models up to the marts, then shorten the last
day's file, load it again and build once more, three times. Only these builds are timed, and the
fastest counts, because other work on the machine can only slow a build down.
"""

import os
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from tabulate import tabulate

HISTORIES = (7, 28, 112)
START = date(2018, 1, 1)
SHARES = (0.75, 0.5, 0.25)  # of the last day's events
MODELS = ("run", "--quiet", "--exclude", "path:dbt_sparkify/models/reporting")


def measure(days: int) -> tuple[int, float]:
    """Return the number of events in `days` of history, and the seconds an hourly build takes."""
    from local import stack
    from local.events import generate

    generated = generate(stack.BUCKET_FOLDER, start=START, days=days, users=100, songs=300)
    environment = {**os.environ, **stack.start_warehouse()}
    try:
        load = (sys.executable, "-m", "include.load.command_line")
        run(environment, *load, "--events-prefix=log_data/")
        dbt = str(Path(sys.executable).with_name("dbt"))
        run(environment, dbt, *MODELS)
        last = START + timedelta(days=days - 1)
        prefix = f"log_data/{last:%Y/%m/%Y-%m-%d}"
        file = stack.BUCKET_FOLDER / f"{prefix}-events.json"
        lines = file.read_bytes().splitlines()
        seconds = []
        for share in SHARES:
            file.write_bytes(b"\n".join(lines[: int(len(lines) * share)]))
            stack.upload_bucket(environment["SPARKIFY_LOCAL_S3"])
            run(environment, *load, f"--events-prefix={prefix}")
            began = time.perf_counter()
            run(environment, dbt, *MODELS)
            seconds.append(time.perf_counter() - began)
        return generated.events, min(seconds)
    finally:
        stack.stop()


def run(environment: dict[str, str], *command: str) -> None:
    """Run a command silently; raise CalledProcessError if it fails."""
    subprocess.run(command, env=environment, check=True, capture_output=True)


def main() -> None:
    """Measure each history in its own process, and print the ratios to the shortest."""
    rows = []
    for days in HISTORIES:
        with tempfile.TemporaryDirectory(prefix="sparkify-bench-") as state:
            answer = subprocess.run(
                [sys.executable, "-c", f"from bench.hourly_run import *; print(*measure({days}))"],
                env={**os.environ, "SPARKIFY_LOCAL_STATE": state},
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
        events, seconds = answer.stdout.split()
        rows.append((days, int(events), float(seconds)))
        print(f"{days} days done", file=sys.stderr, flush=True)
    shortest = rows[0]
    print(
        tabulate(
            [
                (days, events, events / shortest[1], seconds / shortest[2])
                for days, events, seconds in rows
            ],
            headers=["days", "events", "history, ratio", "hourly build, ratio"],
            intfmt=",",
            floatfmt=".2f",
        )
    )


if __name__ == "__main__":
    main()
