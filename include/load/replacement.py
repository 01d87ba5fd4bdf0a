"""One partition: COPY into a temporary table, and the transaction that replaces its rows."""

import struct
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime

from redshift_connector.core import Connection
from redshift_connector.cursor import Cursor
from redshift_connector.error import Error as RedshiftError

from include.load import audit
from include.load.accounting import Arrival, cut_name, fetch_last_rejections, with_records
from include.load.audit import Entry, Newest
from include.load.errors import (
    PartitionError,
    TransientError,
    attempting,
    server_message,
)
from include.load.partitions import Partition
from include.load.records import describe_shape
from include.load.request import LoadRequest, LoadResult
from include.load.source import Source
from include.load.sql import literal, literals

SHAPE_BYTES = 1024


def is_current(request: LoadRequest, partition: Partition, newest: Mapping[str, Newest]) -> bool:
    """Whether loading the partition again would change nothing.

    To load the same objects once more is what `append` and `reload` are for, unless it is the same
    run that tries again.
    """
    last = newest.get(request.address(partition.prefix))
    if last is None or last.listing_hash != partition.listing_hash:
        return False
    if request.reload or request.mode == "append":
        return last.run_id == request.run_id
    return not absorbed(request, partition, newest)


def absorbed(request: LoadRequest, partition: Partition, newest: Mapping[str, Newest]) -> list[str]:
    """Return the addresses of the other partitions whose rows go when this one is loaded."""
    address = request.address(partition.prefix)
    within = {"replace": address, "truncate": "", "append": None}[request.mode]
    if within is None:
        return []
    return [other for other in newest if other != address and other.startswith(within)]


def data_columns(cursor: Cursor, relation: str) -> str:
    """Return the columns that COPY fills, in order: not the loader's own, which begin with _."""
    with attempting(f"Reading the columns of {relation}"):
        cursor.execute(f"select * from {relation} limit 0")
        return ", ".join(name for name, *_ in cursor.description if not name.startswith("_"))


def copy_partition(
    cursor: Cursor, request: LoadRequest, partition: Partition, table: str, columns: str
) -> Arrival:
    """COPY a partition into a temporary table.

    Raises PartitionError, with the first refused lines spelled out, when more lines were refused
    than the error budget allows.
    """
    started_at = datetime.now(UTC)
    address = request.address(partition.prefix)
    # COPY gives up when the errors reach MAXERROR, so the budget lies one below.
    max_errors = request.max_rejected_lines + 1
    with attempting(f"COPY of {address} into {request.target} ({request.copy.data_format})"):
        cursor.execute(
            f"create temporary table {table} as select {columns} from {request.relation} "
            "where false"
        )
        try:
            cursor.execute(request.copy.statement(table, address, max_errors))
        except RedshiftError as error:
            if "Load into table" not in server_message(error):
                raise
            rejections = fetch_last_rejections(cursor, started_at, max_errors)
            if not rejections:
                raise
            raise PartitionError(
                f"COPY of {address} into {request.target}: more than {request.max_rejected_lines} "
                "lines were refused, nothing was loaded",
                "Correct the files, or raise the error budget (SPARKIFY_MAX_REJECTED_LINES); the "
                "lines that COPY refused before it gave up are in raw.load_errors.",
                rejections,
            ) from error
        cursor.execute("select pg_last_copy_id(), pg_last_copy_count()")
        [(query_id, rows)] = cursor.fetchall()
    return Arrival(partition, table, started_at, query_id, rows)


def check_files(source: Source, request: LoadRequest, arrival: Arrival) -> None:
    """Raise PartitionError for a file of which COPY took nothing.

    One record alone may be refused like any line, as long as it is a JSON object: that is what
    song files are.
    """
    for name, lines in arrival.lines_by_file.items():
        refused = [each for each in arrival.rejections if cut_name(each.file_name) == name]
        if not refused or (len(refused) < lines and arrival.rows_loaded):
            continue
        shape = shape_of(source, request, arrival.partition, name) if request.is_json else None
        if shape or len(refused) > 1:
            raise PartitionError(
                f"COPY of {request.address(arrival.partition.prefix)} into {request.target}: all "
                f"lines of {name} were refused, nothing of the partition was loaded"
                + (f". The file is {shape}" if shape else ""),
                "Correct or delete the file and load the partition again.",
                refused,
            )


def shape_of(source: Source, request: LoadRequest, partition: Partition, name: str) -> str | None:
    """Return what is wrong with the shape of a file, given by its name in the system views."""
    keys = {cut_name(request.address(item.key)): item.key for item in partition.objects}
    start = source.read_start(request.bucket, keys[name], SHAPE_BYTES) if name in keys else b""
    return describe_shape(start) if start else None


