"""The pipeline's tasks as Airflow runs them, each tried again, with a fault in one of them.

The source has two versions, and every fault strikes while the warehouse goes from one to the other.
What the tables must hold afterwards is what undisturbed runs made of each version.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from include.load.tables import EVENTS, SONGS
from include.load.tasks import connect, stage
from include.publish.protocol import publish, roll_back
from include.run.lock import acquire_run_lock, release_run_lock
from include.settings import settings
from local.s3_faults import S3Faults
from redshift_emulator.faults import Fault, FaultFile
from tests.sparkify_data import event, song
from tests.warehouse import Warehouse

ATTEMPTS = 3  # of a task: SPARKIFY_RETRIES is 2
RUN = "faults"
DAYS = [f"log_data/2018/11/2018-11-{day:02d}-events.json" for day in (5, 6)]
NOT_REACHED = 1_000_000
Rows = dict[str, list[tuple[Any, ...]]]
RAW = ('"raw".staging_events', '"raw".staging_songs')
# The newest load of each partition, and the rows that the partition has
NEWEST_LOADS = """
    select loads.partition_prefix, loads.status, loads.rows_loaded, count(stored._partition)
    from (
        select
            *,
            row_number() over (partition by partition_prefix order by load_id desc) as age
        from "raw".load_history
    ) as loads
    left join (
        select _partition from "raw".staging_events
        union all
        select _partition from "raw".staging_songs
    ) as stored on loads.partition_prefix = stored._partition
    where loads.age = 1
    group by loads.partition_prefix, loads.status, loads.rows_loaded
"""

# Not what differs between runs that do the same: load ids and times, and the columns made of them.
PER_RUN = {"load_id", "_load_id", "_loaded_at", "recorded_at", "built_at", "published_at"}


@dataclass(frozen=True)
class Row:
    """A row of the matrix: the fault, where it struck, what came of it."""

    fault: str
    where: str
    happened: str
    attempts: int
    tables_equal: bool
    readers: str = "-"
    audit: str = "-"
    is_sound: bool = True

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, doubled, half done or seen half done."""
        return self.tables_equal and self.is_sound and self.attempts <= ATTEMPTS


def source(version: int) -> dict[str, bytes]:
    """Return the bucket's files in version 0 or 1: events that come, go and change, and songs."""
    files = {}
    for number, key in enumerate(DAYS):
        plays = [
            event(
                item,
                sessionId=number,
                userId=str(7 + item % 3),
                ts=event(item)["ts"] + number * 86_400_000,
                level="paid" if (item + version) % 4 else "free",
                song="Unit" if item % 2 else "Other",
            )
            for item in range(version * (number + 1), 8 + version)
        ]
        faulty = [event(90, level="gold"), event(91, sessionId="refused")]
        files[key] = "\n".join(map(json.dumps, [*plays, *faulty[: 1 + version]])).encode()
    for number in range(3 + version):
        entry = song(number, title="Unit" if (number + version) % 2 else "Other")
        files[f"song_data/A/{'AB'[number % 2]}/{number}.json"] = json.dumps(entry).encode()
    return files


