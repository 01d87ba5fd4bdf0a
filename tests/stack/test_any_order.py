"""Property: any order and repetition of loads, then a run, equals a full refresh, row for row.

Hypothesis draws histories of the bucket, each with everything that makes incremental models wrong:
songs that arrive after plays of them, change or disappear; events that arrive late, change their
level or disappear; keys with blanks around them; faulty rows that are corrected later; a day that
arrives after later ones; prefixes that overlap and are loaded again; runs with --empty; a load
audit that starts over. It draws which files are affected, in which order and by which prefixes.
After each run the marts equal the star schema that is computed without SQL, and each report equals
its own SQL over all of the marts; what counts all time does so after the day's whole run. Every
other state is published, and readers then see what was built. At the end a full refresh gives the
same rows.

SPARKIFY_ORDERS sets how many histories are tried; beyond the default they are drawn at random. A
failure prints its history, which `@example` replays.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from include.load.tables import EVENTS, SONGS
from include.load.tasks import stage
from include.publish.tables import published_tables
from include.run.work import unpublished
from include.settings import settings as pipeline_settings
from tests.sparkify_data import epoch_ms, event, song
from tests.stack.star_schema import Star, expected
from tests.warehouse import Warehouse

FEW = 1
HISTORIES = int(os.environ.get("SPARKIFY_ORDERS", FEW))

Rows = list[dict[str, Any]]
Compiled = dict[str, dict[str, Any]]  # dbt's result of each model

FIRST_DAY = datetime(2018, 11, 28, tzinfo=UTC)
TITLES = 6
LOGS, CATALOGUE = "log_data/", "song_data/"


def events_of_day(number: int) -> Rows:
    """Return plays of two titles by three users and a newcomer, the first of them the day before.

    Levels flip within the day, and from one day to the next. Sessions last for days.
    """
    return [
        event(
            item,
            sessionId=number // 2,
            userId=str(100 + number if item == 4 else 1 + item % 3),
            ts=epoch_ms(FIRST_DAY + timedelta(days=number, hours=2 * item - 1)),
            level="paid" if item % 4 in (1, 2) else "free",
            song=f"Title {(number + item % 2) % TITLES}",
        )
        for item in range(9)
    ]


def song_of_catalogue(number: int) -> Rows:
    """Return a song whose title another song may bear, with the same duration or a second apart."""
    return [song(number, title=f"Title {number % TITLES}", duration=200.5 + number // 7)]


FILES: dict[str, Rows] = {
    f"{LOGS}{FIRST_DAY + timedelta(days=number):%Y/%m/%Y-%m-%d}-events.json": events_of_day(number)
    for number in range(6)
} | {
    f"{CATALOGUE}A/{'AB'[number % 2]}/C/TRAAA{number:03d}.json": song_of_catalogue(number)
    for number in range(9)
}
DAYS = [key for key in FILES if key.startswith(LOGS)]
TRACKS = [key for key in FILES if key.startswith(CATALOGUE)]

# The versions of a file.
VERSIONS: dict[str, Callable[[Rows], Rows]] = {
    "whole": lambda rows: rows,
    "without some events": lambda rows: [row for at, row in enumerate(rows) if at % 3],
    "on other levels": lambda rows: [
        {**row, "level": "paid" if at % 2 else "free"} for at, row in enumerate(rows)
    ],
    "all but gone": lambda rows: rows[:1],
    "of another artist": lambda rows: [
        {**row, "artist_id": f"AR{9:016d}", "duration": row["duration"] + 1} for row in rows
    ],
    "under another's title": lambda rows: [
        {**row, "title": f"Title {(int(row['title'][-1]) + 1) % TITLES}"} for row in rows
    ],
    "with blanks around its keys": lambda rows: [
        {**row, **{key: f"\t{row[key]} \r\n" for key in KEYS if key in row}} for row in rows
    ],
    "with faults": lambda rows: [
        {**row, **FAULTS[at % len(FAULTS)]} if "ts" in row else {**row, "title": " "}
        for at, row in enumerate(rows)
    ],
    "gone": lambda rows: [],
}
KEYS = ("userId", "song_id", "artist_id")
# Faults of single events; the last two are no faults.
FAULTS: Rows = [
    {"ts": 1541376000000000},
    {"userId": "seven"},
    {"userId": "99999999999999999999"},
    {"level": "gold"},
    {"registration": 1e30},
    {"song": ""},
    {"userId": "007"},
    {},
]


@dataclass(frozen=True)
class Delivery:
    """A file is put into the bucket in a version, and loaded under a prefix that covers it."""

    key: str
    version: str
    prefix: str


History = list[list[Delivery]]
# Reports that only the day's whole run rebuilds, and those of which it rebuilds a part.
OF_ALL_TIME = {
    *("listening_by_hour", "listening_by_place", "listening_by_device", "cohort_retention"),
}
CHARTS = {"top_songs", "top_artists"}
ODD = ("with blanks around its keys", "with faults")


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Draw what is delivered before each of four runs."""

    def delivery(key: str, version: str) -> Delivery:
        return Delivery(key, version, draw(st.sampled_from(prefixes(key, version))))

    days, tracks = draw(st.permutations(DAYS)), draw(st.permutations(TRACKS))
    late_day, late_tracks, there = days.pop(), tracks[:3], tracks[3:]
    fates_of_days = draw(st.permutations(["whole", "on other levels", "all but gone", *ODD]))
    fates_of_tracks = draw(
        st.permutations(["of another artist", "under another's title", "gone", *ODD])
    )
    first = [
        *(Delivery(key, "without some events", LOGS) for key in days),
        *(Delivery(key, "whole", CATALOGUE) for key in there),
    ]
    later = [[delivery(late_tracks[at], "whole")] for at in range(3)]
    for at, fate in enumerate(fates_of_days):
        later[at % 3].append(delivery(days[at], fate))
    for at, fate in enumerate(fates_of_tracks):
        later[at % 3].append(delivery(there[at], fate))
    for faulty in [each for deliveries in later[:2] for each in deliveries]:
        if faulty.version == "with faults":
            later[2].append(delivery(faulty.key, "whole"))  # corrected
    draw(st.sampled_from(later)).append(delivery(late_day, "whole"))
    draw(st.sampled_from(later)).append(draw(st.sampled_from(first)))  # as it was at first
    return [first, *(draw(st.permutations(deliveries)) for deliveries in later)]


