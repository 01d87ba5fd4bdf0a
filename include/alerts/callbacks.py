"""When Airflow sends an alert: a task that is given up, and a run that misses its deadline."""

from collections.abc import Mapping
from contextlib import closing
from typing import Any
from urllib.parse import quote

from airflow.configuration import conf
from airflow.sdk import Context
from redshift_connector.error import Error as RedshiftError

from include.alerts import facts
from include.alerts.notify import Alert, send
from include.load.errors import LoadError, TransientError
from include.load.operator import connect_to_redshift
from include.settings import settings

LOADS = {"stage_events": "raw.staging_events", "stage_songs": "raw.staging_songs"}


def on_task_failure(context: Context) -> None:
    """Tell of a task that Airflow has given up: what failed, and what readers see meanwhile."""
    instance = context["ti"]
    found, sql = what_the_warehouse_knows(instance.run_id, LOADS.get(instance.task_id))
    send(
        Alert(
            f"Sparkify: task {instance.task_id} failed, {instance.run_id}",
            tuple(found),
            tuple(sql),
            instance.log_url,
        )
    )


def on_missed_deadline(context: Mapping[str, Any]) -> None:
    """Tell of a run that is still at work when it should have ended; it goes on."""
    run = context["dag_run"]
    found, sql = what_the_warehouse_knows(run["dag_run_id"], None)
    send(
        Alert(
            f"Sparkify: run not done after {settings().deadline_minutes:g} minutes, "
            f"{run['dag_run_id']}",
            ("The run goes on.", *found),
            tuple(sql),
            page_of_run(run["dag_id"], run["dag_run_id"]),
        )
    )


def what_the_warehouse_knows(run_id: str, loaded_table: str | None) -> facts.Facts:
    """Return facts and SQL of a run; that the warehouse does not answer is a fact as well."""
    schema = settings().redshift_schema
    found: list[str] = []
    sql: list[str] = []
    try:
        connection = connect_to_redshift(settings().redshift_conn_id, settings().aws_conn_id)
        with closing(connection), connection.cursor() as cursor:
            if loaded_table:
                found, sql = facts.failed_loads(cursor, run_id, loaded_table)
            else:
                found, sql = facts.failed_nodes(cursor, schema, run_id)
            found.append(facts.published_since(cursor, schema))
    except (LoadError, TransientError, RedshiftError, OSError) as error:
        found.append(f"The warehouse could not be asked for more ({type(error).__name__}).")
    return found, sql


def page_of_run(dag_id: str, run_id: str) -> str:
    """Return the address of a run's page in Airflow."""
    address = conf.get("api", "base_url", fallback="http://localhost:8080")  # as of a task's log
    return f"{address.rstrip('/')}/dags/{dag_id}/runs/{quote(run_id)}"
