"""What a load is asked to do, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from include.load.copy import CopyOptions
from include.load.sql import identifier

Mode = Literal["replace", "append", "truncate"]


@dataclass(frozen=True)
class LoadRequest:
    """What to load where, and how.

    `partition_pattern` is explained in `include.load.partitions.find_partitions`; `change_keys`
    maps the name of a key in `raw.load_changes` to the SQL expression that computes it from a row.
    With `is_json`, the audit keeps the keys of the objects.
    """

    bucket: str
    target: str
    mode: Mode
    partition_pattern: str | None
    copy: CopyOptions
    is_json: bool
    max_rejected_lines: int
    change_keys: Mapping[str, str]
    run_id: str
    reload: bool = False

    @property
    def relation(self) -> str:
        """The target in SQL."""
        return identifier(*self.target.split("."))

    def address(self, prefix: str) -> str:
        """Return the name under which the audit and the rows know a partition."""
        return f"s3://{self.bucket}/{prefix}"


@dataclass(frozen=True)
class LoadResult:
    """What became of one partition."""

    status: Literal["loaded", "unchanged"]
    address: str
    files: int
    bytes: int
    lines_scanned: int = 0
    rows_loaded: int = 0
    rows_rejected: int = 0
