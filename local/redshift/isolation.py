"""Which of the transactions that overlap may commit: serializable isolation, judged by tables.

Followed: "Serializable isolation", "Write and read/write operations" and "Troubleshooting
serializable isolation errors" (Redshift Database Developer Guide).
"""

import re
from dataclasses import dataclass, field

from local.redshift.errors import RedshiftError
from local.redshift.postgres import Row

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


@dataclass
class Schedule:
    """The snapshots of a server's sessions, and what has committed since the oldest of them."""

    _commits: int = 0
    _snapshots: dict[object, int] = field(default_factory=dict)
    _committed: list[tuple[int, Transaction]] = field(default_factory=list)

    def take_snapshot(self, session: object) -> None:
        """Note what `session` can see from now on, unless its transaction has a snapshot."""
        self._snapshots.setdefault(session, self._commits)

    def end(self, session: object) -> None:
        """Forget the snapshot of `session`, and the commits that no snapshot is older than."""
        if self._snapshots.pop(session, None) is not None:
            oldest = min(self._snapshots.values(), default=self._commits)
            self._committed = [each for each in self._committed if each[0] > oldest]

    def commit(self, session: object, own: Transaction) -> None:
        """Let the transaction of `session` commit.

        Raises RedshiftError 1023 when another one, committed since its snapshot, wrote what it read
        and read what it wrote: one after the other, one of them would have seen the other's rows.
        """
        snapshot = self._snapshots.get(session, self._commits)
        for at, other in self._committed:
            if at > snapshot and (torn := other.writes & own.reads) and own.writes & other.reads:
                raise RedshiftError(
                    "XX000",
                    "1023",
                    f"Serializable isolation violation on table - {min(torn)}, transactions forming"
                    f" the cycle are: {own.number}, {other.number} (pid:{own.pid})",
                )
        self._commits += 1
        if own.writes and self._snapshots.keys() - {session}:
            self._committed.append((self._commits, own))
