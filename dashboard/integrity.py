"""Whether all that lies in S3 has arrived in the marts, once and well connected.

For people who run the pipeline: it reads by the pipeline's own connections, as `raw`, `ops` and the
bucket are not for readers. The dbt tests of the gate judge the same from within; this counts anew,
from the bucket on.
"""

from contextlib import closing

import pandas as pd
from airflow.providers.amazon.aws.hooks.s3 import S3Hook

from dashboard.warehouse import fetch
from include.load.partitions import Partition, find_partitions
from include.load.source import Source
from include.load.tables import EVENTS, SONGS, StagingTable
from include.load.tasks import connect
from include.settings import settings

COUNTED_FILES = 200  # as many objects are read line by line, the newest days first
# For each file of `dashboard/queries/integrity`: a rule, what it expects (a column, or a number),
# and the column that has what was found.
RULES: dict[str, tuple[tuple[str, str | int, str], ...]] = {
    "flow": (
        ("each line that COPY read was loaded or rejected", "lines_read", "lines_accounted_for"),
        ("each rejected line is kept in raw.load_errors", "lines_rejected", "load_errors"),
        ("each event that was loaded is in raw.staging_events", "events_loaded", "raw_events"),
        ("each song that was loaded is in raw.staging_songs", "songs_loaded", "raw_songs"),
        ("each faulty event is in quarantine", "faulty_events", "quarantined_events"),
        ("each good event is behind staging once", "good_events", "deduplicated_events"),
        ("each play is in songplays once", "good_plays", "plays"),
        ("each user id is in users once", "user_ids", "users"),
    ),
    "connections": (
        ("each user of a play is in users", 0, "plays_without_user"),
        ("each time of a play is in time", 0, "plays_without_time"),
        ("each song of a play is in songs", 0, "plays_without_song"),
        ("each artist of a play is in artists", 0, "plays_without_artist"),
        ("each artist of a song is in artists", 0, "songs_without_artist"),
        ("each user of a period on a level is in users", 0, "periods_without_user"),
    ),
    "correctness": (
        ("no play is there twice", 0, "repeated_plays"),
        ("no user is there twice", 0, "repeated_users"),
        ("no song is there twice", 0, "repeated_songs"),
        ("no artist is there twice", 0, "repeated_artists"),
        ("no time is there twice", 0, "repeated_times"),
        ("each user's level is that of the current period", 0, "wrong_levels"),
        ("the days add up to the plays", "plays", "plays_by_day"),
        ("the hours add up to the plays", "plays", "plays_by_hour"),
        ("the places add up to the plays", "plays", "plays_by_place"),
        ("the devices add up to the plays", "plays", "plays_by_device"),
    ),
}


def compare_with_s3() -> pd.DataFrame:
    """Return a row for each partition of the bucket or of the load audit, and how they agree.

    Columns: table, partition, objects, lines_in_s3 (of the newest days of events), lines_read (by
    COPY), state. The state is `loaded`, `not loaded`, `changed since` or `gone from S3`.
    """
    source = Source(S3Hook(settings().aws_conn_id))
    with closing(connect()) as connection:
        loads = fetch(connection, "integrity/loads")
    rows = [
        row
        for table in (EVENTS, SONGS)
        for row in compare_table(
            source, table, loads[loads["target_table"] == f"{table.schema}.{table.name}"]
        )
    ]
    columns = ["table", "partition", "objects", "lines_in_s3", "lines_read", "state"]
    return pd.DataFrame(rows, columns=columns).astype(
        {"lines_in_s3": "Int64", "lines_read": "Int64"}
    )


def compare_table(
    source: Source, table: StagingTable, loads: pd.DataFrame
) -> list[tuple[str, str, int, int | None, int | None, str]]:
    """Return the rows of `compare_with_s3` for one table."""
    root = f"s3://{settings().s3_bucket}/"
    audit = {
        load["partition_prefix"].removeprefix(root): load
        for load in loads.to_dict("records")
        if load["partition_prefix"].startswith(root)
    }
    # what comes before the day of a template, and the whole catalogue
    prefix_of_all = (
        settings().events_prefix.partition("{{")[0] if table == EVENTS else settings().songs_prefix
    )
    found = find_partitions(
        lambda prefix: source.list_objects(settings().s3_bucket, prefix),
        prefix_of_all,
        table.partition_pattern,
        audit,
    )
    in_s3 = {partition.prefix: partition for partition in found}
    counted = count_lines(source, list(in_s3.values())) if table == EVENTS else {}
    rows = []
    for prefix in sorted(in_s3.keys() | audit.keys(), reverse=True):
        partition, load = in_s3.get(prefix), audit.get(prefix)
        rows.append(
            (
                table.name,
                prefix,
                len(partition.objects) if partition else 0,
                counted.get(prefix),
                load["lines_scanned"] if load else None,
                state(partition, load["listing_hash"] if load else None),
            )
        )
    return rows


def state(partition: Partition | None, loaded_hash: str | None) -> str:
    """Return in words how a partition of S3 and its newest load agree."""
    if partition is None:
        return "gone from S3"
    if loaded_hash is None:
        return "not loaded"
    return "loaded" if loaded_hash == partition.listing_hash else "changed since"


def count_lines(source: Source, partitions: list[Partition]) -> dict[str, int]:
    """Return how many lines the newest partitions have, read from S3 itself."""
    counted: dict[str, int] = {}
    left = COUNTED_FILES
    for partition in sorted(partitions, key=lambda each: each.prefix, reverse=True):
        left -= len(partition.objects)
        if left < 0:
            break
        counted[partition.prefix] = sum(
            bool(line.strip())
            for item in partition.objects
            for line in source.iterate_lines(settings().s3_bucket, item.key)
        )
    return counted


def check(rules: str) -> pd.DataFrame:
    """Return how the rules of one part of `RULES` fare: rule, expected, found, holds."""
    with closing(connect()) as connection:
        [row] = fetch(connection, f"integrity/{rules}").to_dict("records")
    return pd.DataFrame(
        [
            (
                rule,
                amount := int(row.get(expected, expected)),
                int(row[found]),
                amount == row[found],
            )
            for rule, expected, found in RULES[rules]
        ],
        columns=["rule", "expected", "found", "holds"],
    )
