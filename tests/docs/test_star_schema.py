"""The diagram in docs/star_schema.md has the manifest's tables, columns, types and keys."""

import json
from collections import Counter
from typing import Any

from tests.conftest import MANIFEST, ROOT


def diagram(nodes: dict[str, Any]) -> str:
    """Return the Mermaid diagram of the marts in dbt's manifest: facts first, then by name."""
    marts = {
        node["name"]: node
        for node in nodes.values()
        if node["resource_type"] == "model" and node["fqn"][1] == "marts"
    }
    references = relationships(nodes)
    outgoing = Counter(child for child, _ in references)
    lines = ["erDiagram"]
    for name in sorted(marts, key=lambda name: (-outgoing[name], name)):
        lines.append(f"    {name} {{")
        keys = keys_of(marts[name])
        for column in marts[name]["columns"].values():
            kind = column["data_type"].replace(" ", "_").replace("(", "_").rstrip(")")
            key = " " + ", ".join(keys[column["name"]]) if column["name"] in keys else ""
            lines.append(f"        {kind} {column['name']}{key}")
        lines.append("    }")
    for (child, column), parent in sorted(references.items()):
        required = {"type": "not_null"}.items()
        constraints = marts[child]["columns"][column]["constraints"]
        one = "||" if any(required <= each.items() for each in constraints) else "|o"
        lines.append(f'    {parent} {one}--o{{ {child} : "{column}"')
    return "\n".join(lines)


def keys_of(node: dict[str, Any]) -> dict[str, list[str]]:
    """Return the columns declared as keys: PK, FK or both."""
    marks = {"primary_key": "PK", "foreign_key": "FK"}
    keys: dict[str, list[str]] = {}
    for constraint in node["constraints"]:
        for column in constraint["columns"]:
            keys.setdefault(column, []).append(marks[constraint["type"]])
    return keys


def relationships(nodes: dict[str, Any]) -> dict[tuple[str, str], str]:
    """Return the tested relationships of the marts: (child, column) to parent."""
    found = {}
    for node in nodes.values():
        test = node.get("test_metadata") or {}
        if test.get("name") == "relationships" and node["fqn"][1:3] == ["models", "marts"]:
            child = nodes[node["attached_node"]]["name"]
            parent = test["kwargs"]["to"].removeprefix("ref('").removesuffix("')")
            found[child, test["kwargs"]["column_name"]] = parent
    return found


def test_the_diagram_shows_what_the_manifest_has() -> None:
    drawn = diagram(json.loads(MANIFEST.read_text())["nodes"])
    page = (ROOT / "docs" / "star_schema.md").read_text()
    assert f"```mermaid\n{drawn}\n```" in page, (
        f"The diagram in docs/star_schema.md is not that of the manifest. Replace it by:\n{drawn}"
    )
