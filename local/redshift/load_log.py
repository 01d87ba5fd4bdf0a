"""COPY's rows in the catalog: how a load goes, the files it read, the records it rejected."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from local.redshift.backend import Log, Session
from local.redshift.s3_objects import Object
from local.redshift.values import Column

Value = str | int | datetime | None
RAW_LENGTH = 1024
BATCH = 1000


@dataclass(frozen=True)
class Rejection:
    """A record that was not loaded; `column` is None when no single field is at fault."""

    file: Object
    line: int
    column: Column | None
    position: int
    raw_line: str
    raw_value: str
    code: int
    reason: str


@dataclass(frozen=True)
class Scan:
    """A file that was read to its end."""

    file: Object
    lines: int
    start: datetime
    end: datetime


@dataclass
class LoadLog:
    """The log of one COPY; nothing reaches the server but by `begin`, `flush` and `end`."""

    log: Log
    session: Session
    table_id: int
    start: datetime = field(default_factory=lambda: now())
    rejections: list[Rejection] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)
    file_count: int = 0
    file_bytes: int = 0

    @property
    def is_full(self) -> bool:
        """Whether it is time to flush."""
        return len(self.rejections) >= BATCH or len(self.scans) >= BATCH

    async def begin(self, table: str, source: str, file_format: str) -> None:
        """Record that the load runs: from here on it is the session's last COPY."""
        values: dict[str, Value] = {
            "query_id": self.session.query_id,
            "user_id": self.session.user_id,
            "transaction_id": self.session.transaction_id,
            "session_id": self.session.pid,
            "database_name": self.session.database,
            "table_name": table,
            "start_time": self.start,
            "data_source": source,
            "file_format": file_format,
        }
        await self._insert("load_history", [values])

    async def flush(self) -> None:
        """Write the rejections and scans noted since the last flush."""
        rejections, self.rejections = self.rejections, []
        scans, self.scans = self.scans, []
        self.file_count += len(scans)
        self.file_bytes += sum(scan.file.size for scan in scans)
        session = {
            "query_id": self.session.query_id,
            "user_id": self.session.user_id,
            "transaction_id": self.session.transaction_id,
            "session_id": self.session.pid,
        }
        await self._insert(
            "load_errors",
            [
                {
                    **session,
                    "database_name": self.session.database,
                    "table_id": self.table_id,
                    "start_time": self.start,
                    "file_name": each.file.url,
                    "line_number": each.line,
                    "column_name": each.column.name if each.column else "",
                    "column_type": _type_name(each.column),
                    "column_length": _type_length(each.column),
                    "position": each.position,
                    "raw_line": _printable(each.raw_line),
                    "raw_field_value": _printable(each.raw_value),
                    "error_code": each.code,
                    "error_message": each.reason,
                }
                for each in rejections
            ],
        )
        await self._insert(
            "load_detail",
            [
                {
                    **session,
                    "file_name": scan.file.url,
                    "bytes_scanned": scan.file.size,
                    "lines_scanned": scan.lines,
                    "start_time": scan.start,
                    "end_time": scan.end,
                    "file_etag": scan.file.etag,
                    "file_last_modified": scan.file.last_modified,
                }
                for scan in scans
            ],
        )

    async def end(self, status: str, rows: int, size: int, errors: int) -> None:
        """Flush, and record how the load ended: `completed` or `aborted`, rows and bytes loaded."""
        await self.flush()
        await self.log.write(
            "update redshift.load_history set (status, end_time, loaded_rows, loaded_bytes,"
            " source_file_count, source_file_bytes, file_count_scanned, file_bytes_scanned,"
            f" error_count) = ({quoted(status)}, {_literal(now())}, {rows}, {size},"
            f" {self.file_count}, {self.file_bytes}, {self.file_count}, {self.file_bytes},"
            f" {errors}) where query_id = {self.session.query_id}"
        )

    async def _insert(self, table: str, rows: list[dict[str, Value]]) -> None:
        if rows:
            values = (f"({', '.join(map(_literal, row.values()))})" for row in rows)
            await self.log.write(
                f"insert into redshift.{table} ({', '.join(rows[0])}) values {', '.join(values)}"
            )


def now() -> datetime:
    """Return the time as system tables keep it: UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def quoted(text: str) -> str:
    """Write `text` as an SQL literal, what SQL cannot hold (NUL, lone surrogates) changed."""
    clean = text.replace("\0", ".").encode("utf-8", "replace").decode()
    return "'" + clean.replace("'", "''") + "'"


def _literal(value: Value) -> str:
    match value:
        case None:
            return "null"
        case int():
            return str(value)
    return quoted(str(value))


def _printable(raw: str) -> str:
    """Cut raw data to its column, multibyte characters shown as periods (STL_LOAD_ERRORS)."""
    return "".join(char if char.isascii() else "." for char in raw[:RAW_LENGTH])


def _type_name(column: Column | None) -> str:
    if column is None:
        return ""
    return "char" if column.type == "bpchar" else column.type


def _type_length(column: Column | None) -> str:
    if column is None:
        return ""
    if column.type == "numeric":
        return f"{column.length}, {column.scale}"
    return str(column.length)
