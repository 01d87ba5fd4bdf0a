"""The tasks of the DAG's first part: the tables, the run lock, and the two loads."""

from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.sdk import BaseOperator

from include.load.operator import StageToRedshiftOperator
from include.load.tables import DDL, EVENTS, SONGS, StagingTable
from include.settings import settings

# A run that was triggered by hand may have no data interval.
EVENTS_PREFIX = (
    "{% if params.events_prefix %}{{ params.events_prefix }}{% else %}"
    "{% set day = (data_interval_start | default(none)) or dag_run.run_after %}"
    f"{settings().events_prefix}"
    "{% endif %}"
)
SONGS_PREFIX = f"{{{{ params.songs_prefix or '{settings().songs_prefix}' }}}}"


def create_tables(task_id: str) -> BaseOperator:
    """Return the task that makes the schemas and tables of the loads and the books."""
    return SQLExecuteQueryOperator(
        task_id=task_id,
        conn_id=settings().redshift_conn_id,
        sql="\n".join(path.read_text() for path in DDL),
        split_statements=True,
    )


def stage(task_id: str, table: StagingTable, prefix: str) -> StageToRedshiftOperator:
    """Return the task that loads what lies under `prefix`, which may be a template."""
    return StageToRedshiftOperator(
        task_id=task_id,
        redshift_conn_id=settings().redshift_conn_id,
        aws_conn_id=settings().aws_conn_id,
        s3_bucket=settings().s3_bucket,
        s3_key=prefix,
        schema=table.schema,
        table=table.name,
        json_mapping=table.json_mapping,
        max_rejected_lines=settings().max_rejected_lines,
        change_keys=table.change_keys,
    )


def stage_events(task_id: str) -> StageToRedshiftOperator:
    """Return the load of the day of the run's data interval, or of the run's own prefix."""
    return stage(task_id, EVENTS, EVENTS_PREFIX)


def stage_songs(task_id: str) -> StageToRedshiftOperator:
    """Return the load of the song catalogue, or of the part that the run names."""
    return stage(task_id, SONGS, SONGS_PREFIX)
