"""The books of the loads: `raw.load_history` and `raw.load_errors`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from redshift_connector.cursor import Cursor

VARCHAR_MAX_BYTES = 65_535
MESSAGE_CHARACTERS = 80  # of a line or value: enough to find it by


@dataclass(frozen=True)
class Rejection:
    """A line that COPY refused: where it stands, what was wrong, and the line itself."""

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
    """One row of `raw.load_history`, save for what the ledger itself adds."""

    target: str
    batch: str
    mode: str
    run_id: str
    files: int
    bytes: int
    listing_hash: str
    started_at: datetime


def open_ledger(cursor: Cursor) -> None:
    """Take the ledger for this transaction; loads that come meanwhile wait.

    It must be the transaction's first statement: Redshift takes the snapshot behind a LOCK, so the
    second of two loads sees what the first one committed.
    """
    cursor.execute('lock table "raw".load_history')


def next_load_id(cursor: Cursor) -> int:
    """Return the number that the next entry bears; the ledger must be open."""
    cursor.execute('select coalesce(max(load_id), 0) + 1 from "raw".load_history')
    [(load_id,)] = cursor.fetchall()
    return int(load_id)


def newest_load(cursor: Cursor, target: str, batch: str, mode: str) -> tuple[str, str] | None:
    """Return (listing hash, run id) of the batch's newest successful load, or None."""
    cursor.execute(
        'select listing_hash, run_id from "raw".load_history '
        "where target_table = %s and batch = %s and mode = %s and status = 'loaded' "
        "order by load_id desc limit 1",
        (target, batch, mode),
    )
    row = cursor.fetchone()
    return (row[0], row[1]) if row else None


def write_entry(
    cursor: Cursor,
    load_id: int,
    entry: Entry,
    *,
    status: str,
    lines_scanned: int,
    rows_loaded: int,
    rejections: Iterable[Rejection],
) -> None:
    """Write one row of the ledger and one for each refused line."""
    rejections = list(rejections)
    insert(
        cursor,
        '"raw".load_history',
        load_id=load_id,
        target_table=entry.target,
        batch=entry.batch,
        mode=entry.mode,
        status=status,
        run_id=entry.run_id,
        files=entry.files,
        bytes=entry.bytes,
        listing_hash=entry.listing_hash,
        lines_scanned=lines_scanned,
        rows_loaded=rows_loaded,
        rows_rejected=len(rejections),
        started_at=entry.started_at.replace(tzinfo=None),
        finished_at=datetime.now(UTC).replace(tzinfo=None),
    )
    for rejection in rejections:
        insert(
            cursor,
            '"raw".load_errors',
            load_id=load_id,
            target_table=entry.target,
            batch=entry.batch,
            file_name=rejection.file_name,
            line_number=rejection.line_number,
            column_name=rejection.column_name,
            column_value=cut_to_varchar(rejection.column_value),
            error_code=rejection.error_code,
            reason=rejection.reason,
            raw_line=cut_to_varchar(rejection.raw_line),
        )


def insert(cursor: Cursor, table: str, **values: Any) -> None:
    """Insert one row given by column name."""
    places = ", ".join(["%s"] * len(values))
    cursor.execute(
        f"insert into {table} ({', '.join(values)}) values ({places})", tuple(values.values())
    )


def cut_to_varchar(text: str | None) -> str | None:
    """Cut text to what the widest varchar holds, 65,535 bytes; Redshift keeps no NUL characters."""
    if text is None:
        return None
    whole = text.replace("\0", "").encode()
    return whole[:VARCHAR_MAX_BYTES].decode(errors="ignore")


def shorten(text: str) -> str:
    """Cut text to what a message shows of it."""
    return text if len(text) <= MESSAGE_CHARACTERS else f"{text[:MESSAGE_CHARACTERS]}…"
