"""What Airflow's UI shows of a dbt task: owner, page, links to its SQL and to the dbt docs."""

from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseOperator, BaseOperatorLink
from airflow.sdk.configuration import conf

from include.cosmos.nodes import node_by_id, owner_of, tests_of

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
        unique_id = node_of(operator)["unique_id"]
        return f"{address()}/{DOCS}#!/{unique_id.split('.')[0]}/{unique_id}"


def present(task: BaseOperator) -> None:
    """Give a task of one of Cosmos's groups its owner, its page and its links."""
    node = node_of(task)
    if owner := owner_of(node):
        task.owner = owner
    task.doc_md = page(node)
    task.operator_extra_links = (CompiledSql(), DbtDocs())


def page(node: dict[str, Any]) -> str:
    """Return the page of a model or source in Markdown."""
    about = f"{node['description'].strip()}\n\n" if node["description"] else ""
    table = f"`{node['schema']}.{node['name']}`"
    if node["resource_type"] == "source":
        return f"{about}Checks how old the last load of {table} is."
    page = f"{about}Builds {table} by `{node['original_file_path']}`"
    if tests := tests_of(node):
        page += f" and tests it. {IN_THE_LOG}\n{bulleted(tests)}"
    return page


def bulleted(names: list[str]) -> str:
    """Return names as a list in Markdown."""
    return "".join(f"\n- `{name}`" for name in names)


def node_of(task: BaseOperator) -> dict[str, Any]:
    """Return the manifest's node that Cosmos made the task of."""
    return node_by_id(task.extra_context["dbt_node_config"]["unique_id"])  # type: ignore[attr-defined]


def address() -> str:
    """Return where the UI is."""
    return str(conf.get("api", "base_url", fallback="")).rstrip("/")
