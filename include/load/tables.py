"""What COPY fills: each staging table, how its JSON maps to it, and which keys its rows touch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from include.macros import render
from include.settings import PROJECT_ROOT

# In the order in which they run; each may run any number of times.
DDL = (
    PROJECT_ROOT / "include" / "load" / "ddl" / "raw.sql",
    PROJECT_ROOT / "include" / "load" / "ddl" / "ops.sql",
)


@dataclass(frozen=True)
class StagingTable:
    """A table that COPY fills.

    `jsonpaths` is the file that maps JSON to the columns, or None when keys and columns bear the
    same names. `change_keys` maps the name of a key in `raw.load_changes` to the SQL expression
    that computes it from a row: the models compute their keys by the same macros.
    """

    schema: str
    name: str
    jsonpaths: Path | None
    change_keys: Mapping[str, str]

    @property
    def jsonpaths_key(self) -> str:
        """Where in the bucket the jsonpaths file is put for COPY to read."""
        return f"jsonpaths/{self.name}.json"

    def json_mapping(self, bucket: str) -> str:
        """Return the argument of COPY's FORMAT AS JSON."""
        return f"s3://{bucket}/{self.jsonpaths_key}" if self.jsonpaths else "auto"


EVENTS = StagingTable(
    schema="raw",
    name="staging_events",
    jsonpaths=PROJECT_ROOT / "include" / "load" / "jsonpaths" / "staging_events.json",
    change_keys={
        "event_date": f"to_char({render('event_date_key', 'ts')}, 'YYYY-MM-DD')",
        "user_id": f"cast({render('user_id_key', 'userid')} as varchar)",
    },
)

SONGS = StagingTable(
    schema="raw",
    name="staging_songs",
    jsonpaths=None,
    change_keys={
        "song_id": render("song_id_key", "song_id"),
        "artist_id": render("artist_id_key", "artist_id"),
    },
)
