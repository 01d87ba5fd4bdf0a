"""The run lock: two runs never touch the warehouse at once, whoever started them.

The lock is a lease in `ops.run_lock`, one row per dbt target schema. Each dbt command of the run
renews it (`macros/acquire_run_lock.sql`); a run that died stops renewing, and its lease runs out.
"""

from dataclasses import dataclass
from datetime import datetime

from redshift_connector.core import Connection


@dataclass(frozen=True)
class RunLockHeldError(Exception):
    """Another run works on the warehouse; `expires_at` (UTC) is when its lease would run out."""

    owner: str
    expires_at: datetime

    def __str__(self) -> str:
        return (
            f"Run {self.owner} is working on the warehouse; two runs never touch it at once. Wait "
            "for it to end. If it died or was interrupted, its lock runs out at "
            f"{self.expires_at:%Y-%m-%d %H:%M:%S} UTC, or goes at once by: "
            f"delete from ops.run_lock where owner = '{self.owner}'"
        )


def acquire_run_lock(connection: Connection, target_schema: str, owner: str, minutes: int) -> None:
    """Take the lock, or renew it when `owner` holds it; raise RunLockHeldError when another does.

    The connection must not be in a transaction, and is in none afterwards.
    """
    connection.autocommit = False
    try:
        with connection.cursor() as cursor:
            cursor.execute("lock table ops.run_lock")
            cursor.execute(
                "delete from ops.run_lock where target_schema = %s "
                "and (owner = %s or expires_at < sysdate)",
                (target_schema, owner),
            )
            cursor.execute(
                "select owner, expires_at from ops.run_lock where target_schema = %s",
                (target_schema,),
            )
            if holder := cursor.fetchone():
                raise RunLockHeldError(*holder)
            cursor.execute(
                "insert into ops.run_lock "
                "select %s, %s, sysdate, dateadd(minute, %s, sysdate), "
                '(select coalesce(max(load_id), 0) from "raw".load_history)',
                (target_schema, owner, minutes),
            )
        connection.commit()
    finally:
        connection.rollback()


def release_run_lock(connection: Connection, target_schema: str, owner: str) -> None:
    """Give the lock back; a lock that is another's, or nobody's, is left as it is."""
    with connection.cursor() as cursor:
        cursor.execute(
            "delete from ops.run_lock where target_schema = %s and owner = %s",
            (target_schema, owner),
        )
    connection.commit()
