"""What COPY and UNLOAD may ask of a client's session: the contract between them and the wire.

The wire calls, when a client executes a `Copy` or an `Unload`,

    async def run_copy(statement: Copy, backend: Backend, log: Log, session: Session) -> int
    async def run_unload(statement: Unload, backend: Backend, log: Log, session: Session) -> int

in `copy_from_s3.py` and `unload_to_s3.py`. Both return the rows moved and raise `RedshiftError`.
A transaction block is always open on `backend` while they run, the client's own or one that the
wire opened for this statement, so SAVEPOINT may be used; they never end it themselves. When they
raise, the wire rolls back its own transaction, or leaves the client's failed.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


class Backend(Protocol):
    """One PostgreSQL connection, the client's own, inside its open transaction.

    SQL handed to it is PostgreSQL's, not Redshift's. Every method raises `RedshiftError` with
    the SQLSTATE and texts of the ErrorResponse; the transaction is then failed, unless the caller
    rolls back to a savepoint of its own.
    """

    async def query(self, sql: str) -> list[tuple[str | None, ...]]:
        """Run `sql`, one or several statements; return all rows, each value as text or None."""
        ...

    async def copy_in(self, sql: str, chunks: AsyncIterator[bytes]) -> int:
        """Run a `COPY … FROM STDIN`, feed it `chunks`, return the rows loaded.

        `chunks` need not end at row boundaries. An exception from `chunks` cancels the COPY and
        comes out of this call unchanged.
        """
        ...

    def copy_out(self, sql: str) -> AsyncIterator[bytes]:
        """Run a `COPY (…) TO STDOUT` and yield its rows, one or more whole rows per chunk.

        An iteration left early, or failed, is read to its end by the wire, unseen.
        """
        ...


class Log(Protocol):
    """Another PostgreSQL connection, as superuser and with autocommit.

    What it writes survives the client's ROLLBACK, as Redshift's load logs do.
    """

    async def write(self, sql: str) -> None:
        """Run `sql` (PostgreSQL's, one or several statements in one transaction)."""
        ...


@dataclass(frozen=True)
class Session:
    """What is known about the client at the time of one COPY or UNLOAD.

    `query_id` is this statement's own number, unique for the life of the data directory and
    ascending; `transaction_id` is PostgreSQL's; `pid` is the backend's process id, which Redshift's
    system tables call session_id, pid or session. `s3_endpoint` is None for AWS itself;
    `copy_roles` are the ARNs of the roles associated with the cluster, the default one first.
    """

    pid: int
    user_id: int
    user: str
    database: str
    transaction_id: int
    query_id: int
    s3_endpoint: str | None
    copy_roles: tuple[str, ...]
