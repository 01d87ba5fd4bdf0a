"""Airflow DAG: Sparkify's logs and songs from S3 to tested marts in Redshift."""

from datetime import timedelta

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import CronDataIntervalTimetable, Param, chain, dag

from include import load_tasks, publish_tasks
from include.dbt_layers import dbt_layer, generate_docs, quality_gate
from include.settings import settings

PARAMS = {
    name: Param(None, type=["null", "string"], description="S3 prefix to load instead of the usual")
    for name in ("events_prefix", "songs_prefix")
}

# An empty setting means: only when triggered.
SCHEDULE = settings().schedule and CronDataIntervalTimetable(settings().schedule, timezone="UTC")


@dag(
    schedule=SCHEDULE or None,
    start_date=pendulum.datetime(2018, 11, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    default_args={
        "retries": settings().retries,
        "retry_delay": timedelta(seconds=settings().retry_delay_seconds),
    },
    tags=["sparkify"],
)
def sparkify() -> None:
    """Load the day's activity and new songs, rebuild what they touch, test it, publish it.

    **Reads** `s3://<bucket>/log_data/…` and `song_data/…`. **Writes** `raw.*`, the marts in
    `analytics`, `reporting`, failing rows in `dq`, the asset `sparkify_marts`, the dbt docs.

    **When it fails.** Every task may be cleared and run again, in any order, any number of times.
    `stage_*`: the log names file, line, column and value of each refused line; correct the file, or
    trigger with a larger `SPARKIFY_MAX_REJECTED_LINES`. A `test` task: its log names the test, the
    rows that failed are in `dq.<test>`; nothing behind it was built and the asset was not emitted.
    `wait_for_run_lock`: another run is at work; the log says whose and until when.
    """
    run_id = "{{ run_id }}"
    tables = load_tasks.create_tables("create_tables")
    lock = load_tasks.wait_for_run_lock(run_id)
    unlock = load_tasks.give_back_run_lock(run_id).as_teardown()
    lock.as_setup() >> unlock
    songs = load_tasks.stage_songs("stage_songs")
    events = load_tasks.stage_events("stage_events")
    # An idle hour skips its loads; what earlier runs left to do is done all the same.
    loaded = EmptyOperator(task_id="loaded", trigger_rule="none_failed")
    layers = [
        dbt_layer("staging", ["path:dbt_sparkify/models/staging"]),
        dbt_layer("intermediate", ["path:dbt_sparkify/models/intermediate"]),
        dbt_layer("marts", ["path:dbt_sparkify/models/marts"]),
        dbt_layer("reporting", ["path:dbt_sparkify/models/reporting"]),
    ]
    publish = [
        publish_tasks.publish_marts(),
        generate_docs("docs"),
        publish_tasks.report_run(run_id),
    ]
    jsonpaths = load_tasks.upload_jsonpaths("upload_jsonpaths")

    chain(
        tables,
        lock,
        jsonpaths,
        [songs, events],
        loaded,
        *layers,
        quality_gate("quality_gate"),
        publish,
        unlock,
    )


sparkify()
