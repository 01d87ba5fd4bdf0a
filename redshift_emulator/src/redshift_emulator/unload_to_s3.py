"""UNLOAD ('select …') TO 's3://…': writes PostgreSQL's COPY TO as CSV, JSON or text to S3.

Rows stream through one spooled file per object, so memory does not grow with the result. The
emulator has one slice. Rules: UNLOAD (AWS Database Developer Guide).
"""

import asyncio
import bz2
import gzip
import json
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from operator import add
from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast

import sqlglot
import zstandard
from mypy_boto3_s3 import S3Client
from sqlglot import exp

from redshift_emulator.backend import Backend, Log, Session
from redshift_emulator.errors import RedshiftError
from redshift_emulator.load_log import Row, UnloadedFile, log_unload, now
from redshift_emulator.lookup import translate_with_columns
from redshift_emulator.s3_objects import client, list_objects, load_error, s3_errors, split_url
from redshift_emulator.statements import SessionSettings, Sql, Unload

_NOT_WITH_JSON = ("CSV", "DELIMITER", "HEADER", "ADDQUOTES", "ESCAPE", "NULL")
_COMPRESSIONS: Mapping[str, tuple[str, Callable[..., Any]]] = {
    "GZIP": (".gz", gzip.open),
    "BZIP2": (".bz2", bz2.open),
    "ZSTD": (".zst", zstandard.open),
}
_BARE_TYPES = ("smallint", "integer", "bigint", "numeric", "real", "double precision", "jsonb")
_MEGABYTE = 1024 * 1024
_BATCH_BYTES = 256 * 1024
_SPOOLED_BYTES = 8 * _MEGABYTE

Field = str | None
RowWriter = Callable[[list[Field]], str]


async def run_unload(statement: Unload, backend: Backend, log: Log, session: Session) -> int:
    """Write the rows of the query to S3; return the number of rows.

    Raises RedshiftError when UNLOAD refuses the query or an option, when the destination is not
    empty, and when S3 returns an error.
    """
    _check(statement)
    select = await _select(statement.query, backend)
    names, types = await _columns(select, backend)
    header, write = _row_writer(statement.options, names, types)
    write = _with_digits(write, types)
    region = statement.options.get("REGION")
    s3 = client(statement.credentials, str(region) if region else None, session)
    target = Target(s3, statement, header)
    start, error = now(), "cancelled"
    with ThreadPoolExecutor(1, "unload") as worker:
        loop = asyncio.get_running_loop()
        # An UNLOAD that fails here is not logged (PG_LAST_UNLOAD_ID).
        await loop.run_in_executor(worker, target.prepare)
        try:
            batch = bytearray()
            async for chunk in backend.copy_out(f"copy ({select}) to stdout"):
                batch += chunk
                if len(batch) >= _BATCH_BYTES:
                    await loop.run_in_executor(worker, target.write, bytes(batch), write)
                    batch.clear()
            await loop.run_in_executor(worker, target.write, bytes(batch), write)
            await loop.run_in_executor(worker, target.finish)
            error = ""
        except RedshiftError as failure:
            error = failure.message
            raise
        finally:
            worker.submit(target.close)
            unload: Row = {
                "status": "aborted" if error else "completed",
                "file_format": _file_format(statement.options),
                "compression_type": next(filter(statement.options.get, _COMPRESSIONS), "").lower(),
                "unloaded_location": statement.target,
                "unloaded_rows": sum(file.rows for file in target.files),
                "error_message": error,
            }
            await log_unload(log, backend, session, start, unload, target.files)
    return sum(file.rows for file in target.files)


def _file_format(options: Mapping[str, str | int | bool]) -> str:
    return "JSON" if "JSON" in options else "CSV" if "CSV" in options else "Text"


def _check(statement: Unload) -> None:
    options = statement.options
    for option in options:
        if "JSON" in options and option in _NOT_WITH_JSON:
            raise RedshiftError("0A000", f"{option} is not supported with UNLOAD JSON")
    if "CLEANPATH" in options and "ALLOWOVERWRITE" in options:
        raise RedshiftError("0A000", "CLEANPATH is not supported with ALLOWOVERWRITE")
    if options.get("MANIFEST") == "VERBOSE":
        raise RedshiftError("0A000", "The emulator does not support the option MANIFEST VERBOSE")


