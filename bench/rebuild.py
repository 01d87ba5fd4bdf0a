"""What a rebuild of all marts costs: `python -m bench.rebuild --events 5000000 --songs 100000`.

On the same rows, in the same PostgreSQL: the emulator's COPY beside PostgreSQL's own COPY from a
text file, and our rebuild up to the marts beside the plain statements of bench/naive.py in psql.
These neither clean, deduplicate nor check, and keep no history of levels. So our rebuild also
stands beside its own SELECTs, one after the other in one session: the rest is what dbt takes, less
what its threads save. CPU seconds are those of all processes together, whatever else the machine
does. Memory is the peak of the largest process of each kind, in resident megabytes; for PostgreSQL
this contains the buffers that all of them share.
"""

import argparse
import json
import subprocess
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import psutil
from tabulate import tabulate

from bench import naive
from bench.measuring import DBT, LOAD, in_own_process, run, session, warehouse

START = date(2018, 11, 1)
DAYS = 30
EVENTS_OF_A_USER = 105  # in these days, as the generator has it
REPORTS = "path:dbt_sparkify/models/reporting"
SECONDS_BETWEEN_LOOKS = 0.1
MEGABYTE = 1024 * 1024
COLUMNS = {
    "staging_events": "artist, auth, firstname, gender, iteminsession, lastname, length, level, "
    "location, method, page, registration, sessionid, song, status, ts, useragent, userid",
    "staging_songs": "num_songs, artist_id, artist_latitude, artist_longitude, artist_location, "
    "artist_name, song_id, title, duration, year",
}
STEPS = (
    "our load",
    "the emulator's COPY",
    "PostgreSQL's COPY",
    "our rebuild",
    "its SELECTs alone",
    "the naive statements",
)
# What is compared, and how many times the second's seconds the first may take
COMPARISONS = ((1, 2, " (reach: 3)"), (3, 4, ""), (3, 5, " (reach: 1.3)"))


def measure(events: int, songs: int) -> dict[str, Any]:
    """Return counts; and of each step seconds, CPU seconds and peak megabytes by process."""
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
    steps: list[tuple[float, float, dict[str, float]]] = []
    with warehouse() as environment, tempfile.TemporaryDirectory() as files:
        Path(files).chmod(0o777)  # PostgreSQL may run as another user

        def step(action: Callable[[], None]) -> None:
            with watched() as (peaks, cpu_seconds):
                began = time.perf_counter()
                action()
                seconds = time.perf_counter() - began
            steps.append((seconds, sum(cpu_seconds.values()), peaks))

        step(lambda: run(environment, *LOAD, "--events-prefix=log_data/"))
        with session(environment) as cursor:
            naive.execute(cursor, naive.TABLES)
            names = {
                "bucket": environment["SPARKIFY_S3_BUCKET"],
                "role": environment["SPARKIFY_COPY_ROLE_ARN"],
            }
            step(lambda: naive.execute(cursor, naive.COPY, **names))
            naive.execute(cursor, naive.EMPTY)
        for table, columns in COLUMNS.items():
            psql(f"copy (select {columns} from raw.{table}) to '{files}/{table}'")
        step(lambda: psql(*(f"copy naive.{table} from '{files}/{table}'" for table in COLUMNS)))
        with session(environment) as cursor:
            for table in COLUMNS:
                cursor.execute(f'analyze "raw".{table}')
                cursor.execute(f"analyze naive.{table}")
        rebuild = ("run", "--target", "prod", "--full-refresh", "--exclude", REPORTS)
        step(lambda: run(environment, DBT, "--quiet", *rebuild))
        step(lambda: select_again(environment))
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


def select_again(environment: Mapping[str, str]) -> None:
    """Make tables of the SELECTs of the models that dbt has just built as tables."""
    target = Path(environment["DBT_TARGET_PATH"])
    nodes = json.loads((target / "manifest.json").read_text())["nodes"]
    with session(environment) as cursor:
        cursor.execute("create schema again")
        for result in json.loads((target / "run_results.json").read_text())["results"]:
            node = nodes.get(result["unique_id"])
            if node and node["config"]["materialized"] == "incremental":
                cursor.execute(f"create table again.{node['name']} as {result['compiled_code']}")


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
def watched() -> Iterator[tuple[dict[str, float], dict[int, float]]]:
    """Watch our processes: yield peaks of memory by kind, and CPU seconds by process."""
    peaks: dict[str, float] = {}
    cpu_seconds: dict[int, float] = {}
    before: dict[int, float] = {}
    for process in watched_processes():
        with suppress(psutil.Error):  # it has ended
            before[process.pid] = cpu_of(process)
    done = threading.Event()

    def watch() -> None:
        while not done.wait(SECONDS_BETWEEN_LOOKS):
            look()

    def look() -> None:
        for process in watched_processes():
            try:
                kind, size = kind_of(process), process.memory_info().rss / MEGABYTE
                cpu_seconds[process.pid] = cpu_of(process) - before.get(process.pid, 0.0)
            except psutil.Error:  # it has ended
                continue
            peaks[kind] = max(size, peaks.get(kind, 0.0))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield peaks, cpu_seconds
    finally:
        done.set()
        watching.join()
        look()


def cpu_of(process: psutil.Process) -> float:
    """Return the CPU seconds that a process has used, without its children's."""
    used = process.cpu_times()
    return float(used.user + used.system)


def watched_processes() -> list[psutil.Process]:
    """Return our commands and the processes of the stack."""
    return [*psutil.Process().children(recursive=True), *stack_processes()]


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
        (
            name,
            seconds,
            cpu,
            ", ".join(f"{kind} {size:.0f}" for kind, size in sorted(peaks.items())),
        )
        for name, (seconds, cpu, peaks) in zip(STEPS, steps, strict=True)
    ]
    print(f"{result['events']:,} events, {result['songs']:,} songs")
    headers = ["step", "seconds", "CPU seconds", "peak memory, MB"]
    print(tabulate(rows, headers=headers, floatfmt=",.1f"))
    for ours, theirs, reach in COMPARISONS:
        seconds, cpu = (steps[ours][unit] / steps[theirs][unit] for unit in (0, 1))
        print(
            f"{STEPS[ours]}: {seconds:.2f} times the seconds of {STEPS[theirs]}{reach}, "
            f"{cpu:.2f} times the CPU seconds"
        )


if __name__ == "__main__":
    main()
