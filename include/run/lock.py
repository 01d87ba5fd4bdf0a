"""The run lock: two runs never touch the warehouse at once, whoever started them.

The lock is a lease in `ops.run_lock`, one row per dbt target schema. The first task of an Airflow
run takes it, or the dbt command that a person starts; each dbt command of the run renews it. A run
that died stops renewing, and its lease expires. dbt and this module share the SQL in `macros/runs`.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from logging import getLogger

import sqlparse
from redshift_connector.core import Connection
from redshift_connector.error import Error

from include.macros import render

log = getLogger(__name__)


@dataclass(eq=False)
class RunLockHeldError(Exception):
    """The lock is not ours: another run holds it until `expires_at` (UTC), or nobody does."""

    target_schema: str
    owner: str
    holder: str | None
    expires_at: datetime | None

    def __str__(self) -> str:
        expires_at = f"{self.expires_at:%Y-%m-%d %H:%M:%S}" if self.expires_at else None
        return render("run_lock_refusal", self.target_schema, self.owner, self.holder, expires_at)


def acquire_run_lock(
    connection: Connection, target_schema: str, owner: str, minutes: int, *, may_take: bool = True
) -> None:
    """Take the lock for so many minutes, or renew it where `owner` holds it.

    Without `may_take` it is renewed only. Raises RunLockHeldError when the lock is not ours
    afterwards. The connection must not be in a transaction, and is in none afterwards.
    """
    connection.autocommit = False
    try:
        with connection.cursor() as cursor:
            cursor.execute(render("newest_load_sql"))
            [(newest,)] = cursor.fetchall()
            connection.rollback()  # the transaction of the lock begins with LOCK
            sql = render("run_lock_sql", target_schema, owner, minutes, newest, may_take)
            for statement in sqlparse.split(sql):
                cursor.execute(statement)
            cursor.execute(render("run_lock_holder_sql", target_schema))
            holder, expires_at = cursor.fetchone() or (None, None)
        connection.commit()
    finally:
        connection.rollback()
    if holder != owner:
        raise RunLockHeldError(target_schema, owner, holder, expires_at)


def release_run_lock(connection: Connection, target_schema: str, owner: str) -> None:
    """Give the lock back; a lock that is another's, or nobody's, is left as it is."""
    with connection.cursor() as cursor:
        cursor.execute(render("run_lock_release_sql", target_schema, owner))
    connection.commit()


@contextmanager
def keep_run_lock(
    connect: Callable[[], Connection],
    target_schema: str,
    owner: str,
    minutes: int,
    every_seconds: float | None = None,
) -> Iterator[None]:
    """Renew the lock of `owner` from a thread while the block runs, by default thrice a lease.

    For work that may outlast the lease, such as a long COPY. A renewal that fails is logged and
    tried again: it is the next dbt command that refuses to go on without the lock.
    """
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(every_seconds or minutes * 60 / 3):
            try:
                with closing(connect()) as connection:
                    acquire_run_lock(connection, target_schema, owner, minutes, may_take=False)
            except (Error, OSError, RunLockHeldError) as error:
                log.warning("The run lock of %s was not renewed: %s", owner, error)

    thread = threading.Thread(target=renew, name="keep_run_lock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