def prefixes(key: str, version: str) -> list[str]:
    """Return what may be loaded to bring a file: itself, its folder, all.

    What is gone goes with the load that brought it.
    """
    root = key.split("/")[0] + "/"
    return [root] if "gone" in version else [key, f"{Path(key).parent.as_posix()}/", root]


@settings(
    max_examples=HISTORIES,
    derandomize=HISTORIES == FEW,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking an example would take minutes
    suppress_health_check=list(HealthCheck),
)
@given(history=histories())
def test_any_order_of_loads_then_a_run_equals_a_full_refresh(
    running_warehouse: Warehouse,
    tmp_path_factory: pytest.TempPathFactory,
    history: History,
) -> None:
    warehouse = running_warehouse
    warehouse.empty()
    bucket: dict[str, bytes] = {}
    loaded: dict[str, dict[str, bytes]] = {}  # each partition's files at its last load

    def load(prefix: str) -> None:
        """Load each partition that has files under the prefix, as a whole."""
        table = EVENTS if prefix.startswith(LOGS) else SONGS
        stage(f"stage_{table.name}", table, prefix).stage(run_id="test")
        for partition in {partition_of(key) for key in bucket if key.startswith(prefix)}:
            loaded[partition] = {
                key: content for key, content in bucket.items() if key.startswith(partition)
            }

    def star() -> Star:
        return expected(folder_of(loaded, tmp_path_factory.mktemp("loaded")))

    with pytest.MonkeyPatch.context() as patch:
        for name, value in warehouse.environment.items():
            patch.setenv(name, value)
        patch.setenv("SPARKIFY_WHOLE_RUN", "false")
        reports = compiled_reports(warehouse)
        for number, deliveries in enumerate(history):
            for prefix, together in groupby(deliveries, key=lambda delivery: delivery.prefix):
                for delivery in together:
                    put(warehouse, bucket, delivery)
                load(prefix)
            run_models(warehouse, "--empty")  # reads nothing, and must change nothing
            run_models(warehouse)
            assert_marts_equal(warehouse, star())
            assert_reports_equal_their_own_sql(warehouse, reports)
            if number % 2:  # as if the gate had failed in between
                assert_publishing_brings_what_was_built(warehouse)
        patch.setenv("SPARKIFY_WHOLE_RUN", "true")
        run_models(warehouse)
        assert_reports_equal_their_own_sql(warehouse, reports, of_all_time=True)
        assert_publishing_brings_what_was_built(warehouse)
        run_models(warehouse, "--full-refresh")
        assert_marts_equal(warehouse, star())
        with warehouse.connect() as connection:
            assert unpublished(connection, "analytics", "key_value is null") == len(reports) + 6

        warehouse.run('drop schema "raw" cascade')
        warehouse.create_tables()
        loaded.clear()
        load(LOGS)
        load(CATALOGUE)
        run_models(warehouse, "--full-refresh")
        put(warehouse, bucket, Delivery(DAYS[0], "on other levels", DAYS[0]))
        load(DAYS[0])
        run_models(warehouse)
        assert_marts_equal(warehouse, star())


