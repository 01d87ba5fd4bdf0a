"""What Redshift's system views tell of a COPY: the files it read and the lines it refused.

The views lag behind the COPY that they describe, `lines_scanned` need not be the number of rows,
and file names are cut at 256 characters (SYS_LOAD_DETAIL, SYS_LOAD_HISTORY, SYS_LOAD_ERROR_DETAIL).
"""

import json
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from logging import getLogger

from redshift_connector.cursor import Cursor

from include.load.audit import Rejection
from include.load.errors import TransientError
from include.load.partitions import Partition
from include.load.records import records_at
from include.load.source import Source

log = getLogger(__name__)

PATIENCE_SECONDS = 30.0
PATIENCE_SECONDS_PER_FILE = 0.01
LONGEST_PAUSE_SECONDS = 2.0
FILE_NAME_BYTES = 256


@dataclass
class Arrival:
    """A partition that COPY brought into a temporary table, and what is known of that COPY.

    `rejections` has one for each refused line; `lines_by_file` is of the files that have some.
    `is_as_listed` is false when an object came, went or changed between the listing and COPY's end.
    """

    partition: Partition
    table: str
    started_at: datetime
    query_id: int
    rows_loaded: int
    lines_scanned: int = 0
    rejections: Sequence[Rejection] = ()
    lines_by_file: dict[str, int] = field(default_factory=dict)
    is_as_listed: bool = True


@dataclass
class Patience:
    """How long to wait for the system views; each pause is twice as long as the one before."""

    files: int = 0
    pause_seconds: float = 0.05

    def __post_init__(self) -> None:
        seconds = PATIENCE_SECONDS + PATIENCE_SECONDS_PER_FILE * self.files
        self.deadline = time.monotonic() + seconds

    def is_over(self) -> bool:
        """Whether the time is up; if not, pause."""
        if time.monotonic() > self.deadline:
            return True
        time.sleep(self.pause_seconds)
        self.pause_seconds = min(2 * self.pause_seconds, LONGEST_PAUSE_SECONDS)
        return False


def account(cursor: Cursor, bucket: str, arrivals: Sequence[Arrival]) -> None:
    """Wait until the system views tell all of these COPYs, and note in each what they tell.

    Raises TransientError when a file was not read. What else does not add up is warned of, and the
    audit has the numbers.
    """
    expected = {arrival.query_id: file_names(bucket, arrival) for arrival in arrivals}
    patience = Patience(sum(map(len, expected.values())))
    while True:
        scanned, errors, shown = totals(cursor, expected)
        missing = [
            query_id
            for query_id, names in expected.items()
            if scanned.get(query_id, (0, 0))[0] < len(names)
            or shown.get(query_id, 0) < errors.get(query_id, 1)
        ]
        if not missing or patience.is_over():
            break
    for query_id in missing:
        if unread := expected[query_id] - lines_by_file(cursor, query_id).keys():
            raise TransientError(
                f"COPY did not read {len(unread)} files that were there when the bucket was "
                f"listed, the first is {min(unread)}. Nothing of their partition was loaded. Load "
                f"it again; if it fails again, look at sys_load_detail for query {query_id}."
            )
        log.warning(
            "Query %d: the system views show %d of %s refused lines.",
            *(query_id, shown.get(query_id, 0), errors.get(query_id, "an unknown number of")),
        )
    for arrival in arrivals:
        arrival.lines_scanned = scanned.get(arrival.query_id, (0, 0))[1]
        if shown.get(arrival.query_id):
            arrival.rejections = fetch_rejections(cursor, arrival.query_id)
            arrival.lines_by_file = lines_by_file(cursor, arrival.query_id)
        accounted = arrival.rows_loaded + len(arrival.rejections)
        if arrival.lines_scanned != accounted:
            log.warning(
                "s3://%s/%s: Redshift scanned %d lines, loaded %d rows and refused %d lines.",
                *(bucket, arrival.partition.prefix, arrival.lines_scanned),
                *(arrival.rows_loaded, len(arrival.rejections)),
            )


def totals(
    cursor: Cursor, query_ids: Iterable[int]
) -> tuple[dict[int, tuple[int, int]], dict[int, int], dict[int, int]]:
    """Return, by query: (files, lines) scanned, errors that were counted, errors that are shown."""
    queries = ", ".join(map(str, query_ids))
    cursor.execute(
        "select query_id, count(distinct file_name), sum(lines_scanned) from sys_load_detail "
        f"where query_id in ({queries}) and bytes_scanned > 0 group by query_id"
    )
    scanned = {query_id: (int(files), int(lines)) for query_id, files, lines in cursor.fetchall()}
    cursor.execute(
        "select query_id, error_count from sys_load_history "
        f"where query_id in ({queries}) and status = 'completed'"
    )
    errors = {query_id: int(count) for query_id, count in cursor.fetchall()}
    cursor.execute(
        "select query_id, count(*) from sys_load_error_detail "
        f"where query_id in ({queries}) group by query_id"
    )
    return scanned, errors, {query_id: int(count) for query_id, count in cursor.fetchall()}


