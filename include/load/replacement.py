"""Partitions: COPY into temporary tables, and the transaction that replaces their rows."""

import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import takewhile

from redshift_connector.core import Connection
from redshift_connector.cursor import Cursor
from redshift_connector.error import Error as RedshiftError

from include.load import audit
from include.load.accounting import Arrival, cut_name, fetch_last_rejections, with_records
from include.load.audit import Entry, Newest, Record, Rejection
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
    if name not in keys:
        return None
    start = source.read_start(request.bucket, keys[name], SHAPE_BYTES, request.copy.compression)
    return describe_shape(start) if start else None


@dataclass(frozen=True)
class Replacement:
    """The rows of a temporary table that take the place of a partition's.

    `gone` are the addresses of the partitions that it absorbs; `old_loads` the loads that brought
    the rows that go, or None where the audit cannot tell.
    """

    arrival: Arrival
    record: Record
    gone: Sequence[str]
    old_loads: Collection[int] | None

    @property
    def address(self) -> str:
        """The name under which the audit and the rows know the partition."""
        return self.record.entry.partition_prefix


def replace_partitions(
    connection: Connection,
    cursor: Cursor,
    source: Source,
    request: LoadRequest,
    arrivals: Sequence[tuple[Arrival, Collection[str]]],
    columns: str,
) -> dict[str, LoadResult | PartitionError]:
    """Put the rows of the temporary tables in place of the partitions', in one transaction.

    Each arrival has the JSON keys that a sample of it showed. Returns by prefix what became of
    each partition: one whose rows would be replaced by nothing keeps them and stops no other.
    """
    outcomes: dict[str, LoadResult | PartitionError] = {}
    arrived = [(each, record_of(source, request, each, json_keys)) for each, json_keys in arrivals]
    related_to = common_start([record.entry.partition_prefix for _, record in arrived])
    with transaction(connection):
        with attempting("Locking the load audit"):
            audit.lock(cursor)
            newest = audit.newest_loads(
                cursor, request.target, None if request.mode == "truncate" else related_to
            )
            load_id = audit.next_load_id(cursor)
        replacements: list[Replacement] = []
        for arrival, record in arrived:
            partition, entry = arrival.partition, record.entry
            if is_current(request, partition, newest):
                outcomes[partition.prefix] = LoadResult(
                    "unchanged", entry.partition_prefix, entry.files, entry.bytes
                )
                continue
            gone = absorbed(request, partition, newest)
            if request.mode != "append":
                try:
                    check_rows(request, arrival, newest, gone)
                except PartitionError as error:
                    outcomes[partition.prefix] = error
                    continue
            replacements.append(
                Replacement(
                    arrival,
                    replace(record, load_id=load_id),
                    gone,
                    old_loads(request, [entry.partition_prefix, *gone], newest),
                )
            )
            load_id += 1 + len(gone)
            outcomes[partition.prefix] = LoadResult(
                status="loaded",
                address=entry.partition_prefix,
                files=entry.files,
                bytes=entry.bytes,
                lines_scanned=entry.lines_scanned,
                rows_loaded=entry.rows_loaded,
                rows_rejected=entry.rows_rejected,
            )
        if replacements:
            swap(cursor, request, replacements, columns)
    return outcomes


def common_start(texts: Collection[str]) -> str:
    """Return the longest text that all of these start with."""
    pairs = zip(min(texts), max(texts), strict=False)
    return "".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def record_of(
    source: Source, request: LoadRequest, arrival: Arrival, json_keys: Collection[str]
) -> Record:
    """Return what the audit is to keep of a partition that has arrived, without a number."""
    rejections = records_of(source, request, arrival.partition, arrival.rejections)
    entry = replace(
        audit_entry(request, arrival.partition, arrival.started_at, "loaded"),
        lines_scanned=arrival.lines_scanned,
        rows_loaded=arrival.rows_loaded,
        rows_rejected=len(rejections),
    )
    if not arrival.is_as_listed and request.mode != "append":
        entry = replace(entry, listing_hash="")  # like no listing: the next load takes it again
    return Record(0, entry, rejections, json_keys)


def records_of(
    source: Source, request: LoadRequest, partition: Partition, rejections: Sequence[Rejection]
) -> list[Rejection]:
    """Return the refused lines with their records."""
    return with_records(rejections, source, request.bucket, partition, request.copy.compression)


