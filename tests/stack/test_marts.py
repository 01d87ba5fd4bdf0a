"""The marts, row for row, against an independent computation of the star schema.

The same files in any order of loads, and in one, give the same tables.
"""

import os
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from local.events import generate
from tests.conftest import ROOT
from tests.stack.star_schema import expected
from tests.warehouse import Warehouse

SAMPLE = Path(
    os.environ.get("SPARKIFY_SAMPLE", ROOT.parent / "shared" / "data" / "sparkify_sample")
)
MARTS = ("songplays", "users", "songs", "artists", "time", "user_levels")
ORDERS = ("forward", "backward", "at once")


def prefixes(folder: Path, order: str) -> list[str]:
    """Return the events' prefixes in which to load the folder: a day each, or all of it."""
    if order == "at once":
        return ["log_data/"]
    days = sorted(path.name[:10] for path in (folder / "log_data").rglob("*-events.json"))
    return [
        f"log_data/{day[:4]}/{day[5:7]}/{day}"
        for day in (days if order == "forward" else reversed(days))
    ]


def table(warehouse: Warehouse, name: str, columns: Iterable[str]) -> list[tuple[Any, ...]]:
    listed = ", ".join(columns)
    return sorted(warehouse.rows(f"select {listed} from analytics.{name}"), key=repr)


def assert_marts_equal_star(warehouse: Warehouse, folder: Path) -> None:
    star = expected(folder)
    for name in MARTS:
        wanted = getattr(star, name)
        assert wanted, f"nothing is expected of {name}: the check would say nothing"
        columns = list(wanted[0])
        rows = sorted((tuple(row[column] for column in columns) for row in wanted), key=repr)
        assert table(warehouse, name, columns) == rows, name
