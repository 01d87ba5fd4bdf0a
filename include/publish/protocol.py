"""The transaction that publishes, and the one that takes the last publication back.

Builds note in `ops.replaced_keys` what they are about to replace. A publication replaces the same
keys of all tables that analysts read, in one transaction, and keeps the rows that were there in the
schema `superseded`. So its cost follows the change, and readers see the state before or the state
after. Trying it again, after a crash at any statement, publishes what is left.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from logging import getLogger
from pathlib import Path
from typing import TypeVar

from redshift_connector.core import Connection
from redshift_connector.cursor import Cursor

from include.load.errors import attempting, attempts
from include.load.replacement import transaction
from include.load.sql import identifier, literal
from include.macros import render
from include.publish import relations
from include.publish.relations import Column, Columns
from include.publish.tables import SUPERSEDED, PublishedTable, published_tables
from include.publish.verdict import require_green
from include.run.lock import RunLockHeldError

log = getLogger(__name__)

FIRST = 1
Result = TypeVar("Result")


class PublicationHeldError(Exception):
    """The last publication was rolled back: only a person's command publishes again."""


class RollbackError(Exception):
    """There is no publication that can be taken back."""


@dataclass(frozen=True)
class Change:
    """The rows of a table that a publication replaces: those for which `condition` holds."""

    table: PublishedTable
    condition: str


def publish(
    connect: Callable[[], Connection],
    manifest: Path,
    target_schema: str,
    run_id: str,
    *,
    release_hold: bool = False,
) -> dict[str, int]:
    """Bring what builds have replaced to readers; return the number of rows put in, by table.

    The run must hold the run lock. Raises GateError unless every test has passed since the builds,
    PublicationHeldError after a rollback (unless `release_hold`), and LoadError or TransientError
    for what Redshift answers; then readers keep what they had.
    """
    tables = published_tables(manifest)

    def work(cursor: Cursor) -> dict[str, int]:
        through_load_id = require_run_lock(cursor, target_schema, run_id)
        require_green(cursor, manifest, target_schema)
        last, held_since = newest_publication(cursor, target_schema)
        if held_since and not release_hold:
            raise PublicationHeldError(
                f"Nothing was published: publication {last} was rolled back at "
                f"{held_since:%Y-%m-%d %H:%M:%S} UTC. What was built since is tested and waits. "
                "`make publish` brings it to readers; then the hourly run publishes again."
            )
        changes = replaced(cursor, tables, target_schema, "publication_id is null")
        if not changes:
            # of tables that the project no longer has: nothing would ever publish them
            forget(cursor, target_schema, "publication_id is null")
            return {}
        relations.create_schemas(cursor, {SUPERSEDED, *(each.schema for each in tables.values())})
        columns = relations.read_columns(cursor, tables.values())
        for schema, name in columns:
            if schema == SUPERSEDED:
                cursor.execute(f"drop table {identifier(schema, name)}")
        rows = {}
        for change in changes:
            with attempting(f"Publishing {change.table.published}"):
                rows[change.table.name] = bring(cursor, change, tables, columns)
        with attempting("Declaring the keys and comments of what was published"):
            relations.add_foreign_keys(cursor, tables)
            relations.copy_comments(cursor, tables)
        with attempting("Writing the account of the publication"):
            write_account(cursor, target_schema, last + 1, run_id, through_load_id)
        return rows

    return in_transaction(connect, "Publishing", work)


def roll_back(
    connect: Callable[[], Connection], manifest: Path, target_schema: str, run_id: str
) -> int:
    """Take the last publication back, so that readers see the state before; return its number.

    What it had brought waits, and so does what is built from now on, until a person publishes. The
    run must hold the run lock. Raises RollbackError where there is no state before, or it was taken
    back already.
    """
    tables = published_tables(manifest)

    def work(cursor: Cursor) -> int:
        require_run_lock(cursor, target_schema, run_id)
        last, held_since = newest_publication(cursor, target_schema)
        if held_since:
            raise RollbackError(
                f"Publication {last} was rolled back at {held_since:%Y-%m-%d %H:%M:%S} UTC. Only "
                "the state before the last publication is kept."
            )
        if last <= FIRST:
            raise RollbackError(
                "There is no state before the first publication. Correct the files or the models, "
                "build, and publish that (make build)."
            )
        columns = relations.read_columns(cursor, tables.values())
        for change in replaced(cursor, tables, target_schema, f"publication_id = {last}"):
            with attempting(f"Taking back {change.table.published}"):
                take_back(cursor, change, tables, columns)
        relations.add_foreign_keys(cursor, tables)
        cursor.execute(
            "update ops.replaced_keys set publication_id = null "
            "where target_schema = %s and publication_id = %s",
            (target_schema, last),
        )
        cursor.execute(
            "update ops.publications set rolled_back_at = sysdate "
            "where target_schema = %s and publication_id = %s",
            (target_schema, last),
        )
        return last

    return in_transaction(connect, "Rolling back", work)


def in_transaction(
    connect: Callable[[], Connection], action: str, work: Callable[[Cursor], Result]
) -> Result:
    """Do the work in a transaction on a new connection, again when what went wrong may pass."""
    for attempt in attempts(log):
        with (
            attempt,
            attempting(action),
            closing(connect()) as connection,
            transaction(connection),
            closing(connection.cursor()) as cursor,
        ):
            result = work(cursor)
    return result


