"""The load protocol: what lies under one S3 prefix into one Redshift table, whole or not at all.

One transaction: take the ledger, COPY into a temporary table, account for every line, note which
keys changed, replace the batch, write the ledger, commit. Whatever ends it before the commit leaves
the warehouse as it was, and running it again gives the same rows.
"""

import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from logging import getLogger
from typing import Literal, Protocol

from redshift_connector.core import Connection
from redshift_connector.cursor import Cursor
from redshift_connector.error import ProgrammingError

from include.load import audit
from include.load.audit import Rejection

log = getLogger(__name__)

Mode = Literal["replace_batch", "append", "truncate"]

# The system views of a busy cluster lag behind the COPY that they describe by some seconds.
SYSTEM_VIEW_PATIENCE_SECONDS = 30
ERRORS_SPELLED_OUT = 5


class LoadError(Exception):
    """A load that was given up; nothing of it is in the target table."""


@dataclass(frozen=True)
class S3Object:
    """One object of a listing; `size` is in bytes."""

    key: str
    size: int
    etag: str


class ObjectStore(Protocol):
    """What a load asks of S3."""

    def list_objects(self, bucket: str, prefix: str) -> Sequence[S3Object]:
        """Return every object whose key starts with `prefix`."""

    def iterate_lines(self, bucket: str, key: str) -> Iterator[bytes]:
        """Yield the lines of one object, without their line ends."""


@dataclass(frozen=True)
class LoadRequest:
    """What to load where.

    `copy_statement` makes the COPY for a table name and a MAXERROR; `change_keys` maps the name of
    a key in `raw.load_changes` to the SQL expression that computes it from a row of the target.
    """

    bucket: str
    prefix: str
    target: str
    mode: Mode
    max_rejected_lines: int
    change_keys: Mapping[str, str]
    run_id: str
    json_mapping: str
    copy_statement: Callable[[str, int], str]

    @property
    def relation(self) -> str:
        """The target in SQL: quoted, as `raw` is a reserved word in Redshift."""
        return ".".join(f'"{name}"' for name in self.target.split("."))

    @property
    def batch(self) -> str:
        """The name under which the ledger and the rows know what this load brings."""
        return f"s3://{self.bucket}/{self.prefix}"


@dataclass(frozen=True)
class LoadResult:
    """What a load did; `status` is `loaded`, or why nothing was done: `unchanged` or `empty`."""

    status: Literal["loaded", "unchanged", "empty"]
    batch: str
    files: int = 0
    bytes: int = 0
    lines_scanned: int = 0
    rows_loaded: int = 0
    rows_rejected: int = 0
    seconds: float = 0.0


def load(connection: Connection, store: ObjectStore, request: LoadRequest) -> LoadResult:
    """Load what lies under the prefix and return what was done.

    Raises LoadError, with the first refused lines spelled out, when more lines were refused than
    the budget allows or when the lines read are not those loaded and refused. The connection must
    not be in a transaction, and is in none afterwards.
    """
    started_at = datetime.now(UTC)
    listing = store.list_objects(request.bucket, request.prefix)
    if not listing:
        return LoadResult(status="empty", batch=request.batch)
    warn_of_oddities(listing, request.batch)
    entry = audit.Entry(
        target=request.target,
        batch=request.batch,
        mode=request.mode,
        run_id=request.run_id,
        files=len(listing),
        bytes=sum(item.size for item in listing),
        listing_hash=hash_listing(listing),
        started_at=started_at,
    )

    connection.autocommit = False
    with closing(connection.cursor()) as cursor:
        try:
            audit.open_ledger(cursor)
            if is_already_loaded(cursor, request, entry.listing_hash):
                connection.rollback()
                return LoadResult("unchanged", request.batch, files=entry.files, bytes=entry.bytes)
            lines_scanned, rows_loaded, rejected = replace_rows(
                cursor, store, request, listing, entry
            )
            connection.commit()
        except ProgrammingError as error:
            connection.rollback()
            reason = record_failure(cursor, store, request, entry, server_message(error))
            connection.commit()
            raise LoadError(
                f"Nothing was loaded: COPY of {request.batch} into {request.target} by the mapping "
                f"{request.json_mapping}: {reason}"
            ) from error
        except BaseException:
            connection.rollback()
            raise
    return LoadResult(
        status="loaded",
        batch=request.batch,
        files=entry.files,
        bytes=entry.bytes,
        lines_scanned=lines_scanned,
        rows_loaded=rows_loaded,
        rows_rejected=rejected,
        seconds=(datetime.now(UTC) - started_at).total_seconds(),
    )


