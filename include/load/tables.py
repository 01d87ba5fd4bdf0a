"""What COPY fills: each staging table, how its JSON maps to it, and which keys its rows touch."""

from collections.abc import Mapping
from dataclasses import dataclass

from include.macros import render
from include.settings import PROJECT_ROOT, settings

# In the order in which they run; each may run any number of times.
DDL = (
    PROJECT_ROOT / "include" / "load" / "ddl" / "raw.sql",
    PROJECT_ROOT / "include" / "load" / "ddl" / "ops.sql",
)


@dataclass(frozen=True)
class StagingTable:
    """A table that COPY fills.

    `json_mapping` is the argument of COPY's FORMAT AS JSON; `partition_pattern` is matched at the
    start of a key, see `include.load.partitions`. `change_keys` maps the name of a key in
    `raw.load_changes` to the SQL expression that computes it from a row: the models compute their
    keys by the same macros.
    """

    schema: str
    name: str
    json_mapping: str
    partition_pattern: str
    change_keys: Mapping[str, str]


EVENTS = StagingTable(
    schema="raw",
    name="staging_events",
    json_mapping=settings().events_json_mapping,
    partition_pattern=settings().events_partition,
    change_keys={
        "event_date": f"to_char({render('event_date_key', 'ts')}, 'YYYY-MM-DD')",
        "user_id": f"cast({render('user_id_key', 'userid')} as varchar)",
        "session_id": "cast(sessionid as varchar)",
    },
)

SONGS = StagingTable(
    schema="raw",
    name="staging_songs",
    json_mapping="auto",
    partition_pattern=settings().songs_partition,
    change_keys={
        "song_id": render("song_id_key", "song_id"),
        "artist_id": render("artist_id_key", "artist_id"),
    },
)
