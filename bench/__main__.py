"""`python -m bench [NAME [ARGUMENT …]]`: run benchmarks and write docs/PERFORMANCE.md.

Without a name all of them run, which takes an hour on a quiet laptop. With one, that alone runs,
with the arguments given, and its section is replaced: the others keep their figures and date.
"""

import argparse
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psutil

PAGE = Path(__file__).resolve().parent.parent / "docs" / "PERFORMANCE.md"
BENCHMARKS = ("whole_hour", "dag", "rebuild", "first_load", "generator")
GIGABYTE = 2**30
BUSY = 0.5  # load per core, before a benchmark starts


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", nargs="?", choices=BENCHMARKS)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    for name in [options.name] if options.name else BENCHMARKS:
        write_section(name, options.arguments)


def write_section(name: str, arguments: list[str]) -> None:
    """Run one benchmark and put what it prints into its section of the page."""
    module = f"bench.{name}"
    heading = f"`{' '.join(['python -m', module, *arguments])}` on {machine()}:"
    print(f"Measuring {name} …", file=sys.stderr, flush=True)
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], check=False, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        raise SystemExit(f"{module} failed, as said above; {PAGE} keeps its former figures.")
    print(done.stdout)
    section = (
        f"<!-- {name} -->\n\n{heading}\n\n```text\n{done.stdout.rstrip()}\n```\n\n<!-- end -->"
    )
    page, count = re.subn(
        rf"<!-- {name} -->.*?<!-- end -->", lambda _: section, PAGE.read_text(), flags=re.DOTALL
    )
    if count != 1:
        raise SystemExit(
            f"{PAGE} has no section for {name}: add <!-- {name} --><!-- end --> there."
        )
    PAGE.write_text(page)


def machine() -> str:
    """Return the class of this machine, the date, and how busy the machine is."""
    cores = os.cpu_count() or 1
    memory = psutil.virtual_memory().total / GIGABYTE
    load = os.getloadavg()[0] / cores
    note = (
        f" while other work took {load:.1f} processes per core, so that only ratios count"
        if load > BUSY
        else ""
    )
    return (
        f"{cores} cores with {memory:.0f} GB, {platform.system()}, "
        f"Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}{note}"
    )


if __name__ == "__main__":
    main()