def warn_of_oddities(listing: Sequence[S3Object], batch: str) -> None:
    """Name objects that are probably not meant to be there; they are loaded all the same."""
    copies = [item.key for item in listing if "/." in f"/{item.key}"]
    if copies:
        log.warning(
            "%d objects under %s look like an editor's copies, the first is %s. They are loaded, "
            "and each event and song still counts once; delete them from the bucket.",
            len(copies),
            batch,
            copies[0],
        )
    empty = [item.key for item in listing if item.size == 0]
    if empty:
        log.warning("%d objects under %s are empty, the first is %s.", len(empty), batch, empty[0])


def hash_listing(listing: Sequence[S3Object]) -> str:
    """Return the SHA-256 of the keys, sizes and etags, whatever their order."""
    lines = sorted(f"{item.key}\t{item.size}\t{item.etag}" for item in listing)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def is_already_loaded(cursor: Cursor, request: LoadRequest, listing_hash: str) -> bool:
    """Whether loading these objects again would change nothing.

    That is so when the batch's newest load brought the same objects; to append them once more is
    what `append` is for, unless it is the same run that tries again.
    """
    newest = audit.newest_load(cursor, request.target, request.batch, request.mode)
    if newest is None or newest[0] != listing_hash:
        return False
    return request.mode != "append" or newest[1] == request.run_id


def replace_rows(
    cursor: Cursor,
    store: ObjectStore,
    request: LoadRequest,
    listing: Sequence[S3Object],
    entry: audit.Entry,
) -> tuple[int, int, int]:
    """Do what stands between the lock and the commit; return lines read, rows loaded, refused."""
    target, arriving = request.relation, request.target.replace(".", "_") + "_arriving"
    columns = ", ".join(data_columns(cursor, target))
    cursor.execute(
        f"create temporary table {arriving} as select {columns} from {target} where false"
    )
    # COPY gives up when the errors reach MAXERROR, so the budget lies one below.
    cursor.execute(request.copy_statement(arriving, request.max_rejected_lines + 1))
    cursor.execute("select pg_last_copy_id(), pg_last_copy_count()")
    [(query_id, rows_loaded)] = cursor.fetchall()
    lines_scanned, rejections = account_for_lines(cursor, request, listing, query_id, rows_loaded)

    outgoing = {
        "replace_batch": "_batch = " + quote(request.batch),
        "truncate": "true",
        "append": "false",
    }[request.mode]
    load_id = audit.next_load_id(cursor)
    record_changes(
        cursor,
        load_id,
        request.change_keys,
        old=f"select {columns} from {target} where {outgoing}",
        new=f"select {columns} from {arriving}",
    )
    cursor.execute(f"delete from {target} where {outgoing}")  # TRUNCATE would commit
    cursor.execute(
        f"insert into {target} ({columns}, _batch, _loaded_at) "
        f"select {columns}, {quote(request.batch)}, sysdate from {arriving}"
    )
    cursor.execute(f"drop table {arriving}")
    audit.write_entry(
        cursor,
        load_id,
        entry,
        status="loaded",
        lines_scanned=lines_scanned,
        rows_loaded=rows_loaded,
        rejections=with_raw_lines(rejections, store, request.bucket),
    )
    return lines_scanned, rows_loaded, len(rejections)


def data_columns(cursor: Cursor, table: str) -> list[str]:
    """Return the columns that COPY fills, in order: not the loader's own, which begin with _."""
    cursor.execute(f"select * from {table} limit 0")
    return [column[0] for column in cursor.description if not column[0].startswith("_")]


def account_for_lines(
    cursor: Cursor,
    request: LoadRequest,
    listing: Sequence[S3Object],
    query_id: int,
    rows_loaded: int,
) -> tuple[int, list[Rejection]]:
    """Return the count of lines read and the refused ones; raise LoadError unless all adds up."""
    expected = {f"s3://{request.bucket}/{item.key}" for item in listing if item.size}
    deadline = time.monotonic() + SYSTEM_VIEW_PATIENCE_SECONDS
    while True:
        rejections = fetch_rejections(cursor, query_id)
        cursor.execute(
            "select btrim(file_name), lines_scanned from sys_load_detail where query_id = %s",
            (query_id,),
        )
        scanned = {file_name: int(lines) for file_name, lines in cursor.fetchall()}
        lines_scanned = sum(scanned.values())
        unread = expected - scanned.keys()
        if not unread and lines_scanned == rows_loaded + len(rejections):
            return lines_scanned, rejections
        if time.monotonic() > deadline:
            raise LoadError(
                f"The books of {request.batch} do not balance: {lines_scanned} lines read, "
                f"{rows_loaded} rows loaded, {len(rejections)} lines refused, {len(unread)} files "
                f"not read{': ' + min(unread) if unread else ''}. Nothing was loaded. Load it "
                f"again; if it fails again, look at sys_load_detail for query {query_id}."
            )
        time.sleep(1)


def fetch_rejections(cursor: Cursor, query_id: int) -> list[Rejection]:
    """Return the lines that a COPY refused, in the order of files and lines."""
    cursor.execute(
        "select btrim(file_name), line_number, nullif(btrim(column_name), ''), error_code, "
        "btrim(error_message) from sys_load_error_detail where query_id = %s "
        "order by file_name, line_number",
        (query_id,),
    )
    return [Rejection(*row) for row in cursor.fetchall()]


