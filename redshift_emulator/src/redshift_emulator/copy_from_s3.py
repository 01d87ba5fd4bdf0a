"""COPY table FROM 's3://…': reads records from S3 objects and loads them with PostgreSQL's COPY.

Listing, fetching, decompressing and parsing run in threads, so that the event loop keeps serving
other clients. Rows stream to the client's transaction in chunks, so memory does not grow with the
data. Rules: COPY and its parameter pages (AWS Database Developer Guide).
"""

import asyncio
import sys
import zlib
from collections.abc import AsyncIterator, Coroutine, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import IO

from mypy_boto3_s3 import S3Client
from zstandard import ZstdError

from redshift_emulator.backend import Backend, Log, Session
from redshift_emulator.column_values import ColumnConverter, column_converter
from redshift_emulator.errors import RedshiftError
from redshift_emulator.load_log import LoadLog, Rejection, Scan, now, quoted
from redshift_emulator.records import (
    AutoMapping,
    Batch,
    Mapping,
    Reader,
    Record,
    TextFormat,
    field_position,
    json_reader,
    jsonpaths_mapping,
    text_reader,
)
from redshift_emulator.s3_objects import (
    Object,
    client,
    copy_source,
    decompressed,
    load_error,
    open_objects,
    read_whole,
    s3_errors,
)
from redshift_emulator.statements import Copy
from redshift_emulator.values import (
    NULL,
    Column,
    Conversion,
    Converter,
    LoadError,
    converter,
    is_invalid,
)

CHUNK_BYTES = 256 * 1024
MAX_MAXERROR = 100_000
_ENCODINGS = {
    "UTF8": "utf-8",
    "UTF16": "utf-16",
    "UTF16LE": "utf-16-le",
    "UTF16BE": "utf-16-be",
}

_NOT_WITH_JSON = (
    "CSV",
    "DELIMITER",
    "ESCAPE",
    "FILLRECORD",
    "IGNOREBLANKLINES",
    "NULL",
    "QUOTE",
    "REMOVEQUOTES",
)


async def run_copy(statement: Copy, backend: Backend, log: Log, session: Session) -> int:
    """Load the objects that `statement` names; return the number of rows loaded (NOLOAD: 0).

    Rejected records and files are logged even if the transaction rolls back. Raises RedshiftError
    when the source cannot be read, or when the number of rejected records reaches MAXERROR.
    """
    _check(statement)
    table = await _target(statement, backend)
    load_log = LoadLog(log, session, table.oid, table.name, statement.source)
    s3 = client(statement.credentials, _text(statement, "REGION"), session)
    with ThreadPoolExecutor(1, "copy") as worker:
        loop = asyncio.get_running_loop()
        load = await loop.run_in_executor(worker, _begin, statement, s3, table, load_log)
        load_log.file_format = load.file_format
        await load_log.begin(backend)
        rows = load.rows()

        async def chunks() -> AsyncIterator[bytes]:
            """Yield rows, while the worker reads the next ones."""
            following = worker.submit(next, rows, None)
            while (chunk := await asyncio.wrap_future(following)) is not None:
                if load_log.is_full:
                    await load_log.flush()
                following = worker.submit(next, rows, None)
                if chunk:
                    yield chunk

        async def end() -> None:
            # A cancelled load may still be reading, so close it on the same thread, after it.
            await loop.run_in_executor(worker, rows.close)
            done = status == "completed"
            await load_log.end(
                status, load.loaded_rows if done else 0, load.loaded_bytes if done else 0
            )

        status = "aborted"
        try:
            if statement.options.get("NOLOAD"):
                async for _ in chunks():
                    pass
                load.loaded_rows = load.loaded_bytes = 0
            else:
                await backend.copy_in(f"copy {table.sql} from stdin", chunks())
                if statement.options.get("STATUPDATE") in (True, "ON", "TRUE"):
                    await backend.query(f"analyze {table.sql}")
            status = "completed"
        finally:
            await to_its_end(end())
        await load_log.show(backend)
    return load.loaded_rows


