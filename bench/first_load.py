"""What a first load of many partitions costs: `python -m bench.first_load --songs 6760`.

Songs lie in 676 two-letter folders, each of which is a partition. Beside our load of all of them:
one COPY of the whole prefix into a table of the same columns, which keeps no audit, no partition
and no change feed. Then the load again, with nothing changed and with one folder changed. CPU
seconds are those of all processes together: the load, the emulator, PostgreSQL and S3.
"""

import argparse
import os
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from tabulate import tabulate

from bench import naive
from bench.measuring import in_own_process, session, warehouse
from bench.rebuild import watched

START = date(2018, 11, 1)
FOLDERS = 26 * 26
STEPS = ("first load", "one COPY", "nothing changed", "one folder changed")


def measure(songs: int) -> dict[str, Any]:
    """Return the number of partitions; and of each step seconds, CPU seconds and statements."""
    from local import s3, stack
    from local.events import generate

    generate(stack.BUCKET_FOLDER, start=START, days=1, users=1, songs=songs)
    partitions = spread(stack.BUCKET_FOLDER / "song_data")
    steps: list[tuple[float, float, int, int]] = []
    with warehouse() as environment:
        os.environ.update(environment)

        def step(action: Callable[[], tuple[int, int]]) -> None:
            with watched() as (_, cpu_seconds):
                began, cpu = time.perf_counter(), time.process_time()
                counts = action()
                seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
            steps.append((seconds, cpu + sum(cpu_seconds.values()), *counts))

        prepare()
        step(load)
        with session(environment) as cursor:
            naive.execute(cursor, naive.TABLES)

            def one_copy() -> tuple[int, int]:
                cursor.execute(
                    f"copy naive.staging_songs from 's3://{environment['SPARKIFY_S3_BUCKET']}/"
                    f"song_data' iam_role '{environment['SPARKIFY_COPY_ROLE_ARN']}' json 'auto'"
                )
                return 1, 0

            step(one_copy)
        step(load)
        path = next((stack.BUCKET_FOLDER / "song_data").rglob("*.json"))
        s3.client(environment["SPARKIFY_LOCAL_S3"]).put_object(
            Bucket=environment["SPARKIFY_S3_BUCKET"],
            Key=path.relative_to(stack.BUCKET_FOLDER).as_posix(),
            Body=path.read_bytes() + b"\n",
        )
        step(load)
    return {"partitions": partitions, "steps": steps}


def spread(folder: Path) -> int:
    """Spread the songs evenly over the two-letter folders, and return how many of these have some.

    The generator fills one folder after the other.
    """
    from local.events.population import letters

    found = sorted(folder.rglob("*.json"))
    for number, path in enumerate(found):
        target = folder.joinpath(*letters(number % FOLDERS, 2), "A", path.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    return min(FOLDERS, len(found))


def prepare() -> None:
    """Make the tables, so that the first load is no more than a load."""
    from contextlib import closing

    from include.load.tasks import connect, prepare_tables

    with closing(connect()) as connection:
        prepare_tables(connection)


def load() -> tuple[int, int]:
    """Load all songs; return how many statements that took, and how many asked system views."""
    from redshift_connector.cursor import Cursor

    from include.load.tables import SONGS
    from include.load.tasks import stage

    statements: list[str] = []
    execute = Cursor.execute

    def counting(self: Cursor, operation: str, *arguments: Any, **options: Any) -> Any:
        statements.append(operation)
        return execute(self, operation, *arguments, **options)

    Cursor.execute = counting  # type: ignore[method-assign]
    try:
        stage("stage", SONGS, "song_data/").stage("bench")
    finally:
        Cursor.execute = execute  # type: ignore[method-assign]
    return len(statements), sum("sys_load" in each for each in statements)


def main() -> None:
    """Measure, and print seconds, statements and ratios."""
    parser = argparse.ArgumentParser(prog="python -m bench.first_load")
    parser.add_argument("--songs", type=int, default=6760)
    arguments = parser.parse_args()
    result = in_own_process("bench.first_load:measure", **vars(arguments))
    partitions, steps = result["partitions"], result["steps"]
    print(f"{arguments.songs:,} songs in {partitions} partitions")
    headers = ["step", "seconds", "CPU seconds", "statements", "of them asking system views"]
    rows = [(name, *step) for name, step in zip(STEPS, steps, strict=True)]
    print(tabulate(rows, headers, floatfmt=",.1f"))
    ours, copy = steps[0], steps[1]
    print(
        f"first load: {ours[0] / copy[0]:.2f} times the seconds of one COPY, "
        f"{ours[1] / copy[1]:.2f} times the CPU seconds, "
        f"{ours[2] / partitions:.2f} statements a partition"
    )


if __name__ == "__main__":
    main()