def replace_partition(
    connection: Connection,
    cursor: Cursor,
    source: Source,
    request: LoadRequest,
    arrival: Arrival,
    columns: str,
    json_keys: Collection[str],
) -> LoadResult:
    """Put the rows of the temporary table in place of the partition's, in one transaction."""
    partition, address = arrival.partition, request.address(arrival.partition.prefix)
    rejections = with_records(arrival.rejections, source, request.bucket, partition)
    what = f"of {address} in {request.target}"
    entry = replace(
        audit_entry(request, partition, arrival.started_at, "loaded"),
        lines_scanned=arrival.lines_scanned,
        rows_loaded=arrival.rows_loaded,
        rows_rejected=len(rejections),
    )
    if not arrival.is_as_listed and request.mode != "append":
        entry = replace(entry, listing_hash="")  # like no listing: the next load takes it again
    with transaction(connection):
        with attempting("Locking the load audit"):
            audit.lock(cursor)
            related_to = None if request.mode == "truncate" else address
            newest = audit.newest_loads(cursor, request.target, related_to)
        if is_current(request, partition, newest):
            return LoadResult("unchanged", address, entry.files, entry.bytes)
        gone = absorbed(request, partition, newest)
        if request.mode != "append":
            check_rows(request, arrival, newest, gone)
        outgoing = {
            "replace": f"_partition in ({literals([address, *gone])})",
            "truncate": "true",  # TRUNCATE would commit
            "append": "false",
        }[request.mode]
        old = f"select {columns} from {request.relation} where {outgoing}"
        new = f"select {columns} from {arrival.table}"
        with attempting("Numbering the load"):
            load_id = audit.next_load_id(cursor)
        for key_name, expression in request.change_keys.items():
            with attempting(f"Writing the change feed of {key_name} {what}"):
                cursor.execute(changes(load_id, key_name, expression, old, new))
        with attempting(f"Replacing the rows {what}"):
            cursor.execute(f"delete from {request.relation} where {outgoing}")
            cursor.execute(
                f"insert into {request.relation} ({columns}, _partition, _loaded_at) "
                f"select {columns}, {literal(address)}, sysdate from {arrival.table}"
            )
            cursor.execute(f"drop table {arrival.table}")
        with attempting(f"Writing the load audit {what}"):
            audit.write_entry(cursor, load_id, entry, rejections, json_keys)
            for number, other in enumerate(gone, start=1):
                audit.write_entry(cursor, load_id + number, audit.absorbed_entry(entry, other))
    return LoadResult(
        status="loaded",
        address=address,
        files=entry.files,
        bytes=entry.bytes,
        lines_scanned=entry.lines_scanned,
        rows_loaded=entry.rows_loaded,
        rows_rejected=entry.rows_rejected,
    )


def check_rows(
    request: LoadRequest, arrival: Arrival, newest: Mapping[str, Newest], gone: Collection[str]
) -> None:
    """Raise an error when rows would be there twice, or be replaced by nothing."""
    address = request.address(arrival.partition.prefix)
    around = [other for other in newest if other != address and address.startswith(other)]
    if around:
        raise TransientError(
            f"{address} became a part of {around[0]} while it was loaded. Load it again."
        )
    rows = sum(newest[each].rows_loaded for each in {address, *gone} & newest.keys())
    if rows and not arrival.rows_loaded:
        raise PartitionError(
            f"COPY of {address} into {request.target}: its objects hold no row that could be "
            f"loaded, and {rows} rows of its last load would go; they were kept",
            "Correct the files and load it again. If the rows are to go, see the runbook: take a "
            "partition out.",
            arrival.rejections,
        )


def changes(load_id: int, key_name: str, expression: str, old: str, new: str) -> str:
    """Return the INSERT that notes the keys of all rows in which two queries differ."""
    return (
        'insert into "raw".load_changes (load_id, key_name, key_value) '
        f"select distinct {load_id}, cast({literal(key_name)} as varchar(64)), key_value from ("
        f"select {expression} as key_value from (({old}) except ({new})) as gone union all "
        f"select {expression} as key_value from (({new}) except ({old})) as came"
        ") as changed where key_value is not null"
    )


def record_failure(
    connection: Connection,
    cursor: Cursor,
    source: Source,
    request: LoadRequest,
    partition: Partition,
    started_at: datetime,
    error: PartitionError,
) -> None:
    """Write a failed load and the lines that were refused to the audit."""
    error.rejections = with_records(error.rejections, source, request.bucket, partition)
    entry = replace(
        audit_entry(request, partition, started_at, "failed"), rows_rejected=len(error.rejections)
    )
    with transaction(connection), attempting("Writing the load audit"):
        audit.lock(cursor)
        audit.write_entry(cursor, audit.next_load_id(cursor), entry, error.rejections)


def audit_entry(
    request: LoadRequest, partition: Partition, started_at: datetime, status: str
) -> Entry:
    """Return the audit's row for a partition, without the counts."""
    return Entry(
        target_table=request.target,
        partition_prefix=request.address(partition.prefix),
        mode=request.mode,
        status=status,
        run_id=request.run_id,
        files=len(partition.objects),
        bytes=partition.size,
        listing_hash=partition.listing_hash,
        lines_scanned=0,
        rows_loaded=0,
        rows_rejected=0,
        started_at=started_at,
    )


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Commit what is done in the block, or roll it back."""
    connection.autocommit = False
    try:
        yield
        with attempting("Committing"):
            connection.commit()
    except BaseException:
        with suppress(RedshiftError, OSError, struct.error):
            connection.rollback()
        raise
    finally:
        connection.autocommit = True