async def _select(query: str, backend: Backend) -> str:
    """Return the query in PostgreSQL's dialect."""
    tree = sqlglot.parse_one(query, read="redshift")
    if not isinstance(tree, exp.Query):
        raise RedshiftError("42601", "UNLOAD needs a SELECT query")
    if tree.args.get("limit"):
        raise RedshiftError(
            "0A000",
            "LIMIT clause is not supported in the outermost select of an UNLOAD statement",
        )
    translated = await translate_with_columns(query, SessionSettings(), backend.query)
    statement = translated[0] if translated and len(translated) == 1 else None
    if not isinstance(statement, Sql):
        raise RedshiftError("42601", "UNLOAD needs a SELECT query")
    return statement.text


async def _columns(select: str, backend: Backend) -> tuple[list[str], list[str]]:
    """Return the names and PostgreSQL types of the query's columns, without running it."""
    nothing = f"select * from ({select}) as query where false"
    header = b"".join(
        [chunk async for chunk in backend.copy_out(f"copy ({nothing}) to stdout (header)")]
    )
    names = [name or "" for name in _fields(header.decode().removesuffix("\n"))]
    columns = [f"c{number}" for number in range(len(names))]
    ((*types,),) = await backend.query(
        f"select {', '.join(f'pg_typeof({column})' for column in columns)}"
        f" from (select) as one left join ({nothing}) as query ({', '.join(columns)}) on true"
    )
    return names, [str(each) for each in types]


def _fields(line: str) -> list[Field]:
    """Split a row of PostgreSQL's text COPY into fields."""
    fields = line.split("\t")
    if "\\" not in line:
        return list(fields)
    return [None if each == "\\N" else _ESCAPED.sub(_unescape, each) for each in fields]


_ESCAPED = re.compile(r"\\(.)")
_MEANINGS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def _unescape(escaped: re.Match[str]) -> str:
    return _MEANINGS.get(escaped[1], escaped[1])


def _row_writer(
    options: Mapping[str, str | int | bool], names: list[str], types: list[str]
) -> tuple[str, RowWriter]:
    """Return the header line, empty without HEADER, and the function that writes a row."""
    if "JSON" in options:
        return "", _json_writer(names, types)
    delimiter = str(options.get("DELIMITER", "," if "CSV" in options else "|"))
    null = str(options.get("NULL", ""))
    if "CSV" in options:
        write_text = _csv_text(delimiter)
    else:
        write_text = _delimited_text(
            delimiter, bool(options.get("ADDQUOTES")), bool(options.get("ESCAPE"))
        )

    def write(row: list[Field]) -> str:
        return delimiter.join(null if text is None else write_text(text) for text in row) + "\n"

    return write(list(names)) if options.get("HEADER") else "", write


def _with_digits(write: RowWriter, types: list[str]) -> RowWriter:
    """Write VARBYTE as hexadecimal digits, without PostgreSQL's prefix (VARBYTE type)."""
    varbytes = [at for at, each in enumerate(types) if each == "bytea"]

    def write_digits(row: list[Field]) -> str:
        for at in varbytes:
            value = row[at]
            row[at] = value and value.removeprefix("\\x")
        return write(row)

    return write_digits if varbytes else write


def _csv_text(delimiter: str) -> Callable[[str], str]:
    special = re.compile(f'[{re.escape(delimiter)}"\n\r]').search

    def write(text: str) -> str:
        if not special(text):
            return text
        doubled = text.replace('"', '""')
        return f'"{doubled}"'

    return write


def _delimited_text(delimiter: str, quotes: bool, escapes: bool) -> Callable[[str], str]:
    marks = "\"'" if quotes else ""
    special = re.compile(rf"[\n\r\\{re.escape(delimiter)}{marks}]")

    def write(text: str) -> str:
        if escapes:
            text = special.sub(r"\\\g<0>", text)
        return f'"{text}"' if quotes else text

    return write


def _json_writer(names: list[str], types: list[str]) -> RowWriter:
    """Write one object per line: bare numbers and SUPER, booleans as "t" and "f", the rest text."""
    keys = [json.dumps(name, ensure_ascii=False) + ":" for name in names]
    bare = [each in _BARE_TYPES for each in types]

    def write_value(text: Field, is_bare: bool) -> str:
        if text is None:
            return "null"
        return text if is_bare else json.dumps(text, ensure_ascii=False)

    def write(row: list[Field]) -> str:
        values = map(write_value, row, bare)
        return "{" + ",".join(map(add, keys, values)) + "}\n"

    return write


