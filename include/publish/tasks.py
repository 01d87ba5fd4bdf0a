"""The task that publishes behind the gate."""

from logging import getLogger

from airflow.sdk import task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.load.errors import LoadError
from include.load.tasks import connect, keep_lock
from include.publish import protocol
from include.publish.protocol import PublicationHeldError
from include.publish.verdict import GateError
from include.run.lock import RunLockHeldError
from include.settings import settings

log = getLogger(__name__)


@task
def publish(of_run: str) -> dict[str, int]:
    """Bring what passed the gate to the schemas that analysts read, all tables at once."""
    try:
        with keep_lock(of_run):
            rows = protocol.publish(
                connect, settings().dbt_manifest, settings().redshift_schema, of_run
            )
    except PublicationHeldError as held:
        raise AirflowSkipException(str(held)) from held
    except (GateError, LoadError, RunLockHeldError) as error:
        raise AirflowFailException(str(error)) from error
    log.info("Published %s.", describe(rows))
    return rows


def describe(rows: dict[str, int]) -> str:
    """Return in words what a publication put in."""
    return ", ".join(f"{count:,} rows of {name}" for name, count in rows.items()) or "nothing new"