async def to_its_end(work: Coroutine[None, None, None]) -> None:
    """Await `work`; when cancelled, however often, finish it first."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled:
        raise cancelled


def _check(statement: Copy) -> None:
    """Refuse options that exclude each other or are out of range (Data format parameters)."""
    options = statement.options
    for option in options:
        if "JSON" in options and option in _NOT_WITH_JSON:
            raise RedshiftError("0A000", f"{option} is not supported with COPY from JSON")
        if "CSV" in options and option in ("ESCAPE", "REMOVEQUOTES"):
            raise RedshiftError("0A000", f"{option} is not supported with COPY from CSV")
    if "MAXERROR" in options and "IGNOREALLERRORS" in options:
        raise RedshiftError("0A000", "MAXERROR is not supported with IGNOREALLERRORS")
    if str(options.get("ENCODING", "UTF8")).upper() not in _ENCODINGS:
        raise RedshiftError("22023", f"invalid encoding {options['ENCODING']}")
    if not 0 <= int(options.get("MAXERROR", 0)) <= MAX_MAXERROR:
        raise RedshiftError("22023", f"MAXERROR must be between 0 and {MAX_MAXERROR}")


@dataclass(frozen=True)
class Table:
    """The target table and the columns that COPY fills, in the order of the source."""

    oid: int
    schema: str
    name: str
    columns: tuple[Column, ...]

    @property
    def sql(self) -> str:
        """The table with its column list, for PostgreSQL's COPY."""
        columns = ", ".join(_identifier(column.name) for column in self.columns)
        return f"{_identifier(self.schema)}.{_identifier(self.name)} ({columns})"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


async def _target(statement: Copy, backend: Backend) -> Table:
    rows = await backend.query(
        "select c.oid, n.nspname, c.relname, a.attname, t.typname, a.atttypmod, a.attnotnull,"
        " a.attidentity <> ''"
        " from pg_catalog.pg_class c"
        " join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
        " join pg_catalog.pg_attribute a on a.attrelid = c.oid"
        " join pg_catalog.pg_type t on t.oid = a.atttypid"
        f" where c.oid = to_regclass({quoted(statement.table)}) and c.relkind = 'r'"
        " and a.attnum > 0 and not a.attisdropped"
        " order by a.attnum"
    )
    if not rows:
        raise RedshiftError("42P01", f"Cannot COPY into nonexistent table {statement.table}")
    oid, schema, name = (str(each) for each in rows[0][:3])
    columns = {}
    for *_, column, type_name, modifier, not_null, is_identity in rows:
        if statement.columns or statement.options.get("EXPLICIT_IDS") or is_identity != "t":
            columns[str(column)] = _column(
                str(column), str(type_name), int(str(modifier)), not_null == "t"
            )
    for column in statement.columns:
        if column not in columns:
            raise RedshiftError("42703", f'column "{column}" of relation "{name}" does not exist')
    wanted = statement.columns or tuple(columns)
    chosen = tuple(columns[column] for column in wanted)
    return Table(int(oid), schema, name, chosen)


def _column(name: str, type_name: str, modifier: int, not_null: bool) -> Column:
    size = modifier - 4
    if size < 0:
        return Column(name, type_name, not_null=not_null)
    if type_name == "numeric":
        return Column(name, type_name, size >> 16 & 0xFFFF, size & 0x7FF, not_null)
    return Column(name, type_name, size, not_null=not_null)


