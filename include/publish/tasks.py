"""The task that publishes behind the gate."""

from logging import getLogger
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.lineage import dataset
from include.load.errors import LoadError
from include.load.tasks import connect, keep_lock
from include.publish import protocol
from include.publish.protocol import PublicationHeldError
from include.publish.tables import PublishedTable, published_tables
from include.publish.verdict import GateError
from include.run.lock import RunLockHeldError
from include.settings import settings

if TYPE_CHECKING:
    from airflow.providers.common.compat.openlineage.facet import Dataset
    from airflow.providers.openlineage.extractors import OperatorLineage

log = getLogger(__name__)


class PublishOperator(BaseOperator):
    """Brings what passed the gate to the schemas that analysts read, all tables at once."""

    template_fields = ("of_run",)

    def __init__(self, *, of_run: str, **arguments: Any) -> None:
        """Take the run, which may be a template, that holds the run lock."""
        super().__init__(**arguments)
        self.of_run = of_run
        self.published: dict[str, int] = {}

    def execute(self, context: Context) -> dict[str, int]:
        """Publish, and return the number of rows put in, by table."""
        try:
            with keep_lock(self.of_run):
                self.published = protocol.publish(
                    connect, settings().dbt_manifest, settings().redshift_schema, self.of_run
                )
        except PublicationHeldError as held:
            raise AirflowSkipException(str(held)) from held
        except (GateError, LoadError, RunLockHeldError) as error:
            raise AirflowFailException(str(error)) from error
        log.info("Published %s.", describe(self.published))
        return self.published

    def get_openlineage_facets_on_complete(self, _: Any) -> "OperatorLineage[Any, Any]":
        """Return from which tables the published ones were brought, each column from its like."""
        from airflow.providers.openlineage.extractors import OperatorLineage

        tables = published_tables(settings().dbt_manifest)
        copies = [copy_of(tables[name]) for name in self.published]
        return OperatorLineage(
            inputs=[built for built, _ in copies], outputs=[published for _, published in copies]
        )


def publish(of_run: str) -> PublishOperator:
    """Return the task that publishes, while the run holds the run lock."""
    return PublishOperator(
        task_id="publish",
        of_run=of_run,
        doc_md="Brings what passed the gate to the schemas that analysts read, all tables at once.",
    )


def copy_of(table: PublishedTable) -> "tuple[Dataset, Dataset]":
    """Return where a table is built and where it is read, as OpenLineage names them.

    A job's events say that all outputs come from all inputs; columns tell which from which.
    """
    from openlineage.client.facet_v2 import column_lineage_dataset as lineage

    built = dataset(settings().redshift_conn_id, f"{table.built_schema}.{table.name}")
    published = dataset(settings().redshift_conn_id, f"{table.schema}.{table.name}")
    as_it_is = lineage.Transformation(type="DIRECT", subtype="IDENTITY")
    columns = {
        name: lineage.Fields([lineage.InputField(built.namespace, built.name, name, [as_it_is])])
        for name in table.columns
    }
    published.facets = {"columnLineage": lineage.ColumnLineageDatasetFacet(fields=columns)}
    return built, published


def describe(rows: dict[str, int]) -> str:
    """Return in words what a publication put in."""
    return ", ".join(f"{count:,} rows of {name}" for name, count in rows.items()) or "nothing new"