def file_names(bucket: str, arrival: Arrival) -> set[str]:
    """Return the names of the files that are not empty, as the system views show them."""
    objects = arrival.partition.objects
    return {cut_name(f"s3://{bucket}/{item.key}") for item in objects if item.size}


def lines_by_file(cursor: Cursor, query_id: int) -> dict[str, int]:
    """Return the lines that a COPY scanned of each file."""
    cursor.execute(
        "select rtrim(file_name), sum(lines_scanned) from sys_load_detail "
        f"where query_id = {query_id} group by file_name"
    )
    return {cut_name(name): int(lines) for name, lines in cursor.fetchall()}


def cut_name(name: str) -> str:
    """Cut a file's name to what the system views keep of it."""
    return name.encode()[:FILE_NAME_BYTES].decode(errors="ignore").rstrip(" ")


def fetch_rejections(cursor: Cursor, query_id: int) -> list[Rejection]:
    """Return the lines that a COPY refused, each once, in the order of files and lines."""
    cursor.execute(
        "select rtrim(file_name), line_number, nullif(btrim(column_name), ''), error_code, "
        f"btrim(error_message) from sys_load_error_detail where query_id = {query_id} "
        "order by file_name, line_number"
    )
    rejections: dict[tuple[str, int], Rejection] = {}
    for row in cursor.fetchall():
        rejection = Rejection(*row)
        rejections.setdefault((rejection.file_name, rejection.line_number), rejection)
    return list(rejections.values())


def fetch_last_rejections(cursor: Cursor, since: datetime, count: int) -> list[Rejection]:
    """Return the lines that this session's last COPY refused, if it began after `since`.

    Waits until there are as many errors as made it give up. A COPY that failed has no query id to
    ask for. Redshift's clock may differ from the one that read `since`; both agree on how long ago
    that was.
    """
    patience = Patience()
    while True:
        milliseconds = (datetime.now(UTC) - since) // timedelta(milliseconds=1)
        cursor.execute(
            "select query_id, count(*) from sys_load_error_detail "
            "where session_id = pg_backend_pid() "
            f"and start_time >= dateadd(ms, -{milliseconds}, getdate()) "
            "group by query_id order by query_id desc limit 1"
        )
        newest = cursor.fetchone()
        if (newest and newest[1] >= count) or patience.is_over():
            return fetch_rejections(cursor, newest[0]) if newest else []


def with_records(
    rejections: Sequence[Rejection],
    source: Source,
    bucket: str,
    partition: Partition,
    compression: str = "",
) -> list[Rejection]:
    """Add to each rejection its whole file name, its record as it stands in S3, and the value.

    Redshift's own log of raw lines cuts them at 1,024 bytes, has a full stop for every character
    that is not ASCII, and does not exist on Serverless. `compression` is that of the COPY.
    """
    by_file: defaultdict[str, list[Rejection]] = defaultdict(list)
    for rejection in rejections:
        by_file[rejection.file_name].append(rejection)
    keys = {cut_name(f"s3://{bucket}/{item.key}"): item.key for item in partition.objects}
    completed = []
    for file_name, refused in by_file.items():
        key = keys.get(cut_name(file_name), file_name.removeprefix(f"s3://{bucket}/"))
        lines = source.iterate_lines(bucket, key, compression)
        records = records_at(lines, {rejection.line_number for rejection in refused})
        for rejection in refused:
            record = records.get(rejection.line_number)
            completed.append(
                replace(
                    rejection,
                    file_name=f"s3://{bucket}/{key}",
                    raw_line=record,
                    column_value=value_in(record, rejection.column_name),
                )
            )
    return completed


def value_in(record: str | None, column_name: str | None) -> str | None:
    """Return the text of a column's value in a JSON record, or None where there is none."""
    try:
        members = json.loads(record or "")
    except (ValueError, RecursionError):
        return None
    if column_name is None or not isinstance(members, dict):
        return None
    value = {name.lower(): value for name, value in members.items()}.get(column_name.lower())
    return value if value is None or isinstance(value, str) else json.dumps(value)