@dataclass
class Target:
    """The objects of one UNLOAD, in the worker thread, which writes one at a time."""

    s3: S3Client
    statement: Unload
    header: str
    files: list[UnloadedFile] = field(default_factory=list)
    spool: IO[bytes] | None = None
    stream: IO[bytes] | None = None
    written: int = 0
    rows: int = 0
    start: datetime = field(default_factory=lambda: now())

    def prepare(self) -> None:
        """Refuse a destination that is not empty, or clean it; then open the first object."""
        existing = list(list_objects(self.s3, self.statement.target))
        options = self.statement.options
        if existing and options.get("CLEANPATH"):
            for each in existing:
                with s3_errors(each.url):
                    self.s3.delete_object(Bucket=each.bucket, Key=each.key)
        elif existing and not options.get("ALLOWOVERWRITE"):
            raise load_error(
                "Specified unload destination on S3 is not empty. Consider using a different "
                "bucket / prefix, manually removing the target files in S3, or using the "
                "ALLOWOVERWRITE option."
            )
        self._open()

    def write(self, batch: bytes, write_row: RowWriter) -> None:
        """Write rows that come as text COPY."""
        lines = batch.decode().split("\n")[:-1]
        limit = _max_file_size(self.statement.options)
        for line in lines:
            row = write_row(_fields(line)).encode()
            if self.written and self.written + len(row) > limit:
                self._store()
                self._open()
            assert self.stream is not None
            self.stream.write(row)
            self.written += len(row)
            self.rows += 1

    def finish(self) -> None:
        """Store the last object, and the manifest if the statement asks for one."""
        self._store()
        if self.statement.options.get("MANIFEST"):
            entries = [
                {"url": file.url, "meta": {"content_length": file.size}} for file in self.files
            ]
            bucket, prefix = split_url(self.statement.target)
            with s3_errors(self.statement.target):
                self.s3.put_object(
                    Bucket=bucket,
                    Key=f"{prefix}manifest",
                    Body=json.dumps({"entries": entries}, indent=2).encode(),
                )

    def close(self) -> None:
        """Discard an object that was not stored."""
        if self.spool:
            self.spool.close()

    def _open(self) -> None:
        # _store or close closes it.
        self.spool = cast(IO[bytes], SpooledTemporaryFile(_SPOOLED_BYTES))  # noqa: SIM115
        self.stream = self.spool
        for option, (_, open_compressed) in _COMPRESSIONS.items():
            if self.statement.options.get(option):
                self.stream = open_compressed(self.spool, "wb")
        self.stream.write(self.header.encode())
        self.written, self.rows, self.start = 0, 0, now()

    def _store(self) -> None:
        assert self.spool is not None
        assert self.stream is not None
        if self.stream is not self.spool:
            self.stream.close()
        size = self.spool.tell()
        self.spool.seek(0)
        bucket, prefix = split_url(self.statement.target)
        key = prefix + self._suffix(len(self.files))
        with s3_errors(f"s3://{bucket}/{key}"), self.spool as content:
            self.s3.upload_fileobj(content, bucket, key)
        self.files.append(UnloadedFile(f"s3://{bucket}/{key}", self.rows, size, self.start, now()))

    def _suffix(self, number: int) -> str:
        options = self.statement.options
        serial = options.get("PARALLEL", "ON") in (False, "OFF", "FALSE")
        name = f"{number:03}" if serial else f"0000_part_{number:02}"
        if "EXTENSION" in options:
            return f"{name}.{options['EXTENSION']}"
        extensions = (suffix for each, (suffix, _) in _COMPRESSIONS.items() if options.get(each))
        return name + next(extensions, "")


def _max_file_size(options: Mapping[str, str | int | bool]) -> int:
    """Return MAXFILESIZE in bytes, from 5 MB to 6.2 GB; the default unit is MB."""
    found = re.fullmatch(r"([\d.]+)\s*(MB|GB)?", str(options.get("MAXFILESIZE", "6.2 GB")).upper())
    size = float(found[1]) * (1024 if found[2] == "GB" else 1) if found else 0.0
    if not 5 <= size <= 6.2 * 1024:
        raise RedshiftError("22023", "MAXFILESIZE must be between 5 MB and 6.2 GB")
    return int(size * _MEGABYTE)
