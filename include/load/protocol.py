"""The load protocol: what lies under S3 prefixes into a Redshift table, partition by partition.

Up to 32 partitions at a time, in up to four sessions side by side: COPY each into a temporary
table, and account for every file and line, in nobody's way. Then one short transaction: lock the
load audit, compare again, note which keys changed, replace the partitions' rows, write the audit,
commit. Whatever ends it before the commit leaves the warehouse as it was, and running it again
gives the same rows.
"""

import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from logging import getLogger

from redshift_connector.core import Connection
from redshift_connector.error import Error as RedshiftError

from include.load import audit
from include.load.accounting import Arrival, account
from include.load.errors import LoadError, PartitionError, attempting, attempts
from include.load.partitions import Partition, find_partitions, outermost
from include.load.records import sample_keys
from include.load.replacement import (
    check_files,
    copy_partition,
    data_columns,
    is_current,
    record_failure,
    replace_partitions,
)
from include.load.request import LoadRequest, LoadResult
from include.load.source import Source

log = getLogger(__name__)

# The system views lag by seconds, and a transaction takes ten statements, whatever it replaces: so
# partitions share both. Not too many, nor too much, as the transaction holds the audit's lock.
PARTITIONS_TOGETHER = 32
BYTES_TOGETHER = 2**30
READS_TOGETHER = 8
# A COPY of a small partition is nearly all waiting, so several sessions work through many batches.
SESSIONS = 4

Outcome = LoadResult | PartitionError


@dataclass(frozen=True)
class Plan:
    """The partitions that lie under the prefixes: those to load, and those that are as loaded."""

    to_load: Sequence[Partition]
    unchanged: Sequence[Partition]


def plan_load(
    connect: Callable[[], Connection],
    source: Source,
    request: LoadRequest,
    prefixes: Iterable[str],
) -> Plan:
    """List the prefixes and tell which of their partitions differ from their last load."""
    with closing(connect()) as connection, attempting("Reading the load audit"):
        newest = audit.newest_loads(connection.cursor(), request.target)
    pattern, loaded = None, set[str]()
    if request.mode == "replace":
        root = request.address("")
        pattern = request.partition_pattern
        loaded = {address.removeprefix(root) for address in newest if address.startswith(root)}
    found = {
        partition.prefix: partition
        for prefix in prefixes
        for partition in find_partitions(
            lambda under: source.list_objects(request.bucket, under), prefix, pattern, loaded
        )
    }
    partitions = [found[prefix] for prefix in outermost(found)]
    current = {each.prefix for each in partitions if is_current(request, each, newest)}
    return Plan(
        to_load=[each for each in partitions if each.prefix not in current],
        unchanged=[each for each in partitions if each.prefix in current],
    )


def carry_out(
    connect: Callable[[], Connection], source: Source, request: LoadRequest, plan: Plan
) -> Iterator[LoadResult]:
    """Load the plan's partitions and yield what became of each.

    What may pass is tried again. Raises TransientError when it does not pass. Raises LoadError when
    trying again will not help: at once when a statement is at fault, and with all other partitions
    loaded when objects are.
    """
    failures: list[PartitionError] = []
    alone = request.mode == "truncate"  # each takes the place of all rows
    work = list(batches(plan.to_load, 1 if alone else PARTITIONS_TOGETHER))
    for outcomes in side_by_side(
        partial(load_batch, connect, source, request), work, 1 if alone else SESSIONS
    ):
        for outcome in outcomes:
            if isinstance(outcome, LoadResult):
                yield outcome
            else:
                failures.append(outcome)
    if failures:
        raise LoadError("\n".join(map(str, failures)))


def side_by_side(
    load: Callable[[list[Partition]], list[Outcome]], work: Sequence[list[Partition]], most: int
) -> Iterator[list[Outcome]]:
    """Load batches, `most` at a time, and yield what became of each, in order.

    An error is raised in its turn: then no other batch begins, and those that have are finished.
    """
    if min(len(work), most) <= 1:
        yield from map(load, work)
        return
    with ThreadPoolExecutor(most, "load") as pool:
        begun: deque[Future[list[Outcome]]] = deque()
        for batch in work:
            if len(begun) == most:
                yield begun.popleft().result()
            begun.append(pool.submit(load, batch))
        while begun:
            yield begun.popleft().result()


