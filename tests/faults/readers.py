"""Readers of the published tables, who must see complete states only."""

import struct
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from redshift_connector.error import Error

from tests.warehouse import Warehouse

PAUSE_SECONDS = 0.05
MARK = "/* reader */ "
NOT_A_READER = r"^(?!/\* reader)"  # the statements that a fault may strike while readers read
# What holds between tables of one run, whatever the data: both sides as scalar subqueries.
INVARIANTS = {
    "plays of daily_activity": (
        "select count(*) from analytics.songplays",
        "select coalesce(sum(plays), 0) from reporting.daily_activity",
    ),
    "start times": (
        "select count(distinct start_time) from analytics.songplays",
        "select count(*) from analytics.time",
    ),
    "users and their levels": (
        "select count(*) from analytics.users",
        "select count(distinct user_id) from analytics.user_levels",
    ),
    "songs and their artists": (
        "select count(distinct artist_id) from analytics.songs",
        "select count(*) from analytics.artists",
    ),
}

State = tuple[tuple[str, int, int], ...]


def state_sql(warehouse: Warehouse) -> str:
    """Return the query of a state, which is one statement and so of one snapshot.

    It has, of each published table, the number of rows and a sum of hashes; of each invariant, both
    sides.
    """
    columns: dict[str, list[str]] = {}
    for schema, table, column in warehouse.rows(
        "select table_schema, table_name, column_name from svv_columns "
        "where table_schema in ('analytics', 'reporting') and data_type != 'boolean' "
        "order by 1, 2, ordinal_position"
    ):
        columns.setdefault(f"{schema}.{table}", []).append(column)
    hashed = {
        table: " || '|' || ".join(f"coalesce(cast({name} as varchar), '')" for name in names)
        for table, names in columns.items()
    }
    counted = [
        f"select cast('{table}' as varchar) as name, count(*), "
        f"coalesce(sum(strtol(left(md5({text}), 8), 16)), 0) from {table}"
        for table, text in hashed.items()
    ]
    checked = [
        f"select cast('{name}' as varchar), ({left}), ({right})"
        for name, (left, right) in INVARIANTS.items()
    ]
    return MARK + " union all ".join(counted + checked)


@dataclass
class Readers:
    """What a reader saw, state by state, and which invariants of a state did not hold."""

    states: list[State] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    reads: int = 0

    def saw_only(self, *complete: State) -> bool:
        """Whether all states were among these, in this order, and each held together."""
        order = [complete.index(each) if each in complete else -1 for each in self.states]
        return not self.broken and -1 not in order and order == sorted(order)

    def summary(self) -> str:
        """Return what was seen, as the matrix shows it."""
        broken = f", BROKEN: {', '.join(sorted(self.broken))}" if self.broken else ""
        return f"{self.reads} reads, {len(self.states)} states{broken}"


def read_state(warehouse: Warehouse, sql: str) -> State:
    """Return the published state as it is now."""
    return as_state(warehouse.rows(sql))


def as_state(rows: Iterable[Sequence[Any]]) -> State:
    return tuple(sorted((name, int(left), int(right)) for name, left, right in rows))


@contextmanager
def reading(warehouse: Warehouse, sql: str) -> Iterator[Readers]:
    """Read the published tables again and again, each time in one transaction, until the end.

    A reader that Redshift turns away, as a cluster does that restarts, comes again.
    """
    seen = Readers()
    began, ended = threading.Event(), threading.Event()

    def read() -> None:
        is_last = False
        while not is_last:
            try:
                with closing(warehouse.connect()) as connection:
                    connection.autocommit = True
                    while not is_last:
                        is_last = ended.is_set()  # a last time behind the end
                        cursor = connection.cursor()
                        cursor.execute(sql)
                        note(as_state(cursor.fetchall()))
                        began.set()
                        ended.wait(PAUSE_SECONDS)
            except (Error, OSError, struct.error):
                is_last = False
                time.sleep(PAUSE_SECONDS)

    def note(state: State) -> None:
        sides = {name: (left, right) for name, left, right in state if name in INVARIANTS}
        seen.broken |= {name for name, (left, right) in sides.items() if left != right}
        seen.reads += 1
        if not seen.states or seen.states[-1] != state:
            seen.states.append(state)

    thread = threading.Thread(target=read)
    thread.start()
    began.wait()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()
