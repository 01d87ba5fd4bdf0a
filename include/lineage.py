"""How a table of the warehouse is called in OpenLineage: as dbt's own events call it."""

from typing import TYPE_CHECKING

from airflow.providers.amazon.aws.hooks.redshift_sql import RedshiftSQLHook

if TYPE_CHECKING:
    from airflow.providers.common.compat.openlineage.facet import Dataset


def dataset(redshift_conn_id: str, table: str) -> "Dataset":
    """Return a table, `schema.table`, of the connection's database as a dataset.

    The Amazon provider would ask the cluster, and call it otherwise than dbt does.
    """
    from airflow.providers.common.compat.openlineage.facet import Dataset

    warehouse = RedshiftSQLHook.get_connection(redshift_conn_id)
    return Dataset(
        namespace=f"redshift://{warehouse.host}:{warehouse.port or 5439}",
        name=f"{warehouse.schema}.{table}",
    )
