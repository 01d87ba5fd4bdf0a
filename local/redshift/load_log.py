"""COPY's rows in the catalog: how a load goes, the files it read, the records it rejected."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from local.redshift.backend import Backend, Log, Session
from local.redshift.s3_objects import Object
from local.redshift.values import Column

Value = str | int | datetime | None
Row = dict[str, Value]
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
    """A file that was read to its end; `lines` counts records, a JSON object being a line."""

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
    table: str
    source: str
    file_format: str = ""
    start: datetime = field(default_factory=lambda: now())
    rejections: list[Rejection] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)
    file_count: int = 0
    file_bytes: int = 0
    written: list[str] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """Whether it is time to flush."""
        return len(self.rejections) >= BATCH or len(self.scans) >= BATCH

    async def begin(self) -> None:
        """Record that the load runs: from here on it is the session's last COPY."""
        await self.log.write(_insert("load_history", [self._load("running")]))

    async def flush(self) -> None:
        """Write the rejections and scans noted since the last flush."""
        rejections, self.rejections = self.rejections, []
        scans, self.scans = self.scans, []
        self.file_count += len(scans)
        self.file_bytes += sum(scan.file.size for scan in scans)
        for statement in (
            _insert("load_errors", [self._error(each) for each in rejections]),
            _insert("load_detail", [self._detail(each) for each in scans]),
        ):
            if statement:
                await self.log.write(statement)
                self.written.append(statement)

    async def end(self, status: str, rows: int, size: int, errors: int) -> None:
        """Flush, and record how the load ended: `completed` or `aborted`, rows and bytes loaded."""
        await self.flush()
        load = self._load(status) | {
            "end_time": now(),
            "loaded_rows": rows,
            "loaded_bytes": size,
            "source_file_count": self.file_count,
            "source_file_bytes": self.file_bytes,
            "error_count": errors,
        }
        statement = _insert("load_history", [load])
        running = f"delete from redshift.load_history where query_id = {self.session.query_id}"
        await self.log.write(f"{running}; {statement}")
        self.written.append(statement)

    async def show(self, backend: Backend) -> None:
        """Write the same rows in the client's transaction, whose snapshot does not see the log."""
        for statement in self.written:
            await backend.query(statement)

    def _load(self, status: str) -> Row:
        return {
            "query_id": self.session.query_id,
            "user_id": self.session.user_id,
            "transaction_id": self.session.transaction_id,
            "session_id": self.session.pid,
            "database_name": self.session.database,
            "status": status,
            "table_name": self.table,
            "start_time": self.start,
            "data_source": self.source,
            "file_format": self.file_format,
        }

    def _error(self, rejection: Rejection) -> Row:
        column = rejection.column
        return {
            "query_id": self.session.query_id,
            "user_id": self.session.user_id,
            "transaction_id": self.session.transaction_id,
            "session_id": self.session.pid,
            "database_name": self.session.database,
            "table_id": self.table_id,
            "start_time": self.start,
            "file_name": rejection.file.url,
            "line_number": rejection.line,
            "column_name": column.name if column else "",
            "column_type": _type_name(column),
            "column_length": _type_length(column),
            "position": rejection.position,
            "raw_line": _printable(rejection.raw_line),
            "raw_field_value": _printable(rejection.raw_value),
            "error_code": rejection.code,
            "error_message": rejection.reason,
        }

    def _detail(self, scan: Scan) -> Row:
        return {
            "query_id": self.session.query_id,
            "user_id": self.session.user_id,
            "file_name": scan.file.url,
            "file_etag": scan.file.etag.strip('"'),
            "file_last_modified": scan.file.last_modified,
            "file_format": "JSON" if self.file_format == "json" else "Text",
            "bytes_scanned": scan.file.size,
            "lines_scanned": scan.lines,
            "start_time": scan.start,
            "end_time": scan.end,
        }


def _insert(table: str, rows: list[Row]) -> str:
    """Return one INSERT for all rows, nothing when there are none."""
    if not rows:
        return ""
    values = (f"({', '.join(map(_literal, row.values()))})" for row in rows)
    return f"insert into redshift.{table} ({', '.join(rows[0])}) values {', '.join(values)}"


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