def with_raw_lines(
    rejections: Sequence[Rejection], store: ObjectStore, bucket: str
) -> list[Rejection]:
    """Add to each rejection its line as it stands in S3.

    Redshift's own log of raw lines cuts them at 1,024 bytes, has a full stop for every character
    that is not ASCII, and does not exist on Serverless.
    """
    by_file: defaultdict[str, list[Rejection]] = defaultdict(list)
    for rejection in rejections:
        by_file[rejection.file_name].append(rejection)
    completed = []
    for file_name, refused in by_file.items():
        lines = store.iterate_lines(bucket, file_name.removeprefix(f"s3://{bucket}/"))
        by_number = {rejection.line_number for rejection in refused}
        last = max(by_number)
        text = {}
        for number, line in enumerate(lines, start=1):
            if number in by_number:
                text[number] = line.decode(errors="replace")
            if number == last:
                break
        for rejection in refused:
            raw_line = text.get(rejection.line_number)
            value = value_in(raw_line, rejection.column_name)
            completed.append(replace(rejection, raw_line=raw_line, column_value=value))
    return completed


def value_in(line: str | None, column_name: str | None) -> str | None:
    """Return the text of a column's value in a JSON line, or None where there is none."""
    try:
        record = json.loads(line or "")
    except ValueError:
        return None
    if column_name is None or not isinstance(record, dict):
        return None
    value = {name.lower(): value for name, value in record.items()}.get(column_name.lower())
    return value if value is None or isinstance(value, str) else json.dumps(value)


def record_changes(
    cursor: Cursor,
    load_id: int,
    change_keys: Mapping[str, str],
    *,
    old: str,
    new: str,
) -> None:
    """Write to the change feed the keys of all rows in which the queries `old` and `new` differ."""
    for key_name, expression in change_keys.items():
        cursor.execute(
            'insert into "raw".load_changes (load_id, key_name, key_value) '
            f"select distinct {load_id}, {quote(key_name)}, key_value from ("
            f"select {expression} as key_value from (({old}) except ({new})) as gone union all "
            f"select {expression} as key_value from (({new}) except ({old})) as came"
            ") as changed where key_value is not null"
        )


def record_failure(
    cursor: Cursor,
    store: ObjectStore,
    request: LoadRequest,
    entry: audit.Entry,
    message: str,
) -> str:
    """Write a failed COPY and the lines it refused to the ledger; return them in words.

    Returns Redshift's own message, and writes nothing, when no line was to blame.
    """
    patience_seconds = SYSTEM_VIEW_PATIENCE_SECONDS if "Load into table" in message else 0
    refused = fetch_last_rejections(
        cursor, entry.started_at, request.max_rejected_lines + 1, patience_seconds
    )
    if not refused:
        return message
    rejections = with_raw_lines(refused, store, request.bucket)
    audit.open_ledger(cursor)
    audit.write_entry(
        cursor,
        audit.next_load_id(cursor),
        entry,
        status="failed",
        lines_scanned=0,
        rows_loaded=0,
        rejections=rejections,
    )
    first = "\n  ".join(str(rejection) for rejection in rejections[:ERRORS_SPELLED_OUT])
    return (
        f"more than {request.max_rejected_lines} lines were refused. The first ones:\n  {first}\n"
        "Correct the files, or raise the error budget (SPARKIFY_MAX_REJECTED_LINES); the lines "
        "that COPY refused before it gave up are in raw.load_errors."
    )


def fetch_last_rejections(
    cursor: Cursor, since: datetime, count: int, patience_seconds: float
) -> list[Rejection]:
    """Return the lines that this session's last COPY refused, if it began after `since`.

    Waits until there are as many as made it give up. Redshift's clock may differ from the one that
    read `since`; both agree on how long ago that was.
    """
    deadline = time.monotonic() + patience_seconds
    while True:
        milliseconds = (datetime.now(UTC) - since) // timedelta(milliseconds=1)
        cursor.execute(
            "select max(query_id) from sys_load_error_detail "
            "where session_id = pg_backend_pid() "
            f"and start_time >= dateadd(ms, -{milliseconds}, getdate())"
        )
        [(query_id,)] = cursor.fetchall()
        rejections = fetch_rejections(cursor, query_id) if query_id is not None else []
        if len(rejections) >= count or time.monotonic() > deadline:
            return rejections
        time.sleep(1)


def server_message(error: ProgrammingError) -> str:
    """Return Redshift's own words."""
    fields = error.args[0] if error.args else {}
    return str(fields.get("M", error) if isinstance(fields, dict) else error)


def quote(text: str) -> str:
    """Return a SQL string literal; in Redshift's a backslash escapes, as a quote does."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
