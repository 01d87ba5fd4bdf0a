"""What COPY and UNLOAD use of a client's session: their interface to the wire.

When a client executes a `Copy` or an `Unload`, the wire calls

    async def run_copy(statement: Copy, backend: Backend, log: Log, session: Session) -> int
    async def run_unload(statement: Unload, backend: Backend, log: Log, session: Session) -> int

in `copy_from_s3.py` and `unload_to_s3.py`. Both return the rows moved and raise `RedshiftError`.
While they run, a transaction block is always open on `backend`: the client's own, or one that the
wire opened for this statement. They may use SAVEPOINT and never end the transaction. When they
raise, the wire rolls back the transaction that it opened, or leaves the client's as failed.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


class Backend(Protocol):
    """One PostgreSQL connection, the client's own, inside its open transaction.

    It takes PostgreSQL's SQL, not Redshift's. Every method raises `RedshiftError` with the SQLSTATE
    and texts of the ErrorResponse. The transaction has then failed, unless the caller rolls back to
    its own savepoint.
    """

    async def query(self, sql: str) -> list[tuple[str | None, ...]]:
        """Run `sql`, one or several statements; return all rows, each value as text or None."""
        ...

    async def copy_in(self, sql: str, chunks: AsyncIterator[bytes]) -> int:
        """Run a `COPY … FROM STDIN` on `chunks`; return the number of rows loaded.

        `chunks` need not end at row boundaries. An exception from `chunks` cancels the COPY and
        is raised unchanged.
        """
        ...

    def copy_out(self, sql: str) -> AsyncIterator[bytes]:
        """Run a `COPY (…) TO STDOUT` and yield its rows, one or more whole rows per chunk.

        If the caller stops early or fails, the remaining rows are read and discarded.
        """
        ...


class Log(Protocol):
    """A second PostgreSQL connection, as superuser and with autocommit.

    What it writes survives the client's ROLLBACK, as Redshift's load logs do.
    """

    async def write(self, sql: str) -> None:
        """Run `sql`, one or several PostgreSQL statements, in one transaction."""
        ...


@dataclass(frozen=True)
class Session:
    """The client's session at the time of one COPY or UNLOAD.

    `query_id` numbers this statement; it ascends and is unique for the life of the data directory.
    `transaction_id` is PostgreSQL's. `pid` is the backend's process id, which Redshift's system
    tables call session_id, pid or session. `s3_endpoint` is None for AWS itself. `copy_roles` are
    the ARNs of the roles associated with the cluster, the default one first.
    """

    pid: int
    user_id: int
    user: str
    database: str
    transaction_id: int
    query_id: int
    s3_endpoint: str | None
    copy_roles: tuple[str, ...]
