"""Which tables are published, from which, and with which keys: read from dbt's manifest."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.load.sql import identifier
from include.settings import settings

# As rows were before the last publication, so that it can be taken back.
SUPERSEDED = "superseded"


@dataclass(frozen=True)
class ForeignKey:
    """Columns that are the key of another published table."""

    columns: tuple[str, ...]
    to: str
    to_columns: tuple[str, ...]


@dataclass(frozen=True)
class PublishedTable:
    """A public model: where it is built, where analysts read it, and how its rows are replaced.

    `replaced_by` is the column whose values builds replace, None for a table that is always built
    whole; `is_by_day` says that it is a timestamp, and whole days are replaced, `is_by_number` that
    it is an id that grows with time.
    """

    name: str
    built_schema: str
    schema: str
    columns: tuple[str, ...]
    personal_columns: frozenset[str]
    primary_key: tuple[str, ...]
    foreign_keys: tuple[ForeignKey, ...]
    replaced_by: str | None
    is_by_day: bool
    is_by_number: bool

    @property
    def built(self) -> str:
        """Return where it is built and tested, as SQL spells it."""
        return identifier(self.built_schema, self.name)

    @property
    def published(self) -> str:
        """Return where analysts read it, as SQL spells it."""
        return identifier(self.schema, self.name)

    @property
    def superseded(self) -> str:
        """Return where the rows are that the last publication replaced, as SQL spells it."""
        return identifier(SUPERSEDED, self.name)


def published_tables(manifest: Path) -> dict[str, PublishedTable]:
    """Return the public models of a manifest by name, those first that others refer to."""
    nodes = json.loads(manifest.read_text())["nodes"].values()
    tables = [
        published_table(node)
        for node in nodes
        if node["resource_type"] == "model" and node["config"]["access"] == "public"
    ]
    return {each.name: each for each in sorted(tables, key=lambda each: bool(each.foreign_keys))}


def published_table(node: Mapping[str, Any]) -> PublishedTable:
    """Return what a manifest's node says of a public model."""
    config = node["config"]
    keys = grouped(node["constraints"])
    return PublishedTable(
        name=node["name"],
        built_schema=node["schema"],
        schema=config.get("schema") or settings().redshift_schema,
        columns=tuple(node["columns"]),
        personal_columns=frozenset(
            name
            for name, column in node["columns"].items()
            if column["config"].get("meta", {}).get("contains_pii")
        ),
        primary_key=tuple(
            column for key in keys.get("primary_key", []) for column in key["columns"]
        ),
        foreign_keys=tuple(
            ForeignKey(tuple(key["columns"]), referred_model(key["to"]), tuple(key["to_columns"]))
            for key in keys.get("foreign_key", [])
        ),
        replaced_by=config["unique_key"] if config["meta"].get("affected_by") else None,
        is_by_day="event_date" in config["meta"].get("affected_by", ()),
        is_by_number=config["meta"].get("affected_by") == ["session_id"],
    )


def grouped(constraints: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the constraints of a model by type."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for constraint in constraints:
        kinds.setdefault(constraint["type"], []).append(constraint)
    return kinds


def referred_model(reference: str) -> str:
    """Return the name in `ref('name')`."""
    [name] = re.findall(r"ref\(['\"](\w+)['\"]\)", reference)
    return str(name)
