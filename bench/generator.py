"""How fast the generator of Sparkify's files streams: `python -m bench.generator`.

Each size runs in a process of its own. Memory grows with users and songs, which are the same for
all sizes here, and not with the number of events. CPU seconds are those of the process, whatever
else the machine does.
"""

import argparse
import sys

from tabulate import tabulate

from bench.measuring import in_own_process

USERS, SONGS = 1_000, 300
EVENTS_OF_A_USER = 4  # a day
REACH = 100_000


def measure(days: int) -> tuple[int, float, float, float]:
    """Return events, seconds, CPU seconds and the process's peak memory in megabytes."""
    import resource
    import time
    from datetime import date

    from local import stack
    from local.events import generate

    began, cpu_began = time.perf_counter(), time.process_time()
    generated = generate(
        stack.BUCKET_FOLDER, start=date(2018, 1, 1), days=days, users=USERS, songs=SONGS
    )
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return generated.events, seconds, cpu_seconds, megabytes


def main() -> None:
    """Measure each size and print rate and memory."""
    parser = argparse.ArgumentParser(prog="python -m bench.generator")
    parser.add_argument("--events", type=int, nargs="+", default=[100_000, 1_000_000])
    rows = []
    for events in parser.parse_args().events:
        days = max(1, events // (USERS * EVENTS_OF_A_USER))
        made, seconds, cpu_seconds, megabytes = in_own_process("bench.generator:measure", days=days)
        rows.append((made, seconds, made / seconds, made / cpu_seconds, megabytes))
        print(f"{made:,} events: {seconds:.1f} s", file=sys.stderr, flush=True)
    headers = ["events", "seconds", "events a second", "events a CPU second", "peak memory, MB"]
    formats = ("", ".1f", ",.0f", ",.0f", ".0f")
    print(tabulate(rows, headers=headers, intfmt=",", floatfmt=formats))
    print(f"Reach: {REACH:,} events a second, memory that does not grow with events.")


if __name__ == "__main__":
    main()