def old_loads(
    request: LoadRequest, addresses: Collection[str], newest: Mapping[str, Newest]
) -> Collection[int] | None:
    """Return the loads that brought the rows of these partitions.

    None where they cannot be told, and all rows of the table must be looked at: other loads may
    have appended to a partition, and a reload is also to remove rows that no load brought.
    """
    loads = [newest[each] for each in addresses if each in newest]
    if request.reload or any(each.mode == "append" for each in loads):
        return None
    return [each.load_id for each in loads]


def swap(
    cursor: Cursor, request: LoadRequest, replacements: Sequence[Replacement], columns: str
) -> None:
    """Write the change feed, replace the rows and write the audit."""
    first = replacements[0].address
    more = f" and {len(replacements) - 1} more partitions" if len(replacements) > 1 else ""
    what = f"of {first}{more} in {request.target}"
    going = outgoing(request, replacements)
    if request.change_keys:
        with attempting(f"Writing the change feed {what}"):
            cursor.execute(changes(request, replacements, going, columns))
    with attempting(f"Replacing the rows {what}"):
        if going != "false":
            cursor.execute(f"delete from {request.relation} where {going}")
        rows = " union all ".join(
            f"select {columns}, {address_of(each)}, {number_of(each)}, sysdate "
            f"from {each.arrival.table}"
            for each in replacements
        )
        cursor.execute(
            f"insert into {request.relation} ({columns}, _partition, _load_id, _loaded_at) {rows}"
        )
    with attempting(f"Writing the load audit {what}"):
        absorbed_records = [
            Record(each.record.load_id + number, audit.absorbed_entry(each.record.entry, other))
            for each in replacements
            for number, other in enumerate(each.gone, start=1)
        ]
        audit.write_entries(cursor, [each.record for each in replacements] + absorbed_records)


def outgoing(request: LoadRequest, replacements: Sequence[Replacement]) -> str:
    """Return the condition on the rows that go.

    It has the loads that brought them as literals, because the table is sorted by load: only the
    blocks of these loads are read. The first eight bytes by which Redshift sorts text are the
    same for all partitions.
    """
    if request.mode == "truncate":  # TRUNCATE would commit
        return "true"
    if request.mode == "append":
        return "false"
    partitions = literals(
        address for each in replacements for address in [each.address, *each.gone]
    )
    condition = f"_partition in ({partitions})"
    if any(each.old_loads is None for each in replacements):
        return condition
    loads = sorted(load for each in replacements for load in each.old_loads or ())
    if not loads:
        return "false"
    return (
        f"_load_id between {loads[0]} and {loads[-1]} "
        f"and _load_id in ({', '.join(map(str, loads))}) and {condition}"
    )


def address_of(replacement: Replacement) -> str:
    """Return the partition's address in SQL."""
    return f"cast({literal(replacement.address)} as varchar(1100))"


def number_of(replacement: Replacement) -> str:
    """Return the load's number in SQL."""
    return f"cast({replacement.record.load_id} as bigint)"


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


def changes(
    request: LoadRequest, replacements: Sequence[Replacement], going: str, columns: str
) -> str:
    """Return the INSERT that notes the keys of all rows in which old and new partitions differ.

    A row differs when a partition had it more or less often than it will have it.
    """
    loads = " ".join(
        f"when _partition in ({literals([each.address, *each.gone])}) then {number_of(each)}"
        for each in replacements
    )
    load = number_of(replacements[0]) if request.mode == "truncate" else f"case {loads} end"
    sides = [
        f"select {columns}, _partition, {load} as load_id, -1 as copies "
        f"from {request.relation} where {going}",
        *(
            f"select {columns}, {address_of(each)} as _partition, {number_of(each)} as load_id, "
            f"1 as copies from {each.arrival.table}"
            for each in replacements
        ),
    ]
    keys = [
        f"select load_id, cast({literal(key_name)} as varchar(64)) as key_name, "
        f"{expression} as key_value from differing"
        for key_name, expression in request.change_keys.items()
    ]
    return (
        'insert into "raw".load_changes (load_id, key_name, key_value) '
        f"with differing as (select {columns}, load_id from ({' union all '.join(sides)}) as rows_ "
        f"group by {columns}, _partition, load_id having sum(copies) <> 0) "
        f"select distinct load_id, key_name, key_value from ({' union all '.join(keys)}) as keys "
        "where key_value is not null"
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
    error.rejections = records_of(source, request, partition, error.rejections)
    entry = replace(
        audit_entry(request, partition, started_at, "failed"), rows_rejected=len(error.rejections)
    )
    with transaction(connection), attempting("Writing the load audit"):
        audit.lock(cursor)
        load_id = audit.next_load_id(cursor)
        audit.write_entries(cursor, [Record(load_id, entry, error.rejections)])


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