def load_batch(
    connect: Callable[[], Connection],
    source: Source,
    request: LoadRequest,
    together: Sequence[Partition],
) -> list[Outcome]:
    """Load some partitions together, again where that may help; return what became of them."""
    outcomes: dict[str, Outcome] = {}
    for attempt in attempts(log):
        with attempt:
            left = [each for each in together if each.prefix not in outcomes]
            if attempt.retry_state.attempt_number > 1:  # the objects may be others by now
                left = [list_again(source, request, each) for each in left]
            load_together(connect, source, request, left, outcomes)
    return list(outcomes.values())


def batches(partitions: Iterable[Partition], most: int) -> Iterator[list[Partition]]:
    """Cut the partitions into lists, of `most` at most, that are loaded together."""
    together: list[Partition] = []
    for partition in partitions:
        together.append(partition)
        size = sum(each.size for each in together)
        if len(together) >= most or size >= BYTES_TOGETHER:
            yield together
            together = []
    if together:
        yield together


def list_again(source: Source, request: LoadRequest, partition: Partition) -> Partition:
    """Return the partition as it lies in S3 now."""
    return Partition(partition.prefix, source.list_objects(request.bucket, partition.prefix))


def load_together(
    connect: Callable[[], Connection],
    source: Source,
    request: LoadRequest,
    partitions: Sequence[Partition],
    outcomes: dict[str, Outcome],
) -> None:
    """Load some partitions and note in `outcomes`, by prefix, what became of each."""
    with ExitStack() as stack:
        connection = connect()
        stack.callback(close, connection)
        connection.autocommit = True
        cursor = connection.cursor()

        def fail(error: PartitionError, partition: Partition, started_at: datetime) -> None:
            record_failure(connection, cursor, source, request, partition, started_at, error)
            outcomes[partition.prefix] = error

        columns = data_columns(cursor, request.relation)
        arrivals: list[Arrival] = []
        for number, partition in enumerate(partitions):
            if not partition.objects:  # it has vanished since it was listed, and keeps its rows
                address = request.address(partition.prefix)
                outcomes[partition.prefix] = LoadResult("unchanged", address, files=0, bytes=0)
                continue
            started_at = datetime.now(UTC)
            try:
                arrivals.append(
                    copy_partition(cursor, request, partition, f"arriving_{number}", columns)
                )
            except PartitionError as error:
                fail(error, partition, started_at)
        if not arrivals:
            return
        with attempting("Reading the system views"):
            account(cursor, request.bucket, arrivals)
        note_changes(source, request, arrivals)
        whole = []
        for arrival, keys in zip(arrivals, keys_of(source, request, arrivals), strict=True):
            try:
                check_files(source, request, arrival)
                whole.append((arrival, keys))
            except PartitionError as error:
                fail(error, arrival.partition, arrival.started_at)
        if not whole:
            return
        replaced = replace_partitions(connection, cursor, source, request, whole, columns)
        for arrival, _ in whole:
            outcome = replaced[arrival.partition.prefix]
            if isinstance(outcome, PartitionError):
                fail(outcome, arrival.partition, arrival.started_at)
            else:
                outcomes[arrival.partition.prefix] = outcome


def note_changes(source: Source, request: LoadRequest, arrivals: Sequence[Arrival]) -> None:
    """Note in each arrival whether its objects are still those that were listed before COPY."""
    with ThreadPoolExecutor(READS_TOGETHER) as pool:
        partitions = [each.partition for each in arrivals]
        now = pool.map(partial(list_again, source, request), partitions)
        for arrival, partition in zip(arrivals, now, strict=True):
            arrival.is_as_listed = partition.listing_hash == arrival.partition.listing_hash
            if not arrival.is_as_listed:
                log.warning(
                    "s3://%s/%s: objects changed while COPY read them. What it read is loaded, and "
                    "the next load takes them again.",
                    *(request.bucket, partition.prefix),
                )


def keys_of(
    source: Source, request: LoadRequest, arrivals: Sequence[Arrival]
) -> Sequence[set[str]]:
    """Return the JSON keys seen in a sample of each partition."""
    if not request.is_json:
        return [set()] * len(arrivals)
    with ThreadPoolExecutor(READS_TOGETHER) as pool:
        return list(
            pool.map(
                lambda each: sample_keys(
                    source, request.bucket, each.partition, request.copy.compression
                ),
                arrivals,
            )
        )


def close(connection: Connection) -> None:
    """Close a connection that may have been lost."""
    with suppress(RedshiftError, OSError, struct.error):
        connection.close()
