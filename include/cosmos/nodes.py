"""Models, sources and tests, as the manifest has them that Cosmos makes its tasks of."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from include.settings import settings

LAYERS = ("staging", "intermediate", "marts", "reporting")


def tests_of(node: dict[str, Any]) -> list[str]:
    """Return the names of the tests of a model alone."""
    return sorted(
        test["name"] for test in tests() if test["depends_on"]["nodes"] == [node["unique_id"]]
    )


def tests_across(layer: str) -> list[str]:
    """Return the names of the tests of several models, the last of which is in `layer`.

    Those of the quality gate are left out.
    """
    return sorted(
        test["name"]
        for test in tests()
        if len(test["depends_on"]["nodes"]) > 1 and last_layer(test) == layer
    )


def tests() -> list[dict[str, Any]]:
    """Return all data tests but those of the quality gate."""
    return [
        node
        for node in manifest()["nodes"].values()
        if node["resource_type"] == "test" and "quality_gate" not in node["tags"]
    ]


def last_layer(test: dict[str, Any]) -> str:
    """Return the layer that a test has to wait for."""
    layers: set[str] = {node_by_id(parent)["fqn"][1] for parent in test["depends_on"]["nodes"]}
    return max(layers, key=LAYERS.index)


def owner_of(node: dict[str, Any]) -> str | None:
    """Return the name of the owner of the node's dbt group; sources have none."""
    group = node["config"].get("group")
    return manifest()["groups"][f"group.sparkify.{group}"]["owner"]["name"] if group else None


def node_by_id(unique_id: str) -> dict[str, Any]:
    """Return a node or source of the manifest."""
    node: dict[str, Any] = manifest()["nodes"].get(unique_id) or manifest()["sources"][unique_id]
    return node


def manifest() -> dict[str, Any]:
    """Return the manifest that Cosmos reads."""
    return read(settings().dbt_manifest)


@cache
def read(path: Path) -> dict[str, Any]:
    """Return a manifest; it is read once by a process, as Cosmos's groups are made of it once."""
    content: dict[str, Any] = json.loads(path.read_text())
    return content
