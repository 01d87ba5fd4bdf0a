"""The load audit: what each load did, and what the next one must know of it.

`raw.load_history` has one row per load of a partition, `raw.load_errors` each refused line,
`raw.load_keys` the JSON keys seen, `raw.load_coverage` how far scheduled runs have come.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from redshift_connector.cursor import Cursor

from include.load.sql import literal

VARCHAR_MAX_BYTES = 65_535
MESSAGE_CHARACTERS = 80  # of a line or value: enough to find it by
VALUES_PER_INSERT = 1_000


@dataclass(frozen=True)
class Rejection:
    """A line that COPY refused: where it stands, what was wrong, and the record itself."""

    file_name: str
    line_number: int
    column_name: str | None
    error_code: int
    reason: str
    raw_line: str | None = None
    column_value: str | None = None

    def __str__(self) -> str:
        place = f"{self.file_name}, line {self.line_number}"
        if not self.column_name:
            text = f": {shorten(self.raw_line)!r}" if self.raw_line is not None else ""
            return f"{place}{text}: {self.reason}"
        value = f", value {shorten(self.column_value)!r}" if self.column_value is not None else ""
        return f"{place}, column {self.column_name}{value}: {self.reason}"


@dataclass(frozen=True)
class Entry:
    """One row of `raw.load_history`, save for its number and when it ended."""

    target_table: str
    partition_prefix: str
    mode: str
    status: str
    run_id: str
    files: int
    bytes: int
    listing_hash: str
    lines_scanned: int
    rows_loaded: int
    rows_rejected: int
    started_at: datetime


@dataclass(frozen=True)
class Record:
    """All that the audit keeps of one load."""

    load_id: int
    entry: Entry
    rejections: Sequence[Rejection] = ()
    json_keys: Collection[str] = ()


@dataclass(frozen=True)
class Newest:
    """The newest successful load of a partition."""

    listing_hash: str
    run_id: str
    rows_loaded: int
    load_id: int
    mode: str


def lock(cursor: Cursor) -> None:
    """Lock the audit for this transaction; loads that come meanwhile wait.

    It must be the transaction's first statement: Redshift takes the snapshot behind a LOCK, so the
    second of two loads sees what the first one committed.
    """
    cursor.execute('lock table "raw".load_history')


def next_load_id(cursor: Cursor) -> int:
    """Return a number above all others, now and ever; the audit must be locked.

    It is made of the clock: the models' watermarks outlive the audit, and numbers that began anew
    after it was dropped would be below them.
    """
    cursor.execute(
        "select greatest(coalesce(max(load_id), 0) + 1, "
        "cast(to_char(sysdate, 'YYYYMMDDHH24MISSMS') as bigint)) from \"raw\".load_history"
    )
    [(load_id,)] = cursor.fetchall()
    return int(load_id)


def newest_loads(cursor: Cursor, target: str, related_to: str | None = None) -> dict[str, Newest]:
    """Return the newest load of each partition of `target` that has rows there, by its address.

    With `related_to`, the start of an address, only of those that lie within it or around it.
    """
    related = "true"
    if related_to is not None:
        address = literal(related_to)
        related = (
            f"left(partition_prefix, {len(related_to)}) = {address} "
            f"or left({address}, len(partition_prefix)) = partition_prefix"
        )
    cursor.execute(
        "select partition_prefix, listing_hash, run_id, rows_loaded, load_id, mode from ("
        "select partition_prefix, listing_hash, run_id, rows_loaded, load_id, mode, status, "
        "row_number() over (partition by partition_prefix order by load_id desc) as age "
        f'from "raw".load_history where target_table = {literal(target)} '
        f"and status in ('loaded', 'absorbed') and ({related})"
        ") as loads where age = 1 and status = 'loaded'"
    )
    return {address: Newest(*row) for address, *row in cursor.fetchall()}


def write_entries(cursor: Cursor, records: Iterable[Record]) -> None:
    """Write loads to the audit: a row each, one for each refused line and each JSON key seen."""
    records = list(records)
    finished_at = naive(datetime.now(UTC))
    insert(
        cursor,
        "load_history",
        [
            {"load_id": each.load_id}
            | asdict(each.entry)
            | {"started_at": naive(each.entry.started_at), "finished_at": finished_at}
            for each in records
        ],
    )
    insert(
        cursor,
        "load_errors",
        [
            {
                "load_id": each.load_id,
                "target_table": each.entry.target_table,
                "partition_prefix": each.entry.partition_prefix,
                **asdict(rejection),
                "column_value": cut_to_varchar(rejection.column_value),
                "raw_line": cut_to_varchar(rejection.raw_line),
            }
            for each in records
            for rejection in each.rejections
        ],
    )
    insert(
        cursor,
        "load_keys",
        [
            {"load_id": each.load_id, "target_table": each.entry.target_table, "json_key": key}
            for each in records
            for key in sorted({str(cut_to_varchar(key, 256)) for key in each.json_keys})
        ],
    )


def absorbed_entry(entry: Entry, address: str) -> Entry:
    """Return the entry of a partition whose rows went when the one of `entry` was loaded."""
    return replace(
        entry,
        partition_prefix=address,
        status="absorbed",
        files=0,
        bytes=0,
        listing_hash="",
        lines_scanned=0,
        rows_loaded=0,
        rows_rejected=0,
    )


def insert(cursor: Cursor, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, given by column name, into a table of the audit."""
    rows_per_insert = VALUES_PER_INSERT // len(rows[0]) if rows else 1
    for start in range(0, len(rows), rows_per_insert):
        some = rows[start : start + rows_per_insert]
        places = "(" + ", ".join(["%s"] * len(some[0])) + ")"
        cursor.execute(
            f'insert into "raw".{table} ({", ".join(some[0])}) '
            f"values {', '.join([places] * len(some))}",
            tuple(value for row in some for value in row.values()),
        )


def covered_through(cursor: Cursor, target: str) -> datetime | None:
    """Return the end (UTC) of what scheduled runs have looked at, or None before the first."""
    cursor.execute(
        'select max(covered_through) from "raw".load_coverage '
        f"where target_table = {literal(target)}"
    )
    [(covered,)] = cursor.fetchall()
    return covered.replace(tzinfo=UTC) if covered else None


def cover(cursor: Cursor, target: str, through: datetime) -> None:
    """Note that a scheduled run has looked at everything up to `through`."""
    covered = covered_through(cursor, target)
    if covered is None or covered < through:
        cursor.execute(f'delete from "raw".load_coverage where target_table = {literal(target)}')
        row = {"target_table": target, "covered_through": naive(through)}
        insert(cursor, "load_coverage", [row])


def naive(moment: datetime) -> datetime:
    """Return a time as Redshift's TIMESTAMP keeps it: UTC, without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def cut_to_varchar(text: str | None, size: int = VARCHAR_MAX_BYTES) -> str | None:
    """Cut text to what a varchar holds, in bytes; Redshift keeps no NUL characters."""
    if text is None:
        return None
    whole = text.replace("\0", "").encode(errors="replace")
    return whole[:size].decode(errors="ignore")


def shorten(text: str) -> str:
    """Cut text to what a message shows of it."""
    return text if len(text) <= MESSAGE_CHARACTERS else f"{text[:MESSAGE_CHARACTERS]}…"
