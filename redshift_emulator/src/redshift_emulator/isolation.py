"""Which of the transactions that overlap may commit: serializable isolation, judged by tables.

Followed: "Serializable isolation", "Write and read/write operations" and "Troubleshooting
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
"""What a transaction's snapshot is taken at, the first of them; LOCK comes before it."""

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
"""A transaction's numbers and the tables that it read and wrote, by the locks that it holds."""

LOG_INSERTS = "select redshift.log_inserts()"
"""What comes last in a transaction that may commit: SYS_QUERY_DETAIL tells where it put rows."""


@dataclass(frozen=True)
class Transaction:
    """One transaction's number, its session's process id, and the tables it touched, by oid."""

    number: int
    pid: int
    reads: frozenset[int]
    writes: frozenset[int]

    @classmethod
    def of(cls, rows: list[Row]) -> "Transaction":
        """Read what TOUCHED returned."""
        number, pid, reads, writes = (value or "" for value in rows[0])
        return cls(int(number), int(pid), _oids(reads), _oids(writes))


def _oids(text: str) -> frozenset[int]:
    return frozenset(map(int, text.split()))


@dataclass(frozen=True)
class Commit:
    """A transaction that writes, with the count of commits at its snapshot and at its own."""

    snapshot: int
    at: int
    transaction: Transaction

    def comes_before(self, other: "Commit") -> bool:
        """Tell whether each serial order has it before `other`.

        It read what the other one wrote and did not see it, or the other one saw what it wrote.
        """
        mine, theirs = self.transaction, other.transaction
        if other.at > self.snapshot and mine.reads & theirs.writes:
            return True
        return self.at <= other.snapshot and bool(mine.writes & theirs.reads)


@dataclass
class Schedule:
    """The snapshots of a server's sessions, and what has committed since there was none."""

    _commits: int = 0
    _snapshots: dict[object, int] = field(default_factory=dict)
    _committed: list[Commit] = field(default_factory=list)

    def take_snapshot(self, session: object) -> None:
        """Note what `session` can see from now on, unless its transaction has a snapshot."""
        self._snapshots.setdefault(session, self._commits)

    def end(self, session: object) -> None:
        """Forget the snapshot of `session`, and with the last one all commits."""
        self._snapshots.pop(session, None)
        if not self._snapshots:
            self._committed.clear()

    def commit(self, session: object, own: Transaction) -> None:
        """Let the transaction of `session` commit.

        Raises RedshiftError 1023 when it closes a cycle: no order of the transactions, one after
        the other, gives each of them what it read. Transactions that only read are let through.
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
        """Return the shortest way from `own` back to it, each before the next, or nothing."""
        ways, unvisited = [[own]], self._committed.copy()
        for way in ways:
            if len(way) > 1 and way[-1].comes_before(own):
                return way
            following = [each for each in unvisited if way[-1].comes_before(each)]
            unvisited = [each for each in unvisited if each not in following]
            ways += [[*way, each] for each in following]
        return []
