"""Airflow DAG: Sparkify's logs and songs from S3 to tested marts in Redshift."""

import pendulum
from airflow.sdk import chain, dag

from include.cosmos import layers
from include.load import tasks as load_tasks
from include.publish import tasks as publish_tasks
from include.run import tasks as run_tasks
from include.run.policy import DEADLINE, DEFAULT_ARGS, PARAMS, SCHEDULE


@dag(
    schedule=SCHEDULE,
    start_date=pendulum.datetime(2018, 11, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    params=PARAMS,
    default_args=DEFAULT_ARGS,
    deadline=DEADLINE,
    tags=["sparkify", "redshift", "dbt"],
)
def sparkify() -> None:
    """Load the day's activity and new songs, rebuild what they touch, test it, publish it.

    **Reads** `s3://<bucket>/log_data/…` and `song_data/…`. **Writes** `raw`, `unpublished`, behind
    the gate `analytics` and `reporting`, failing rows in `dq`, the asset `sparkify_marts`, docs.

    **When it fails.** Every task may be cleared and run again, in any order, any number of times.
    `stage_*`: the log names file, line, column and value of refused lines; correct the file, or
    raise `SPARKIFY_MAX_REJECTED_LINES`. A model or `test_*`: its log names the failing test, whose
    rows are in `dq.<test>`; nothing behind it was built, and analysts keep the last good state.
    `wait_for_run_lock`: another run is at work; the log says whose, and until when at the latest.
    """
    run = "{{ run_id }}"
    lock = run_tasks.wait_for_run_lock(run).as_setup()
    unlock = run_tasks.give_back_run_lock(run).as_teardown()
    lock >> unlock
    chain(
        load_tasks.create_tables(),
        lock,
        [load_tasks.stage_songs("stage_songs"), load_tasks.stage_events("stage_events")],
        run_tasks.find_work(),  # an idle hour ends here
        layers.test_sources("test_sources"),
        layers.dbt_layer("staging"),
        layers.dbt_layer("intermediate"),
        layers.dbt_layer("marts"),
        layers.test_across("test_marts", "marts"),
        layers.dbt_layer("reporting"),
        layers.test_across("test_reporting", "reporting"),
        layers.quality_gate("quality_gate"),
        publish_tasks.publish(run),
        [run_tasks.emit_marts(run), run_tasks.report_run(run), layers.generate_docs("docs")],
        unlock,
    )


sparkify()
