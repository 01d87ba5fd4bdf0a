"""`python -m local.events --out DIR`: write logs and songs, and list the anomalies among them."""

import argparse
import sys
import time
from datetime import date
from pathlib import Path

from local.events.anomalies import KINDS
from local.events.generator import generate


def main(arguments: list[str] | None = None) -> int:
    """Run the generator from the command line and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m local.events",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(["anomalies:", *(f"  {kind:<16} {what}" for kind, what in KINDS.items())]),
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for log_data/ and song_data/"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=_day, default=date(2018, 11, 1))
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--songs", type=int, default=300)
    parser.add_argument(
        "--anomalies", type=_kind_and_count, nargs="+", default=[], metavar="KIND[:COUNT]"
    )
    options = parser.parse_args(arguments)
    began = time.monotonic()
    try:
        generated = generate(**{**vars(options), "anomalies": dict(options.anomalies)})
    except (ValueError, OSError) as error:
        parser.error(str(error))
    seconds = time.monotonic() - began
    for anomaly in generated.anomalies:
        place = f"{anomaly.file}:{anomaly.line}" if anomaly.line else anomaly.file
        fate = "rejected" if anomaly.is_rejected else "loaded"
        print(f"{anomaly.kind:<16} {fate:<8} {place}  {anomaly.what}")
    print(f"{generated.events:,} events, {generated.songs:,} songs in {seconds:.1f} s")
    return 0


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no day, such as 2018-11-01") from None


def _kind_and_count(text: str) -> tuple[str, int]:
    kind, _, count = text.partition(":")
    if count and not count.isdecimal():
        raise argparse.ArgumentTypeError(f"{text}: the count {count} is no whole number")
    return kind, int(count or 1)


if __name__ == "__main__":
    sys.exit(main())