def partition_of(key: str) -> str:
    """Return the part of the bucket that is loaded as one: a day of events, a folder of songs."""
    if key.startswith(LOGS):
        return key[: len("log_data/2018/11/2018-11-28")]
    return key[: len("song_data/A/A/")]


def put(warehouse: Warehouse, bucket: dict[str, bytes], delivery: Delivery) -> None:
    """Put a version of a file into S3 and note it; delete a song's file that is to disappear."""
    rows = VERSIONS[delivery.version](FILES[delivery.key])
    if rows:
        bucket[delivery.key] = "\n".join(map(json.dumps, rows)).encode()
        warehouse.put(delivery.key, bucket[delivery.key])
    else:
        del bucket[delivery.key]
        warehouse.delete(delivery.key)


def folder_of(loaded: dict[str, dict[str, bytes]], folder: Path) -> Path:
    """Write the files of each partition as of its last load."""
    for files in loaded.values():
        for key, content in files.items():
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return folder


def run_models(warehouse: Warehouse, *arguments: str) -> None:
    """Build all marts and reports."""
    results = warehouse.dbt_here("run", *arguments)
    assert {result["status"] for result in results.values()} == {"success"}


def assert_marts_equal(warehouse: Warehouse, star: Star) -> None:
    for name, wanted in vars(star).items():
        found = warehouse.rows(f"select {', '.join(wanted[0])} from unpublished.{name}")
        assert sorted(found, key=repr) == sorted(map(tuple, map(dict.values, wanted)), key=repr)


def assert_publishing_brings_what_was_built(warehouse: Warehouse) -> None:
    """Compare all that readers see, row for row, with what was built; until then it is work."""
    with warehouse.connect() as connection:
        assert unpublished(connection, "analytics") > 0
        warehouse.publish(untested=True)
        assert unpublished(connection, "analytics") == 0
    for table in published_tables(pipeline_settings().dbt_manifest).values():
        for one, other in permutations([table.built, table.published]):
            assert warehouse.rows(f"select * from {one} except select * from {other}") == []


def compiled_reports(warehouse: Warehouse) -> Compiled:
    """Return each report with its SQL over all of the marts, as a full refresh runs it."""
    compiled = warehouse.dbt_here(
        *("compile", "--full-refresh", "--indirect-selection", "empty"),
        *("--select", "path:dbt_sparkify/models/reporting,resource_type:model"),
    )
    assert compiled.keys() >= OF_ALL_TIME | CHARTS
    return compiled


def assert_reports_equal_their_own_sql(
    warehouse: Warehouse, reports: Compiled, *, of_all_time: bool = False
) -> None:
    """Compare each report with what a full refresh would make of the marts as they are."""
    for name, report in reports.items():
        if name in OF_ALL_TIME and not of_all_time:
            continue
        part = "period_type != 'all_time'" if name in CHARTS and not of_all_time else "true"
        # the driver reads a single % as a parameter
        table, full_sql = report["relation_name"], report["compiled_code"].replace("%", "%%")
        columns = ", ".join(
            column
            for (column,) in warehouse.rows(
                "select column_name from svv_columns where table_schema = %s and table_name = %s",
                table.replace('"', "").split(".")[1:],
            )
        )
        wanted = warehouse.rows(f"select {columns} from ({full_sql}) as whole where {part}")
        found = warehouse.rows(f"select {columns} from {table} where {part}")
        assert sorted(found, key=repr) == sorted(wanted, key=repr), name
