"""What Airflow's UI shows of a dbt task: owner, page, links to its SQL and to the dbt docs."""

import json
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseOperator, BaseOperatorLink
from airflow.sdk.configuration import conf

from include.settings import settings

IN_THE_LOG = (
    "A failing test shows its query and first rows in the log; all of them are in `dq.<test>`."
)
DOCS = "cosmos/sparkify/dbt_docs_index.html"


class CompiledSql(BaseOperatorLink):
    """The SQL that dbt sent, which Cosmos keeps as a rendered field of the task."""

    name = "Compiled SQL"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """Return the address of the page of rendered fields of one try."""
        run, task = quote(ti_key.run_id, safe=""), quote(ti_key.task_id, safe="")
        return f"{address()}/dags/{ti_key.dag_id}/runs/{run}/tasks/{task}/rendered_templates"


class DbtDocs(BaseOperatorLink):
    """The page of the model or source in the dbt docs site."""

    name = "dbt docs"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """Return the address of the page; the site's own pages come behind the #."""
        unique_id = documented_node(node_of(operator))["unique_id"]
        return f"{address()}/{DOCS}#!/{unique_id.split('.')[0]}/{unique_id}"


def present(task: BaseOperator) -> None:
    """Give a task of one of Cosmos's groups its owner, its page and its links."""
    node = node_of(task)
    if owner := owner_of(node):
        task.owner = owner
    task.doc_md = page(node, is_test=task.task_id.endswith("test"))
    task.operator_extra_links = (CompiledSql(), DbtDocs())


def page(node: dict[str, Any], *, is_test: bool) -> str:
    """Return the page of a node in Markdown, or of the tests that run behind it."""
    about = f"{node['description'].strip()}\n\n" if node["description"] else ""
    source = f"`{node['original_file_path']}`"
    if not is_test:
        return f"{about}Builds `{node['schema']}.{node['name']}` by {source}."
    if node["resource_type"] == "test":
        return f"{about}The test `{node['name']}`, of several models, in {source}."
    tests = "".join(f"\n- `{name}`" for name in tests_of(node))
    return f"Tests `{node['schema']}.{node['name']}`. {IN_THE_LOG}\n{tests}"


def tests_of(node: dict[str, Any]) -> list[str]:
    """Return the names of the tests of a model or source alone."""
    children = manifest()["child_map"].get(node["unique_id"], [])
    tests = [manifest()["nodes"][child] for child in children if child.startswith("test.")]
    return sorted(
        test["name"] for test in tests if test["depends_on"]["nodes"] == [node["unique_id"]]
    )


def documented_node(node: dict[str, Any]) -> dict[str, Any]:
    """Return the node itself, or for a test the first model that it reads: docs have no tests."""
    if node["resource_type"] != "test":
        return node
    return node_by_id(node["depends_on"]["nodes"][0])


def owner_of(node: dict[str, Any]) -> str | None:
    """Return the name of the owner of the node's dbt group; sources have none."""
    group = node["config"].get("group")
    return manifest()["groups"][f"group.sparkify.{group}"]["owner"]["name"] if group else None


def node_of(task: BaseOperator) -> dict[str, Any]:
    """Return the manifest's node that Cosmos made the task of."""
    return node_by_id(task.extra_context["dbt_node_config"]["unique_id"])  # type: ignore[attr-defined]


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


def address() -> str:
    """Return where the UI is."""
    return str(conf.get("api", "base_url", fallback="")).rstrip("/")
