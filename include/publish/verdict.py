"""Whether everything that was built has passed its tests: what publishing asks first."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from redshift_connector.cursor import Cursor

REASONS_SPELLED_OUT = 5


class GateError(Exception):
    """What was built has not passed its tests, all of them, since it was built."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(reasons)
        self.reasons = reasons

    def __str__(self) -> str:
        first = "".join(f"\n  {each}" for each in self.reasons[:REASONS_SPELLED_OUT])
        more = len(self.reasons) - REASONS_SPELLED_OUT
        return (
            f"Nothing was published, readers keep the state before: {first}"
            + (f"\n  and {more} more." if more > 0 else "")
            + "\nBuild and test again (make build, or run the DAG)."
        )


@dataclass(frozen=True)
class Outcome:
    """The newest result of a model or test."""

    status: str
    finished_at: datetime


def require_green(cursor: Cursor, manifest: Path, target_schema: str) -> None:
    """Raise GateError unless every test passed, or warned, after all that it tests was built.

    It is read from `ops.node_runs`, where each dbt command leaves its results.
    """
    cursor.execute(
        "select resource_type, node, status, finished_at from ops.node_runs "
        "where target_schema = %s and resource_type in ('model', 'test') "
        "qualify row_number() over (partition by resource_type, node order by finished_at desc) "
        "= 1",
        (target_schema,),
    )
    newest = {(kind, node): Outcome(*rest) for kind, node, *rest in cursor.fetchall()}
    models = {node: outcome for (kind, node), outcome in newest.items() if kind == "model"}
    results = {node: outcome for (kind, node), outcome in newest.items() if kind == "test"}
    reasons = [
        *(
            f"model {name} {outcome.status} at {outcome.finished_at:%Y-%m-%d %H:%M:%S}"
            for name, outcome in models.items()
            if outcome.status != "success"
        ),
        *complaints(json.loads(manifest.read_text()), models, results),
    ]
    if reasons:
        raise GateError(reasons)


def complaints(
    manifest: Mapping[str, Any], models: Mapping[str, Outcome], results: Mapping[str, Outcome]
) -> Iterator[str]:
    """Say of each test that stands in the way why it does."""
    for name, parents in tested_models(manifest).items():
        result = results.get(name)
        if result is None:
            yield f"test {name} has never run"
        elif result.status not in ("pass", "warn"):
            yield f"test {name}: {result.status} at {result.finished_at:%Y-%m-%d %H:%M:%S}"
        else:
            for parent in parents:
                if parent in models and models[parent].finished_at > result.finished_at:
                    yield (
                        f"model {parent} was built at {models[parent].finished_at:%H:%M:%S}, after "
                        f"its test {name}"
                    )


def tested_models(manifest: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the names of the models that each data test reads.

    The tests of the quality gate are disabled in the manifest that Cosmos reads.
    """
    disabled = [node for versions in manifest["disabled"].values() for node in versions]
    return {
        node["name"]: [reference["name"] for reference in node["refs"]]
        for node in [*manifest["nodes"].values(), *disabled]
        if node["resource_type"] == "test"
    }