@dataclass
class Pipeline:
    """The tasks of the DAG on a warehouse, and the faults of its S3 and its Redshift."""

    warehouse: Warehouse
    faults: FaultFile
    s3_faults: S3Faults
    version: int = 0
    undisturbed: dict[tuple[str, int], Rows] = field(default_factory=dict)

    def deliver(self, version: int) -> None:
        """Bring the bucket to a version."""
        self.put(source(version))
        self.version = version

    def put(self, files: Mapping[str, bytes]) -> None:
        """Let the bucket have these files, of all that a version has."""
        for key in (source(0) | source(1)).keys() - files.keys():
            self.warehouse.delete(key)
        for key, body in files.items():
            self.warehouse.put(key, body)

    def load(self) -> None:
        """Do the work of the tasks `stage_songs` and `stage_events`."""
        stage("stage_songs", SONGS, "song_data/").stage(RUN)
        stage("stage_events", EVENTS, "log_data/").stage(RUN)

    def dbt(self, *arguments: str) -> None:
        """Do the work of dbt tasks. Raises AssertionError with what the nodes said that failed."""
        results = self.warehouse.dbt_here(*arguments)
        failed = {
            name: each["message"]
            for name, each in results.items()
            if each["status"] not in ("success", "pass", "warn", "no-op")
        }
        assert not failed, failed

    def publish(self) -> None:
        """Do the work of the task `publish`, after a rollback as well."""
        publish(connect, settings().dbt_manifest, "analytics", RUN, release_hold=True)

    def roll_back(self) -> None:
        """Take the last publication back."""
        roll_back(connect, settings().dbt_manifest, "analytics", RUN)

    def give_back_the_run_lock(self) -> None:
        """Let runs of the DAG take the run lock."""
        with closing(self.warehouse.connect()) as connection:
            release_run_lock(connection, "analytics", RUN)

    def attempt(self, task: Callable[[], Any]) -> tuple[int, str]:
        """Try a task until it succeeds; return how often it was tried, and what it said first.

        A task that goes on failing has a number of attempts that Airflow does not make.
        """
        said = ""
        for number in range(1, ATTEMPTS + 1):
            try:
                task()
            except Exception as error:
                said = said or " ".join(str(error).split()) or type(error).__name__
            else:
                return number, said
        return ATTEMPTS + 1, said

    def read(self, *tables: str) -> Rows:
        """Return the rows of tables, in an order of their own, without what is made per run."""
        rows: Rows = {}
        for table in tables:
            with closing(self.warehouse.connect()) as connection:
                cursor = connection.cursor()
                cursor.execute(f"select * from {table}")
                names = [name for name, *_ in cursor.description]
                kept = [at for at, name in enumerate(names) if name not in PER_RUN]
                found = [tuple(row[at] for at in kept) for row in cursor.fetchall()]
            rows[table] = sorted(found, key=repr)
        return rows

    def newest_load(self) -> int:
        """Return the id of the newest load, whatever came of it."""
        [(newest,)] = self.warehouse.rows(
            'select coalesce(max(load_id), 0) from "raw".load_history'
        )
        return int(newest)

    def audit(self, since: int) -> tuple[str, bool]:
        """Return what the load audit tells behind a load, and whether it agrees with the tables.

        It does when each partition's newest load is loaded, with as many rows as the partition has.
        """
        statuses = self.warehouse.rows(
            'select status, count(*) from "raw".load_history where load_id > %s group by status '
            "order by status desc",
            (since,),
        )
        newest = self.warehouse.rows(NEWEST_LOADS)
        is_balanced = all(status == "loaded" and rows == found for _, status, rows, found in newest)
        counts = ", ".join(f"{count} {status}" for status, count in statuses) or "no load"
        return f"{counts}; {'all' if is_balanced else 'NOT all'} with their rows", is_balanced

    def statements_of(self, task: Callable[[], Any]) -> int:
        """Run a task undisturbed and return how many statements it sends."""
        self.faults.write([Fault("", "slow", skip=NOT_REACHED)])
        task()
        [left] = self.faults.read()
        self.faults.write([])
        return NOT_REACHED - left.skip


@contextmanager
def pipeline(warehouse: Warehouse) -> Iterator[Pipeline]:
    """Yield the pipeline on an empty warehouse; it holds the run lock, and waits for nothing."""
    state = Path(os.environ["SPARKIFY_LOCAL_FAULTS"])
    one = Pipeline(warehouse, FaultFile(state / "redshift.json"), S3Faults(state / "s3.json"))
    warehouse.empty()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in warehouse.environment.items():
            patch.setenv(name, value)
        patch.setenv("SPARKIFY_RUN_ID", RUN)
        patch.setattr("tenacity.nap.time", SimpleNamespace(sleep=lambda _: None))
        with closing(warehouse.connect()) as connection:
            acquire_run_lock(connection, "analytics", RUN, 600)
        try:
            yield one
        finally:
            one.faults.write([])
            one.s3_faults.write([])
            one.give_back_the_run_lock()  # on a connection of its own: Redshift may have restarted
