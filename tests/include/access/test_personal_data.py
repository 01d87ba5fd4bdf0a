"""Columns with personal data are marked in their yml: the grants of readers leave them out."""

import json
import re
from collections.abc import Iterator
from typing import Any

from sqlglot import exp
from sqlglot.lineage import lineage
from sqlglot.optimizer import build_scope, qualify

from tests.conftest import MANIFEST
from tests.warehouse import Warehouse

# What tells who somebody is: by itself, or with little else. One list, by which names and doc
# blocks of columns are judged; docs/DECISIONS.md says why user_id and gender are not in it.
PERSONAL = ("first_name", "last_name", "event_location", "user_agent")
NAMES = re.compile(
    r"(first|last|full|user)_?name|location|place|user_?agent|e?_?mail|phone|birth|ip_?address|"
    r"raw_line|column_value"
)


def columns() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield `model.column`, as its yml describes it, of each model and source."""
    manifest = json.loads(MANIFEST.read_text())
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    for node in (*models, *manifest["sources"].values()):
        for column in node.get("columns", {}).values():
            yield f"{node['name']}.{column['name']}", column


def mark(column: dict[str, Any]) -> bool | None:
    """Return what the yml says: that the column is personal, that it is not, or nothing."""
    value = column["config"]["meta"].get("contains_pii")
    assert value in (True, False, None), value
    return None if value is None else bool(value)


def test_no_column_that_may_be_personal_is_without_a_mark() -> None:
    blocks = {f"doc.sparkify.{name}" for name in PERSONAL}
    suspects = [
        (name, column)
        for name, column in columns()
        if NAMES.fullmatch(column["name"]) or blocks & set(column["doc_blocks"])
    ]
    assert len(suspects) > 20
    assert [name for name, column in suspects if mark(column) is None] == []


def columns_made_of(sql: str, schema: dict[str, Any]) -> dict[str, set[str]]:
    """Return the columns of a query, each with the columns of tables that its value comes from."""
    tree = qualify.qualify(
        exp.maybe_parse(sql, dialect="redshift"), schema=schema, dialect="redshift"
    )
    scope = build_scope(tree)

    def origins(name: str) -> set[str]:
        nodes = lineage(name, tree, schema, scope=scope, dialect="redshift").walk()
        return {
            f"{node.source.db}.{node.source.name}.{exp.to_column(node.name).name}"
            for node in nodes
            if isinstance(node.source, exp.Table)
        }

    return {name: origins(name) for name in tree.named_selects}


def test_no_column_made_of_a_personal_one_is_without_a_mark(warehouse: Warehouse) -> None:
    marks = {name: mark(column) for name, column in columns()}
    schema: dict[str, Any] = {}
    personal = set()
    for source in json.loads(MANIFEST.read_text())["sources"].values():
        table = schema.setdefault(source["schema"], {}).setdefault(source["identifier"], {})
        for name in source["columns"]:
            table[name] = "varchar"
            if marks[f"{source['name']}.{name}"]:
                personal.add(f"{source['schema']}.{source['identifier']}.{name}")

    unmarked = []
    select = ("--select", "resource_type:model", "--indirect-selection", "empty")
    # parents first
    for model, result in warehouse.dbt_here("compile", *select).items():
        _, folder, name = result["relation_name"].replace('"', "").split(".")
        made_of = columns_made_of(result["compiled_code"].replace('"dev".', ""), schema)
        schema.setdefault(folder, {})[name] = dict.fromkeys(made_of, "varchar")
        for column, origins in made_of.items():
            says = marks.get(f"{model}.{column}")
            if origins & personal and says is None:
                unmarked.append(f"{model}.{column}")
            if says:
                personal.add(f"{folder}.{name}.{column}")
    assert unmarked == []
    assert {"unpublished.users.last_name", "unpublished.songplays.location"} <= personal
