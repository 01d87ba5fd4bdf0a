"""The tasks around a run's dbt tasks: the run lock, what is left to do, the asset, the summary."""

from contextlib import closing
from logging import getLogger

from airflow.sdk import Asset, PokeReturnValue, get_current_context, task

from include.alerts.stale import tell_of_stale_sources
from include.cosmos.manifest import written_fingerprint
from include.load.tasks import connect
from include.run.lock import RunLockHeldError, acquire_run_lock, release_run_lock
from include.run.summary import summarize_run
from include.run.work import has_work, plan, record_gate, stale_sources, whole_gate_is_due
from include.settings import settings

log = getLogger(__name__)

# Downstream DAGs schedule on it: it stands for all marts, good and of one run.
MARTS_ASSET = Asset(name="sparkify_marts", uri="x-sparkify://redshift/marts")


@task.sensor(mode="reschedule", poke_interval=15, timeout=6 * 60 * 60)
def wait_for_run_lock(of_run: str) -> PokeReturnValue:
    """Take the run lock, or wait for the run that holds it without taking up a worker."""
    with closing(connect()) as connection:
        try:
            acquire_run_lock(
                connection, settings().redshift_schema, of_run, settings().run_lock_minutes
            )
        except RunLockHeldError as held:
            log.info("%s", held)
            return PokeReturnValue(is_done=False)
    return PokeReturnValue(is_done=True)


@task
def give_back_run_lock(of_run: str) -> None:
    """Give the run lock back, however the run went."""
    with closing(connect()) as connection:
        release_run_lock(connection, settings().redshift_schema, of_run)


@task.short_circuit(trigger_rule="none_failed")
def find_work() -> bool:
    """Skip the rest of an hour in which nothing changed; tell of sources that have gone quiet.

    What a failed run or a person's build left behind, and a dbt project that changed, is work as
    well, and so is the day's whole gate. Says in the XCom `whole_run` whether this run judges all
    history.
    """
    manifest = settings().dbt_manifest
    project = written_fingerprint(manifest)
    context = get_current_context()
    with closing(connect()) as connection:
        tell_of_stale_sources(
            connection,
            stale_sources(connection, manifest),
            context["run_id"],
            context["ti"].log_url,
        )
        is_whole, is_left = plan(
            context["params"]["whole_gate"],
            by_hand=context["dag_run"].run_type == "manual",
            is_due=whole_gate_is_due(connection, settings().redshift_schema, project),
            is_news=has_work(connection, settings().redshift_schema, project),
        )
    context["ti"].xcom_push(key="whole_run", value=str(is_whole).lower())
    if is_left:
        log.info("The gate judges %s.", "all history" if is_whole else "what is new")
        return True
    log.info(
        "Nothing was loaded since the last green gate, and nothing that was built waits to be "
        "published. The run ends here."
    )
    return False


@task(outlets=[MARTS_ASSET])
def emit_marts(of_run: str) -> None:
    """Tell downstream DAGs that the marts are new and good."""
    project = written_fingerprint(settings().dbt_manifest)
    whole_run = get_current_context()["ti"].xcom_pull(task_ids="find_work", key="whole_run")
    with closing(connect()) as connection:
        record_gate(
            connection,
            settings().redshift_schema,
            of_run,
            project,
            is_whole=whole_run == "true",
        )
    log.info("Emitting %s.", MARTS_ASSET.name)


@task(trigger_rule="none_failed")  # a publication on hold skips its task
def report_run(of_run: str) -> str:
    """Log what the run did; the text is also the task's XCom."""
    with closing(connect()) as connection:
        summary = summarize_run(connection, settings().redshift_schema, of_run)
    log.info("%s", summary)
    return summary
