"""The run's summary: of this run and this schema, and of nothing else."""

from include.run.summary import MARTS, summarize_run
from tests.warehouse import Warehouse


def test_tells_loads_models_and_tests_of_one_run(warehouse: Warehouse) -> None:
    warehouse.run(
        """
        insert into "raw".load_history
        select 1, 'raw.staging_events', 's3://b/log_data/', 'replace', 'loaded', 'this', 3,
            999, 'h', 1234, 1230, 4, sysdate, dateadd(ms, 2500, sysdate);
        insert into "raw".load_history
        select 2, 'raw.staging_events', 's3://b/other/', 'replace', 'loaded', 'other', 1,
            9, 'h', 9, 9, 0, sysdate, sysdate;
        insert into ops.node_runs
        select 'analytics', 'this', 'songplays', 'model', 'success', null, 1.25, sysdate;
        insert into ops.node_runs
        select 'analytics', 'this', 'unique_users_user_id', 'test', 'pass', 0, 0.1, sysdate;
        insert into ops.node_runs
        select 'analytics', 'this', 'not_null_users_user_id', 'test', 'pass', 0, 0.1, sysdate;
        insert into ops.node_runs
        select 'analytics', 'this', 'not_null_songplays_user_id', 'test', 'warn', 2, 0.1, sysdate;
        insert into ops.node_runs
        select 'pr_1', 'this', 'unique_songs_song_id', 'test', 'fail', 1, 0.1, sysdate;
        create schema analytics;
        """
    )
    for mart in MARTS:
        warehouse.run(f"create table analytics.{mart} as select 1 as id")

    with warehouse.connect() as connection:
        summary = summarize_run(connection, "analytics", "this")

    lines = [line.split() for line in summary.splitlines()]
    assert ["Run", "this"] in lines
    assert ["raw.staging_events", "1", "3", "1,234", "1,230", "4", "2.5"] in lines
    assert ["songplays", "1", "1.2"] in lines
    assert summary.endswith("Tests: 2 pass, 1 warn")
    assert "other" not in summary