def newest_publication(cursor: Cursor, target_schema: str) -> tuple[int, datetime | None]:
    """Return the number of the last publication, 0 if none, and when it was taken back."""
    cursor.execute(
        "select publication_id, rolled_back_at from ops.publications where target_schema = %s "
        "order by publication_id desc limit 1",
        (target_schema,),
    )
    number, rolled_back_at = cursor.fetchone() or (0, None)
    return int(number), rolled_back_at


def replaced(
    cursor: Cursor, tables: Mapping[str, PublishedTable], target_schema: str, which: str
) -> list[Change]:
    """Return what builds have replaced, by table; `which` selects rows of `ops.replaced_keys`."""
    noted = f"from ops.replaced_keys where target_schema = {literal(target_schema)} and {which}"
    cursor.execute(f"select model, count(*) > count(key_value) {noted} group by model")
    is_whole = dict(cursor.fetchall())
    changes = []
    for name, table in tables.items():
        keys = f"select key_value {noted} and model = {literal(name)}"
        if name not in is_whole:
            continue
        if is_whole[name] or table.replaced_by is None:
            condition = "true"
        elif table.is_by_day:
            cursor.execute(f"select distinct key_value from ({keys}) as days order by key_value")
            condition = render(
                "within_days", table.replaced_by, [day for (day,) in cursor.fetchall()]
            )
        else:
            condition = f"cast({table.replaced_by} as varchar) in ({keys})"
            if table.is_by_number:  # literal bounds are what zone maps prune by
                cursor.execute(
                    "select min(cast(key_value as bigint)), max(cast(key_value as bigint)) "
                    f"from ({keys}) as keys"
                )
                [(lowest, highest)] = cursor.fetchall()
                condition = f"{table.replaced_by} between {lowest} and {highest} and {condition}"
        changes.append(Change(table, condition))
    return changes


def require_run_lock(cursor: Cursor, target_schema: str, run_id: str) -> int:
    """Return through which load the run reads; raise RunLockHeldError if it lost the run lock."""
    cursor.execute(
        "select owner, expires_at, through_load_id from ops.run_lock where target_schema = %s",
        (target_schema,),
    )
    holder, expires_at, through_load_id = cursor.fetchone() or (None, None, 0)
    if holder != run_id:
        raise RunLockHeldError(target_schema, run_id, holder, expires_at)
    return int(through_load_id)


def bring(
    cursor: Cursor, change: Change, tables: Mapping[str, PublishedTable], columns: Columns
) -> int:
    """Replace rows of a published table by those that were built; return the number put in."""
    table, condition = change.table, change.condition
    built = columns[table.built_schema, table.name]
    published = columns.get((table.schema, table.name), ())
    if published and published != built:
        condition = "true"
    if published:
        cursor.execute(f"create table {table.superseded} (like {table.published})")
        copy_rows(cursor, published, table.published, table.superseded, condition)
    if published == built:
        cursor.execute(f"delete from {table.published} where {condition}")
    else:
        if published:
            relations.drop(cursor, table, tables)
        relations.create(cursor, table, like=table.built)
    return copy_rows(cursor, built, table.built, table.published, condition)


def take_back(
    cursor: Cursor, change: Change, tables: Mapping[str, PublishedTable], columns: Columns
) -> None:
    """Give a published table the rows, and where they changed the columns, from before."""
    table, condition = change.table, change.condition
    before = columns.get((SUPERSEDED, table.name), ())
    published = columns[table.schema, table.name]
    if before == published:
        if table.replaced_by:
            condition += (
                f" or {table.replaced_by} in (select {table.replaced_by} from {table.superseded})"
            )
        cursor.execute(f"delete from {table.published} where {condition}")
    else:
        relations.drop(cursor, table, tables)
        if before:
            relations.create(cursor, table, like=table.superseded)
    if before:
        copy_rows(cursor, before, table.superseded, table.published, "true")
        cursor.execute(f"drop table {table.superseded}")


def copy_rows(
    cursor: Cursor, columns: Sequence[Column], source: str, target: str, condition: str
) -> int:
    """Insert the rows of one table for which the condition holds into another; return how many."""
    names = ", ".join(identifier(each.name) for each in columns)
    cursor.execute(f"insert into {target} ({names}) select {names} from {source} where {condition}")
    return int(cursor.rowcount)


def write_account(
    cursor: Cursor, target_schema: str, publication_id: int, run_id: str, through_load_id: int
) -> None:
    """Note the publication, and of the replaced keys which ones it published."""
    forget(cursor, target_schema, "publication_id is not null")
    cursor.execute(
        "update ops.replaced_keys set publication_id = %s "
        "where target_schema = %s and publication_id is null",
        (publication_id, target_schema),
    )
    cursor.execute(
        "insert into ops.publications values (%s, %s, %s, %s, sysdate, null)",
        (target_schema, publication_id, run_id, through_load_id),
    )


def forget(cursor: Cursor, target_schema: str, which: str) -> None:
    """Take rows out of `ops.replaced_keys`."""
    cursor.execute(
        f"delete from ops.replaced_keys where target_schema = %s and {which}", (target_schema,)
    )
