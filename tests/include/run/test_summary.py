"""The run's summary: this run in this schema, and nothing else."""

from include.run.summary import summarize_run
from tests.warehouse import Warehouse


def test_summary_has_loads_models_and_tests_of_one_run(warehouse: Warehouse) -> None:
    warehouse.run(
        """
        insert into "raw".load_history
        select 1, 'raw.staging_events', 's3://b/log_data/', 'replace', 'loaded', 'this', 3,
            999, 'h', 1234, 1230, 4, sysdate, dateadd(ms, 2500, sysdate);
        insert into "raw".load_history
        select 2, 'raw.staging_events', 's3://b/other/', 'replace', 'loaded', 'other', 1,
            9, 'h', 9, 9, 0, sysdate, sysdate;
        insert into ops.node_runs
        select 'dev-ann', 'this', 'songplays', 'model', '"dev-ann".songplays', 'success',
            null, 1.25, sysdate;
        insert into ops.node_runs
        select 'dev-ann', 'this', 'unique_users_user_id', 'test', null, 'pass', 0, 0.1, sysdate;
        insert into ops.node_runs
        select 'dev-ann', 'this', 'not_null_users_user_id', 'test', null, 'pass', 0, 0.1, sysdate;
        insert into ops.node_runs
        select 'dev-ann', 'this', 'not_null_songplays_user_id', 'test', null, 'warn',
            2, 0.1, sysdate;
        insert into ops.node_runs
        select 'pr_1', 'this', 'unique_songs_song_id', 'test', null, 'fail', 1, 0.1, sysdate;
        insert into ops.node_runs
        select 'dev-ann', 'this', 'int_events_quarantined', 'model', '"dev-ann".quarantined',
            'success', null, 1.0, sysdate;
        create schema "dev-ann";
        create table "dev-ann".songplays as select 1 as id;
        create table "dev-ann".quarantined (_partition varchar, quarantine_reason varchar);
        insert into "dev-ann".quarantined values
            ('s3://b/log_data/', 'level: neither free nor paid'),
            ('s3://b/log_data/', 'level: neither free nor paid'),
            ('s3://b/other/', 'page: missing');
        """
    )

    with warehouse.connect() as connection:
        summary = summarize_run(connection, "dev-ann", "this")

    lines = [line.split() for line in summary.splitlines()]
    assert ["Run", "this"] in lines
    assert ["raw.staging_events", "1", "3", "1,234", "1,230", "4", "2.5"] in lines
    assert ["songplays", "1", "1.2"] in lines
    assert ["level:", "neither", "free", "nor", "paid", "2"] in lines
    assert "page: missing" not in summary
    assert summary.endswith("Tests: 2 pass, 1 warn")
    assert "other" not in summary
