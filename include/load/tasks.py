"""The tasks that make the tables and load them."""

from contextlib import AbstractContextManager, closing
from typing import Any

from airflow.sdk import get_current_context, task
from redshift_connector.core import Connection

from include.load import schema
from include.load.days import StageDaysToRedshiftOperator
from include.load.operator import StageToRedshiftOperator, connect_to_redshift
from include.load.retention import apply_retention
from include.load.tables import EVENTS, SONGS, StagingTable
from include.run.lock import keep_run_lock
from include.run.policy import refuse_faulty_parameters
from include.settings import settings


@task
def create_tables() -> None:
    """Make or migrate the tables of the loads and runs, unless the run asks for what is wrong.

    Once a day this also removes what is older than the retention.
    """
    refuse_faulty_parameters(get_current_context()["dag_run"].conf)
    with closing(connect()) as connection:
        prepare_tables(connection)


def prepare_tables(connection: Connection) -> None:
    """Make or migrate the tables of the loads and runs, and remove what is too old."""
    schema.create_tables(connection)
    apply_retention(connection, settings().retention_days, settings().redshift_schema)


def load_arguments(table: StagingTable) -> dict[str, Any]:
    """Return what the operators are told of a table."""
    return {
        "doc_md": f"Copies each partition that has changed into `{table.schema}.{table.name}`. The "
        "log has rows and seconds, and file, line, column and value of each refused line.",
        "redshift_conn_id": settings().redshift_conn_id,
        "aws_conn_id": settings().aws_conn_id,
        "s3_bucket": settings().s3_bucket,
        "s3_region": settings().s3_region,
        "copy_role_arn": settings().copy_role_arn,
        "schema": table.schema,
        "table": table.name,
        "partition_pattern": table.partition_pattern,
        "foreign_patterns": {
            f"{other.schema}.{other.name}": other.partition_pattern
            for other in (EVENTS, SONGS)
            if other is not table
        },
        "json_mapping": table.json_mapping,
        "max_rejected_lines": settings().max_rejected_lines,
        "change_keys": table.change_keys,
        "alongside": keep_lock,
    }


def keep_lock(run_id: str) -> AbstractContextManager[None]:
    """Renew the run lock for as long as a load takes, which may outlast the lease."""
    return keep_run_lock(connect, settings().redshift_schema, run_id, settings().run_lock_minutes)


def connect() -> Connection:
    """Return a new connection to the warehouse."""
    return connect_to_redshift(settings().redshift_conn_id, settings().aws_conn_id)


def stage(
    task_id: str, table: StagingTable, prefix: str, **arguments: Any
) -> StageToRedshiftOperator:
    """Return the task that loads what lies under `prefix`, which may be a template."""
    return StageToRedshiftOperator(
        task_id=task_id, s3_key=prefix, **load_arguments(table), **arguments
    )


def stage_events(task_id: str) -> StageToRedshiftOperator:
    """Return the load of the run's days, or of the prefix that the run names."""
    return StageDaysToRedshiftOperator(
        task_id=task_id,
        s3_key="{{ params.events_prefix or '' }}",
        day_key=settings().events_prefix,
        late_days=settings().late_days,
        reload="{{ params.reload }}",
        if_empty="{{ 'fail' if params.events_prefix else 'skip' }}",
        **load_arguments(EVENTS),
    )


def stage_songs(task_id: str) -> StageToRedshiftOperator:
    """Return the load of the song catalogue, or of the part that the run names."""
    return stage(
        task_id,
        SONGS,
        f"{{% if params.songs_prefix %}}{{{{ params.songs_prefix }}}}"
        f"{{% else %}}{settings().songs_prefix}{{% endif %}}",
        reload="{{ params.reload }}",
        if_empty="{{ 'fail' if params.songs_prefix else 'skip' }}",
    )
