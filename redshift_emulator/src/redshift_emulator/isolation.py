"""Serializable isolation, checked by table: which overlapping transactions may commit.

Rules: "Serializable isolation", "Write and read/write operations" and "Troubleshooting
serializable isolation errors" (Redshift Database Developer Guide).
"""

import re
from dataclasses import dataclass, field

from redshift_emulator.errors import RedshiftError
from redshift_emulator.postgres import Row

TAKES_SNAPSHOT = re.compile(
    r"\s*(\(|with|select|insert|update|delete|merge|copy|truncate|create\s+(temporary\s+)?table"
    r"|drop\s+table|alter\s+table)\b",
    re.IGNORECASE,
)
"""Statements that take a transaction's snapshot; the first one does, and LOCK does not."""

TOUCHED = """
select coalesce(txid_current_if_assigned(), 0), pg_backend_pid(),
    string_agg(relation::text, ' ')
        filter (where mode in ('AccessShareLock', 'ShareRowExclusiveLock')),
    string_agg(relation::text, ' ')
        filter (where mode in ('RowExclusiveLock', 'ShareRowExclusiveLock'))
from pg_locks
join pg_class on pg_class.oid = relation and relkind = 'r' and relpersistence = 'p'
join pg_namespace on pg_namespace.oid = relnamespace
    and nspname not in ('pg_catalog', 'information_schema', 'redshift')
where pid = pg_backend_pid() and locktype = 'relation'
"""
"""A transaction's number and pid, and the tables that it read and wrote, from its locks."""

LOG_INSERTS = "select redshift.log_inserts()"
"""The last statement of a transaction that commits: logs its inserts for SYS_QUERY_DETAIL."""


@dataclass(frozen=True)
class Transaction:
    """A transaction's number, its session's process id, and the oids of the tables it touched."""

    number: int
    pid: int
    reads: frozenset[int]
    writes: frozenset[int]

    @classmethod
    def of(cls, rows: list[Row]) -> "Transaction":
        """Build a transaction from the result of TOUCHED."""
        number, pid, reads, writes = (value or "" for value in rows[0])
        return cls(int(number), int(pid), _oids(reads), _oids(writes))


def _oids(text: str) -> frozenset[int]:
    return frozenset(map(int, text.split()))


@dataclass(frozen=True)
class Commit:
    """A writing transaction, with the count of commits at its snapshot and at its own commit."""

    snapshot: int
    at: int
    transaction: Transaction

    def comes_before(self, other: "Commit") -> bool:
        """Tell whether this one precedes `other` in every serial order.

        It does if it read a table without seeing the other's writes, or if the other saw its own.
        """
        mine, theirs = self.transaction, other.transaction
        if other.at > self.snapshot and mine.reads & theirs.writes:
            return True
        return self.at <= other.snapshot and bool(mine.writes & theirs.reads)


@dataclass
class Schedule:
    """The snapshots of a server's sessions, and the commits made while any is open."""

    _commits: int = 0
    _snapshots: dict[object, int] = field(default_factory=dict)
    _committed: list[Commit] = field(default_factory=list)

    def take_snapshot(self, session: object) -> None:
        """Record a snapshot for `session`, unless its transaction already has one."""
        self._snapshots.setdefault(session, self._commits)

    def end(self, session: object) -> None:
        """Forget the snapshot of `session`; once no snapshot is left, forget all commits."""
        self._snapshots.pop(session, None)
        if not self._snapshots:
            self._committed.clear()

    def commit(self, session: object, own: Transaction) -> None:
        """Record that the transaction of `session` commits.

        Raises RedshiftError 1023 when it closes a cycle, that is when no serial order of the
        transactions explains what each of them read. A read-only transaction always commits.
        """
        if not own.writes:
            return
        snapshot = self._snapshots.get(session, self._commits)
        commit = Commit(snapshot, self._commits + 1, own)
        if cycle := self._cycle(commit):
            [torn, *_] = sorted(own.reads & cycle[1].transaction.writes)
            numbers = ", ".join(str(each.transaction.number) for each in cycle)
            raise RedshiftError(
                "XX000",
                "1023",
                f"Serializable isolation violation on table - {torn}, transactions forming"
                f" the cycle are: {numbers} (pid:{own.pid})",
            )
        self._commits += 1
        if self._snapshots.keys() - {session}:
            self._committed.append(commit)

    def _cycle(self, own: Commit) -> list[Commit]:
        """Return the shortest cycle from `own`, each before the next, or an empty list."""
        ways, unvisited = [[own]], self._committed.copy()
        for way in ways:
            if len(way) > 1 and way[-1].comes_before(own):
                return way
            following = [each for each in unvisited if way[-1].comes_before(each)]
            unvisited = [each for each in unvisited if each not in following]
            ways += [[*way, each] for each in following]
        return []