def _begin(statement: Copy, s3: S3Client, table: Table, load_log: LoadLog) -> "Load":
    """In the worker thread, do everything that can fail before the first record."""
    options = statement.options
    text = None if "JSON" in options else _text_format(statement, len(table.columns))
    reader = _json_reader(statement, s3, table) if text is None else text_reader(text)
    conversion = Conversion(
        date_format=_text(statement, "DATEFORMAT") or "YYYY-MM-DD",
        time_format=_text(statement, "TIMEFORMAT"),
        accept_any_date=bool(options.get("ACCEPTANYDATE")),
        replacement=_replacement(statement),
        blanks_as_null=bool(options.get("BLANKSASNULL")),
        empty_as_null=bool(options.get("EMPTYASNULL")),
        trim_blanks=bool(options.get("TRIMBLANKS")),
        truncate=bool(options.get("TRUNCATECOLUMNS")),
        round_decimals=bool(options.get("ROUNDEC")),
    )
    return Load(
        statement,
        s3,
        table.name,
        table.columns,
        copy_source(s3, statement.source, manifest=bool(options.get("MANIFEST"))),
        reader,
        text,
        [converter(column, conversion) for column in table.columns],
        [column_converter(column, conversion) for column in table.columns],
        load_log,
    )


def _text(statement: Copy, option: str) -> str | None:
    value = statement.options.get(option)
    return None if value is None or value is True else str(value)


def _encoding(statement: Copy) -> str:
    return _ENCODINGS[(_text(statement, "ENCODING") or "UTF8").upper()]


def _replacement(statement: Copy) -> str | None:
    if not statement.options.get("ACCEPTINVCHARS"):
        return None
    return _text(statement, "ACCEPTINVCHARS") or "?"


def _json_reader(statement: Copy, s3: S3Client, table: Table) -> Reader:
    names = [column.name for column in table.columns]
    argument = _text(statement, "JSON") or "auto"
    if argument == "noshred":
        raise RedshiftError("0A000", "The emulator does not support JSON 'noshred' and SUPER")
    if argument in ("auto", "auto ignorecase"):
        mapping: Mapping = AutoMapping(names, ignore_case=argument != "auto")
    else:
        mapping = jsonpaths_mapping(read_whole(s3, argument), names)
    skipped = int(statement.options.get("IGNOREHEADER", 0))
    return json_reader(mapping, skipped, _encoding(statement))


def _text_format(statement: Copy, columns: int) -> TextFormat:
    options, is_csv = statement.options, "CSV" in statement.options
    return TextFormat(
        columns,
        delimiter=_text(statement, "DELIMITER") or ("," if is_csv else "|"),
        quote=(_text(statement, "QUOTE") or '"') if is_csv else None,
        escapes=bool(options.get("ESCAPE")),
        removes_quotes=bool(options.get("REMOVEQUOTES")),
        null=str(options.get("NULL", "\\N")),
        fills=bool(options.get("FILLRECORD")),
        ignores_blank_lines=bool(options.get("IGNOREBLANKLINES")),
        skipped_lines=int(options.get("IGNOREHEADER", 0)),
        encoding=_encoding(statement),
    )


