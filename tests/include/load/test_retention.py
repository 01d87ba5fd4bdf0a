"""What is removed once it is old, and what never is: whatever somebody still needs."""

import pytest

from include.load.errors import LoadError
from include.load.retention import apply_retention
from include.load.tables import EVENTS
from include.load.tasks import stage
from tests.sparkify_data import event
from tests.warehouse import Warehouse

DAYS = 30
DAY = "log_data/2018/11/2018-11-05"
GATE = (
    "insert into ops.gates (target_schema, project, through_load_id, run_id, recorded_at) "
    "values ('analytics', 'p', {through}, 'r', dateadd(day, -{days_ago}, sysdate));"
)


def load(number: int, days_ago: int, partition: str, status: str = "loaded") -> str:
    return f"""
        insert into "raw".load_history
        select {number}, 'raw.staging_events', 's3://sparkify/{partition}', 'replace', '{status}',
            'r', 1, 1, 'h', 1, 1, 0, dateadd(day, -{days_ago}, sysdate),
            dateadd(day, -{days_ago}, sysdate);
        insert into "raw".load_changes values ({number}, 'event_date', '2018-11-05');
        insert into "raw".load_keys values ({number}, 'raw.staging_events', 'page');
        insert into "raw".load_errors
        select {number}, 'raw.staging_events', 's3://sparkify/{partition}', 'f', 1, null, null, 1,
            'r', '{{';
        """


def seen(model: str, through: int, days_ago: int, schema: str = "analytics") -> str:
    return f"""
        insert into ops.watermarks
        values ('{schema}', '{model}', {through}, 'r', dateadd(day, -{days_ago}, sysdate));
        """


def apply(warehouse: Warehouse, days: int = DAYS) -> None:
    with warehouse.connect() as connection:
        apply_retention(connection, days, "analytics")


def ids(warehouse: Warehouse, table: str) -> list[int]:
    rows = warehouse.rows(f'select load_id from "raw".{table} order by 1')
    return [load_id for (load_id,) in rows]


def test_of_old_loads_the_newest_of_each_partition_is_kept(warehouse: Warehouse) -> None:
    warehouse.run(
        load(1, 90, DAY)
        + load(2, 80, DAY, "failed")
        + load(3, 70, DAY)
        + load(4, 60, "other")
        + load(5, 50, "other", "failed")
        + load(6, 10, "new")
        + seen("users", 6, 10)
    )
    apply(warehouse)
    assert ids(warehouse, "load_history") == [3, 4, 6]
    assert ids(warehouse, "load_keys") == [3, 4, 6]
    assert ids(warehouse, "load_errors") == [3, 4, 6]
    assert ids(warehouse, "load_changes") == [6]


@pytest.mark.parametrize(
    ("watermarks", "kept"),
    [
        (seen("users", 3, 0) + seen("time", 1, 0), [2, 3]),  # the slowest model
        (seen("users", 3, 0) + seen("users", 0, 90), [3]),  # the newest watermark of a model counts
        (seen("users", 3, 0) + seen("removed", 1, 80), [3]),  # a model that the project has no more
        (seen("users", 2, 200), [3]),  # production, though it has not run for long
        (seen("users", 1, 200), [2, 3]),
        (seen("users", 3, 0) + seen("users", 1, 20, "dbt_ana"), [2, 3]),  # a developer at work
        (seen("users", 3, 0) + seen("users", 1, 40, "dbt_ana"), [3]),  # and one who has left
        (seen("users", 3, 0) + GATE.format(through=1, days_ago=0), [2, 3]),  # the last green gate
        ("", [3]),
    ],
)
def test_changes_go_once_all_models_in_use_have_seen_them(
    warehouse: Warehouse, watermarks: str, kept: list[int]
) -> None:
    warehouse.run(load(1, 90, DAY) + load(2, 80, DAY) + load(3, 5, DAY) + watermarks)
    apply(warehouse)
    assert ids(warehouse, "load_changes") == kept
    # each change belongs to a load of the audit
    assert set(kept) <= set(ids(warehouse, "load_history"))


def test_old_watermarks_gates_publications_and_node_runs_go(warehouse: Warehouse) -> None:
    publication = (
        "insert into ops.publications "
        "values ('analytics', {}, 'r', 1, dateadd(day, -{}, sysdate), null);"
    )
    node = (
        "insert into ops.node_runs values ('analytics', 'r', 'users', 'model', null, 'success', "
        "null, 1.5, dateadd(day, -{}, sysdate));"
    )
    warehouse.run(
        seen("users", 1, 90)
        + seen("users", 2, 80)
        + seen("time", 1, 80)
        + seen("time", 2, 3)
        + seen("time", 3, 2)
        + GATE.format(through=1, days_ago=90)
        + GATE.format(through=2, days_ago=80)
        + publication.format(1, 90)
        + publication.format(2, 80)
        + node.format(31)
        + node.format(29)
    )
    apply(warehouse)
    assert warehouse.rows("select model, through_load_id from ops.watermarks order by 1, 2") == [
        ("time", 2),
        ("time", 3),
        ("users", 2),
    ]
    assert warehouse.rows("select through_load_id from ops.gates") == [(2,)]
    assert warehouse.rows("select publication_id from ops.publications") == [(2,)]
    assert warehouse.rows("select count(*) from ops.node_runs") == [(1,)]


def test_it_is_applied_once_a_day_and_when_the_setting_changes(warehouse: Warehouse) -> None:
    apply(warehouse)
    warehouse.run(load(1, 20, DAY) + load(2, 10, DAY))
    apply(warehouse)
    assert ids(warehouse, "load_history") == [1, 2]
    apply(warehouse, days=5)
    assert ids(warehouse, "load_history") == [2]
    assert warehouse.rows("select days, removed_through_load_id from ops.retention") == [(5, 2)]


def test_an_unchanged_partition_is_not_loaded_again_however_old_its_load(
    warehouse: Warehouse,
) -> None:
    warehouse.put_events(f"{DAY}-events.json", [event(0)])
    stage("stage_events", EVENTS, DAY).stage("first")
    old = "dateadd(day, -90, sysdate)"
    warehouse.run(f'update "raw".load_history set started_at = {old}, finished_at = {old}')
    apply(warehouse)
    assert stage("stage_events", EVENTS, DAY).stage("second").unchanged == 1


def test_a_failure_removes_nothing_and_names_what_was_done(warehouse: Warehouse) -> None:
    warehouse.run(load(1, 90, DAY) + load(2, 80, DAY) + "drop table ops.node_runs;")
    with pytest.raises(LoadError, match="Removing what is older than the retention failed"):
        apply(warehouse)
    assert ids(warehouse, "load_changes") == [1, 2]
