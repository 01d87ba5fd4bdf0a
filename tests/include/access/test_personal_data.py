"""Columns with personal data are marked in their yml: the grants of readers leave them out."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.conftest import MANIFEST

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