@dataclass
class Load:
    """One running COPY, in the worker thread; its counters are read once it has ended."""

    statement: Copy
    s3: S3Client
    table: str
    columns: tuple[Column, ...]
    objects: Iterator[Object]
    reader: Reader
    text: TextFormat | None
    converters: list[Converter]
    column_converters: list[ColumnConverter]
    log: LoadLog
    loaded_rows: int = 0
    loaded_bytes: int = 0
    required: list[int] = field(init=False)
    error_limit: int = field(init=False)
    replaces: bool = field(init=False)

    def __post_init__(self) -> None:
        self.required = [i for i, column in enumerate(self.columns) if column.not_null]
        options = self.statement.options
        limit = sys.maxsize if options.get("IGNOREALLERRORS") else options.get("MAXERROR", 0)
        self.error_limit = max(1, int(limit))
        self.replaces = bool(options.get("ACCEPTINVCHARS"))

    @property
    def file_format(self) -> str:
        """The name of the format in sys_load_history."""
        return "json" if self.text is None else "csv" if self.text.quote else "txt"

    def rows(self) -> Generator[bytes, None, None]:
        """Yield chunks of rows for text COPY; an empty chunk means that only the log is full."""
        chunk = bytearray()
        for file, stream in open_objects(self.s3, self.objects):
            start, records = now(), 0
            for batch in self._batches(file, stream):
                records += len(batch.values)
                lines = self._lines(file, batch)
                size = len(chunk)
                if lines:
                    chunk += ("\n".join(lines) + "\n").encode()
                self.loaded_rows += len(lines)
                self.loaded_bytes += len(chunk) - size
                if len(chunk) >= CHUNK_BYTES or self.log.is_full:
                    yield bytes(chunk)
                    chunk.clear()
            self.log.scan(Scan(file, records, start, now()))
        yield bytes(chunk)

    def _batches(self, file: Object, stream: IO[bytes]) -> Iterator[Batch]:
        try:
            with s3_errors(file.url):
                yield from self.reader(decompressed(stream, self.statement.options))
        except UnicodeError as error:
            text = f"{file.url} is not in the encoding that COPY names: {error}"
            raise load_error(text, 1221) from error
        except (OSError, EOFError, zlib.error, ZstdError) as error:
            raise load_error(f"Cannot read {file.url}: {error}") from error

    def _lines(self, file: Object, batch: Batch) -> list[str]:
        """Return the records as lines for text COPY, and log why others are rejected."""
        lines = self._lines_at_once(batch)
        if lines is None:
            one_by_one = (self._line(file, record) for record in batch.records)
            lines = [line for line in one_by_one if line is not None]
        return lines

    def _lines_at_once(self, batch: Batch) -> list[str] | None:
        """Convert the records column by column; return None if there is anything to log."""
        values = [each for each in batch.values if not isinstance(each, LoadError)]
        if not values or len(values) < len(batch.values) or self.replaces:
            return None
        columns = zip(*values, strict=True)
        try:
            fields = [
                convert(column)
                for convert, column in zip(self.column_converters, columns, strict=True)
            ]
        except LoadError:
            return None
        if any(NULL in fields[index] for index in self.required):
            return None
        return list(map("\t".join, zip(*fields, strict=True)))

    def _line(self, file: Object, record: Record) -> str | None:
        """Return the record as a line for text COPY, or log why it is rejected and return None."""
        values = record.values
        if isinstance(values, LoadError):
            self._reject(file, record, (), values)
            return None
        try:
            fields = [
                NULL if value is None else convert(value)
                for convert, value in zip(self.converters, values, strict=True)
            ]
        except LoadError as error:
            self._reject(file, record, values[: self._fault(values) + 1], error)
            return None
        for index in self.required:
            if fields[index] == NULL:
                missing = LoadError(1213, "Missing data for not-null field")
                self._reject(file, record, values[: index + 1], missing)
                return None
        if self.replaces:
            self._note_replacement(file, record, values)
        return "\t".join(fields)

    def _fault(self, values: Sequence[object]) -> int:
        """Return the index of the first field that fails; the fast path does not count fields."""
        for index, (convert, value) in enumerate(zip(self.converters, values, strict=True)):
            try:
                if value is not None:
                    convert(value)
            except LoadError:
                return index
        raise ValueError(values)

    def _note_replacement(self, file: Object, record: Record, values: Sequence[object]) -> None:
        for column, value in zip(self.columns, values, strict=True):
            if isinstance(value, str) and column.type in ("varchar", "text") and is_invalid(value):
                self.log.replace(file, record.line, record.raw, column)
                return

    def _reject(
        self, file: Object, record: Record, values: Sequence[object], error: LoadError
    ) -> None:
        position = 0
        if values and self.text is not None:
            position = field_position(record.raw, len(values) - 1, self.text)
        fields = list(zip(self.columns, values, strict=False))
        self.log.reject(
            Rejection(
                file, record.line, record.raw[:1024], error.code, error.reason, position, fields
            )
        )
        if self.log.error_count >= self.error_limit:
            raise RedshiftError(
                "XX000",
                f"Load into table '{self.table}' failed.  "
                "Check 'stl_load_errors' system table for details.",
            )
