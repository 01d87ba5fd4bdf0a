"""The tasks of the DAG's last part, behind the gate: the asset, the docs, the summary."""

from contextlib import closing
from logging import getLogger

from airflow.providers.amazon.aws.hooks.redshift_sql import RedshiftSQLHook
from airflow.sdk import Asset, task

from include.run.summary import summarize_run
from include.settings import settings

log = getLogger(__name__)

# Downstream DAGs schedule on it: it stands for all marts, good and of one run.
MARTS_ASSET = Asset(name="sparkify_marts", uri="x-sparkify://redshift/marts")


@task(outlets=[MARTS_ASSET])
def publish_marts() -> None:
    """Tell downstream DAGs that the marts are new and good."""
    log.info("Emitting %s.", MARTS_ASSET.name)


@task
def report_run(of_run: str) -> str:
    """Log what the run did; the text is also the task's XCom."""
    hook = RedshiftSQLHook(redshift_conn_id=settings().redshift_conn_id)
    with closing(hook.get_conn()) as connection:
        summary = summarize_run(connection, settings().redshift_schema, of_run)
    log.info("%s", summary)
    return summary
