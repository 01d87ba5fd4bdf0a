"""What a rebuild of all marts costs: `python -m bench.rebuild --events 5000000 --songs 100000`.

On the same rows, in the same PostgreSQL: our load beside PostgreSQL's own COPY from a text file,
and our rebuild up to the marts beside the plain statements of bench/naive.py in psql. These neither
deduplicate nor check, and keep no history of levels. Memory is the peak of the largest process of
each kind, in resident megabytes; for PostgreSQL this contains the buffers that all of them share.
"""

import argparse
import subprocess
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import psutil
from tabulate import tabulate

from bench import naive
from bench.measuring import DBT, LOAD, in_own_process, run, session, warehouse

START = date(2018, 11, 1)
DAYS = 30
EVENTS_OF_A_USER = 4 * DAYS  # as the generator has it
REPORTS = "path:dbt_sparkify/models/reporting"
SECONDS_BETWEEN_LOOKS = 0.1
MEGABYTE = 1024 * 1024
COLUMNS = {
    "staging_events": "artist, auth, firstname, gender, iteminsession, lastname, length, level, "
    "location, method, page, registration, sessionid, song, status, ts, useragent, userid",
    "staging_songs": "num_songs, artist_id, artist_latitude, artist_longitude, artist_location, "
    "artist_name, song_id, title, duration, year",
}
STEPS = ("our load", "PostgreSQL's COPY", "our rebuild", "naive statements")
# What is compared, and how many times the second's seconds the first may take
REACHES = ((0, 1, 3.0), (2, 3, 1.3))


def measure(events: int, songs: int) -> dict[str, Any]:
    """Return counts, and seconds and peak megabytes by process of each step."""
    from local import stack
    from local.events import generate

    generated = generate(
        stack.BUCKET_FOLDER,
        start=START,
        days=DAYS,
        users=max(1, events // EVENTS_OF_A_USER),
        songs=songs,
    )
    join_songs(stack.BUCKET_FOLDER / "song_data")
    steps: list[tuple[float, dict[str, float]]] = []
    with warehouse() as environment, tempfile.TemporaryDirectory() as files:
        Path(files).chmod(0o777)  # PostgreSQL may run as another user

        def step(action: Callable[[], None]) -> None:
            with peak_memory() as peaks:
                began = time.perf_counter()
                action()
                steps.append((time.perf_counter() - began, peaks))

        step(lambda: run(environment, *LOAD, "--events-prefix=log_data/"))
        with session(environment) as cursor:
            naive.execute(cursor, naive.TABLES)
        for table, columns in COLUMNS.items():
            psql(f"copy (select {columns} from raw.{table}) to '{files}/{table}'")
        step(lambda: psql(*(f"copy naive.{table} from '{files}/{table}'" for table in COLUMNS)))
        with session(environment) as cursor:
            for table in COLUMNS:
                cursor.execute(f'analyze "raw".{table}')
                cursor.execute(f"analyze naive.{table}")
        rebuild = ("run", "--target", "prod", "--full-refresh", "--exclude", REPORTS)
        step(lambda: run(environment, DBT, "--quiet", *rebuild))
        step(lambda: psql(*naive.TRANSFORM.split(";")))
    return {"events": generated.events, "songs": generated.songs, "steps": steps}


def join_songs(folder: Path) -> None:
    """Make one file of the songs of each two-letter folder, which is a partition."""
    by_folder: defaultdict[Path, list[Path]] = defaultdict(list)
    for file in folder.rglob("*.json"):
        by_folder[file.parent.parent].append(file)
    for parent, files in by_folder.items():
        text = "\n".join(file.read_text() for file in sorted(files))
        for file in files:
            file.unlink()
        (parent / "songs.json").write_text(text)


def psql(*statements: str) -> None:
    """Run statements in PostgreSQL itself, past the emulator."""
    from local import stack
    from redshift_emulator.postgres import OWNER
    from redshift_emulator.server import BINARIES

    # the file's fifth line: "Server Lock File" in PostgreSQL's manual
    pid_file = stack.STATE / "redshift" / "postgres" / "postmaster.pid"
    socket = pid_file.read_text().splitlines()[4]
    subprocess.run(
        [BINARIES / "psql", "-qX", "-v", "ON_ERROR_STOP=1", "-h", socket, "-U", OWNER, "-d", "dev"],
        input=";\n".join(statements),
        check=True,
        text=True,
        stdout=subprocess.DEVNULL,
    )


@contextmanager
def peak_memory() -> Iterator[dict[str, float]]:
    """Watch the processes of the stack and of our commands; fill a dict of peaks by kind."""
    peaks: dict[str, float] = {}
    done = threading.Event()

    def watch() -> None:
        while not done.wait(SECONDS_BETWEEN_LOOKS):
            for process in [*psutil.Process().children(recursive=True), *stack_processes()]:
                try:
                    kind, size = kind_of(process), process.memory_info().rss / MEGABYTE
                except psutil.Error:  # it has ended
                    continue
                peaks[kind] = max(size, peaks.get(kind, 0.0))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield peaks
    finally:
        done.set()
        watching.join()


def stack_processes() -> Iterator[psutil.Process]:
    """Yield the processes of S3 and Redshift, which the stack starts apart, and their children."""
    from local import processes, stack

    for name in ("s3", "redshift"):
        process = processes.running(name, stack.RUNNING)
        if process:
            yield process
            yield from process.children(recursive=True)


def kind_of(process: psutil.Process) -> str:
    """Return what a process is: PostgreSQL, the emulator, S3, dbt, the load or psql."""
    command = " ".join(process.cmdline())
    kinds = {
        "local.s3": "S3",
        "redshift_emulator": "emulator",
        "command_line": "load",
        "bin/dbt": "dbt",
        "psql": "psql",
    }
    return next((kind for text, kind in kinds.items() if text in command), "PostgreSQL")


def main() -> None:
    """Measure, and print seconds, memory and ratios."""
    parser = argparse.ArgumentParser(prog="python -m bench.rebuild")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--songs", type=int, default=5_000)
    arguments = parser.parse_args()
    result = in_own_process("bench.rebuild:measure", **vars(arguments))
    steps = result["steps"]
    rows = [
        (name, seconds, ", ".join(f"{kind} {size:.0f}" for kind, size in sorted(peaks.items())))
        for name, (seconds, peaks) in zip(STEPS, steps, strict=True)
    ]
    print(f"{result['events']:,} events, {result['songs']:,} songs")
    print(tabulate(rows, headers=["step", "seconds", "peak memory, MB"], floatfmt=",.1f"))
    for ours, theirs, reach in REACHES:
        ratio = steps[ours][0] / steps[theirs][0]
        print(f"{STEPS[ours]}: {ratio:.2f} times {STEPS[theirs]} (reach: {reach})")


if __name__ == "__main__":
    main()
