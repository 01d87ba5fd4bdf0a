"""Property: any order and repetition of loads, then one run, equals a full refresh, row for row.

Hypothesis draws deliveries: a file in one of three versions, loaded under one of the prefixes that
cover it, again or late as it comes, with runs of the models in between. Both results also equal the
star schema that is computed apart from SQL. A failure prints the deliveries, to be replayed with
`@example`. SPARKIFY_ORDERS says how many are tried; more than the default are drawn at random.
"""

import json
import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from include.load_tasks import stage
from include.staging_tables import EVENTS, SONGS
from local.events import generate
from tests.stack.star_schema import expected
from tests.warehouse import Warehouse

FEW = 2
ORDERS = int(os.environ.get("SPARKIFY_ORDERS", FEW))
MARTS = ("songplays", "users", "songs", "artists", "time", "user_levels")
VERSIONS = 3


@dataclass(frozen=True)
class Delivery:
    """File number `file` is put in `version`, loaded under a covering prefix, and perhaps built."""

    file: int
    version: int
    prefix: int
    then_run: bool


DELIVERIES = st.lists(
    st.builds(
        Delivery,
        file=st.integers(0, 99),
        version=st.integers(0, VERSIONS - 1),
        prefix=st.integers(0, 2),
        then_run=st.sampled_from([False, False, False, True]),
    ),
    min_size=6,
    max_size=10,
)


@pytest.fixture(scope="module")
def raw_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write three days of events, each in two overlapping files, and a few songs."""
    folder = tmp_path_factory.mktemp("files")
    generate(folder, seed=11, start=date(2018, 11, 1), days=3, users=8, songs=6)
    for path in sorted((folder / "log_data").rglob("*-events.json")):
        late = path.with_name(path.name.replace("-events", "-late-events"))
        late.write_bytes(b"\n".join(path.read_bytes().split(b"\n")[::2]))
    return folder


def in_version(key: str, content: bytes, version: int) -> bytes:
    """Return a file as it is, with every third line or the name gone, or with other content."""
    lines = [json.loads(line) for line in content.split(b"\n") if line]
    if version == 1:
        lines = lines[1::3] or lines
    if version == 2:
        lines = [changed(line, number) for number, line in enumerate(lines)]
    separator = "\n" if key.startswith("log_data/") else ""
    return separator.join(map(json.dumps, lines)).encode()


def changed(line: dict[str, Any], number: int) -> dict[str, Any]:
    """Move a song to another duration and artist, and every second event to the other level."""
    if "song_id" in line:
        return {**line, "duration": line["duration"] + 5.25, "artist_id": "ARCHANGED000000001"}
    level = {"free": "paid", "paid": "free"}[line["level"]]
    return {**line, "level": level} if number % 2 else line


def prefixes(key: str) -> list[str]:
    """Return what may be loaded to bring a file: the file's day or folder, its month, all."""
    if key.startswith("song_data/"):
        return ["song_data/", f"{Path(key).parent.as_posix()}/", key]
    return [key[: len("log_data/2018/11/2018-11-01")], "log_data/2018/11/", "log_data/"]


def marts(warehouse: Warehouse, columns: dict[str, list[str]]) -> dict[str, list[Any]]:
    return {
        name: sorted(
            warehouse.rows(f"select {', '.join(columns[name])} from analytics.{name}"), key=repr
        )
        for name in MARTS
    }


@settings(
    max_examples=ORDERS,
    derandomize=ORDERS == FEW,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # to shrink an example would take minutes
    suppress_health_check=list(HealthCheck),
)
@given(deliveries=DELIVERIES)
def test_any_order_of_loads_then_a_run_equals_a_full_refresh(
    running_warehouse: Warehouse,
    raw_files: Path,
    tmp_path_factory: pytest.TempPathFactory,
    deliveries: list[Delivery],
) -> None:
    warehouse = running_warehouse
    warehouse.empty()
    files = {
        path.relative_to(raw_files).as_posix(): path.read_bytes()
        for path in raw_files.glob("*_data/**/*.json")
    }
    bucket: dict[str, bytes] = {}
    batches: dict[str, dict[str, bytes]] = {}  # what lay under each prefix when it was loaded last
    with pytest.MonkeyPatch.context() as patch:
        for name, value in warehouse.environment.items():
            patch.setenv(name, value)
        for delivery in deliveries:
            key = sorted(files)[delivery.file % len(files)]
            prefix = prefixes(key)[delivery.prefix]
            note(f"{key} in version {delivery.version}, by {prefix}, run: {delivery.then_run}")
            bucket[key] = in_version(key, files[key], delivery.version)
            warehouse.put(key, bucket[key])
            table = SONGS if key.startswith("song_data/") else EVENTS
            stage(f"stage_{table.name}", table, prefix).stage(run_id="test")
            batches[prefix] = {
                each: content for each, content in bucket.items() if each.startswith(prefix)
            }
            if delivery.then_run:
                run_models(warehouse)
        run_models(warehouse)
        everything = tmp_path_factory.mktemp("everything")
        write(everything, "all", files)
        columns = {name: list(rows[0]) for name, rows in vars(expected(everything)).items() if rows}
        incremental = marts(warehouse, columns)
        run_models(warehouse, "--full-refresh")
        assert incremental == marts(warehouse, columns)
    loaded = tmp_path_factory.mktemp("loaded")
    for number, content in enumerate(batches.values()):
        write(loaded, str(number), content)
    star = expected(loaded)
    assert incremental == {
        name: sorted((tuple(row.values()) for row in getattr(star, name)), key=repr)
        for name in MARTS
    }


def write(folder: Path, batch: str, files: dict[str, bytes]) -> None:
    """Write a batch's files so that another batch's copies of them lie beside, as in the table."""
    for key, content in files.items():
        kind, rest = key.split("/", 1)
        path = folder / kind / batch / rest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def run_models(warehouse: Warehouse, *arguments: str) -> None:
    """Build all up to the marts."""
    results = warehouse.dbt_here(
        "run", "--exclude", "path:dbt_sparkify/models/reporting", *arguments
    )
    assert {result["status"] for result in results.values()} == {"success"}
