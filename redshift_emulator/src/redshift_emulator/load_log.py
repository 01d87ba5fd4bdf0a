"""The load logs of COPY and UNLOAD in the catalog: status, files and rejected records."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from redshift_emulator.backend import Backend, Log, Session
from redshift_emulator.s3_objects import Object
from redshift_emulator.values import Column, text_of

Value = str | int | datetime | None
Row = dict[str, Value]
RAW_LENGTH = 1024
BATCH = 1000
DETAILED_ERRORS = 20
"""How many errors of a load STL_LOADERROR_DETAIL shows with their fields."""
LOGGED_REPLACEMENTS = 100
"""How many rows with replaced characters STL_REPLACEMENTS shows for a load."""


@dataclass(frozen=True)
class Rejection:
    """A record that was not loaded; `fields` are those read, the last one at fault, if any is."""

    file: Object
    line: int
    raw_line: str
    code: int
    reason: str
    position: int = 0
    fields: Sequence[tuple[Column, object]] = ()


@dataclass(frozen=True)
class Scan:
    """A file that was read to its end; `lines` counts records, so a JSON object is one line."""

    file: Object
    lines: int
    start: datetime
    end: datetime


@dataclass
class LoadLog:
    """The log of one COPY; only `begin`, `flush`, `end` and `show` write to the server."""

    log: Log
    session: Session
    table_id: int
    table: str
    source: str
    file_format: str = ""
    start: datetime = field(default_factory=lambda: now())
    file_count: int = 0
    file_bytes: int = 0
    error_count: int = 0
    replaced_count: int = 0
    pending: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    hidden: list[str] | None = None

    @property
    def is_full(self) -> bool:
        """Whether it is time to flush."""
        return any(len(rows) >= BATCH for rows in self.pending.values())

    def reject(self, rejection: Rejection) -> None:
        """Record a rejected record and count it."""
        self.error_count += 1
        column, value = rejection.fields[-1] if rejection.fields else (None, "")
        record: Row = {"file_name": rejection.file.url, "line_number": rejection.line}
        self.pending["load_errors"].append(
            _session(self.session)
            | record
            | _column(column)
            | {
                "table_id": self.table_id,
                "start_time": self.start,
                "position": rejection.position,
                "raw_line": _printable(rejection.raw_line),
                "raw_field_value": _printable(text_of(value)),
                "error_code": rejection.code,
                "error_message": rejection.reason,
                "error_number": self.error_count,
            }
        )
        if self.error_count <= DETAILED_ERRORS:
            self.pending["load_error_fields"] += [
                _session(self.session)
                | record
                | _column(each)
                | {
                    "field": number,
                    "value": "" if parsed is None else _printable(text_of(parsed)),
                    "is_null": int(parsed is None),
                }
                for number, (each, parsed) in enumerate(rejection.fields)
            ]

    def replace(self, file: Object, line: int, raw_line: str, column: Column) -> None:
        """Record that invalid characters were replaced in a record, in `column` first."""
        self.replaced_count += 1
        if self.replaced_count <= LOGGED_REPLACEMENTS:
            self.pending["load_replacements"].append(
                _session(self.session)
                | {
                    "table_id": self.table_id,
                    "start_time": self.start,
                    "file_name": file.url,
                    "line_number": line,
                    "column_name": column.name,
                    "raw_line": _printable(raw_line),
                }
            )

    def scan(self, scan: Scan) -> None:
        """Record a file that was read and count it."""
        self.file_count += 1
        self.file_bytes += scan.file.size
        self.pending["load_detail"].append(
            {
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
        )

    async def begin(self, backend: Backend) -> None:
        """Record that the load is running; it is now the session's last COPY."""
        self.hidden = [] if await _in_snapshot(backend) else None
        await self.log.write(_insert("load_history", [self._load("running")]))

    async def flush(self) -> None:
        """Write what was recorded since the last flush."""
        pending, self.pending = self.pending, defaultdict(list)
        for table, rows in pending.items():
            if rows:
                await self._write(_insert(table, rows))

    async def end(self, status: str, rows: int, size: int) -> None:
        """Flush and record the end of the load: `completed` or `aborted`, rows and bytes loaded."""
        await self.flush()
        load = self._load(status) | {
            "end_time": now(),
            "loaded_rows": rows,
            "loaded_bytes": size,
            "source_file_count": self.file_count,
            "source_file_bytes": self.file_bytes,
            "error_count": self.error_count,
        }
        running = f"delete from redshift.load_history where query_id = {self.session.query_id}; "
        await self._write(_insert("load_history", [load]), first=running)

    async def show(self, backend: Backend) -> None:
        """Repeat the rows in the client's transaction when its snapshot hides the log."""
        for statement in self.hidden or ():
            await backend.query(statement)

    async def _write(self, statement: str, first: str = "") -> None:
        await self.log.write(first + statement)
        if self.hidden is not None:
            self.hidden.append(statement)

    def _load(self, status: str) -> Row:
        return _session(self.session) | {
            "status": status,
            "table_name": self.table,
            "start_time": self.start,
            "data_source": self.source,
            "file_format": self.file_format,
        }


@dataclass(frozen=True)
class UnloadedFile:
    """An object that UNLOAD wrote; `size` is in bytes, as stored."""

    url: str
    rows: int
    size: int
    start: datetime
    end: datetime


async def log_unload(
    log: Log,
    backend: Backend,
    session: Session,
    start: datetime,
    unload: Row,
    files: Sequence[UnloadedFile],
) -> None:
    """Record a finished UNLOAD; `unload` has its format, location, status, rows and error."""
    history = _session(session) | unload | {"start_time": start, "end_time": now()}
    history |= {
        "unloaded_files_count": len(files),
        "unloaded_files_size": sum(file.size for file in files),
    }
    details = [
        _session(session)
        | {
            "file_name": file.url,
            "start_time": file.start,
            "end_time": file.end,
            "line_count": file.rows,
            "transfer_size": file.size,
            "file_format": unload["file_format"],
        }
        for file in files
    ]
    written = [_insert("unload_history", [history])]
    if details:
        written.append(_insert("unload_detail", details))
    await log.write("; ".join(written))
    if unload["status"] == "completed" and await _in_snapshot(backend):
        await backend.query("; ".join(written))


async def _in_snapshot(backend: Backend) -> bool:
    """Tell whether the transaction's snapshot hides what others, such as the log, commit."""
    [(isolation,)] = await backend.query("select current_setting('transaction_isolation')")
    return isolation != "read committed"


def _session(session: Session) -> Row:
    return {
        "query_id": session.query_id,
        "user_id": session.user_id,
        "transaction_id": session.transaction_id,
        "session_id": session.pid,
        "database_name": session.database,
    }


def _column(column: Column | None) -> Row:
    return {
        "column_name": column.name if column else "",
        "column_type": _type_name(column),
        "column_length": _type_length(column),
    }


def _insert(table: str, rows: list[Row]) -> str:
    """Return one INSERT for all rows; there must be at least one."""
    values = (f"({', '.join(map(_literal, row.values()))})" for row in rows)
    return f"insert into redshift.{table} ({', '.join(rows[0])}) values {', '.join(values)}"


def now() -> datetime:
    """Return the current time as system tables store it: UTC, without a time zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def quoted(text: str) -> str:
    """Write `text` as an SQL literal; replace what SQL cannot hold (NUL, lone surrogates)."""
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
    """Cut raw data to its column and show non-ASCII characters as periods (STL_LOAD_ERRORS)."""
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
