"""What is left to do after a run's loads, and which sources are stale."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from include.run.lock import acquire_run_lock
from include.run.work import has_work, plan, record_gate, stale_sources, whole_gate_is_due
from tests.warehouse import Warehouse


def put_load(
    warehouse: Warehouse, load_id: int, status: str = "loaded", hours_ago: int = 0
) -> None:
    columns = warehouse.rows(
        "select column_name, data_type from svv_columns "
        "where table_schema = 'raw' and table_name = 'load_history'"
    )
    values = {
        "load_id": str(load_id),
        "status": f"'{status}'",
        "target_table": "'raw.staging_events'",
        "finished_at": f"dateadd(hour, -{hours_ago}, sysdate)",
    }
    fill = {"character varying": "'x'", "bigint": "0"}
    listed = ", ".join(name for name, _ in columns)
    given = ", ".join(values.get(name, fill.get(kind, "sysdate")) for name, kind in columns)
    warehouse.run(f'insert into "raw".load_history ({listed}) select {given}')


def gate(
    warehouse: Warehouse, project: str = "p", run_id: str = "scheduled__1", is_whole: bool = False
) -> None:
    with closing(warehouse.connect()) as connection:
        acquire_run_lock(connection, "analytics", run_id, 15)
        record_gate(connection, "analytics", run_id, project, is_whole=is_whole)


def work_left(warehouse: Warehouse, project: str = "p", schema: str = "analytics") -> bool:
    with closing(warehouse.connect()) as connection:
        return has_work(connection, schema, project)


def whole_gate_due(warehouse: Warehouse, project: str = "p") -> bool:
    with closing(warehouse.connect()) as connection:
        return whole_gate_is_due(connection, "analytics", project)


def built(
    warehouse: Warehouse,
    key: str | None,
    schema: str = "analytics",
    publication: int | None = None,
) -> None:
    """Note that a build replaced a key of songplays, or all of it."""
    with closing(warehouse.connect()) as connection:
        connection.cursor().execute(
            "insert into ops.replaced_keys values (%s, 'songplays', %s, sysdate, %s)",
            (schema, key, publication),
        )
        connection.commit()


def test_there_is_work_until_the_newest_load_has_passed_the_gate(warehouse: Warehouse) -> None:
    assert work_left(warehouse)  # nothing was ever built
    put_load(warehouse, 5)
    assert work_left(warehouse)
    gate(warehouse)
    assert not work_left(warehouse)
    put_load(warehouse, 6, status="failed")
    assert not work_left(warehouse)
    put_load(warehouse, 7)
    assert work_left(warehouse)


def test_what_was_built_by_hand_is_work_until_it_is_published_or_held(
    warehouse: Warehouse,
) -> None:
    def publication(number: int, rolled_back_at: str) -> None:
        warehouse.run(
            "insert into ops.publications "
            f"select 'analytics', {number}, 'r', 5, sysdate, {rolled_back_at}"
        )

    put_load(warehouse, 5)
    gate(warehouse, is_whole=True)
    built(warehouse, "2018-11-05", "dev_ada")
    built(warehouse, "2018-11-05", publication=1)
    assert not work_left(warehouse)
    built(warehouse, "2018-11-05")
    assert work_left(warehouse)
    assert not whole_gate_due(warehouse)  # the loads of that day were judged
    publication(1, "sysdate")
    assert not work_left(warehouse)
    publication(2, "cast(null as timestamp)")
    assert work_left(warehouse)


def test_a_table_that_was_built_whole_by_hand_is_judged_whole(warehouse: Warehouse) -> None:
    put_load(warehouse, 5)
    gate(warehouse, is_whole=True)
    built(warehouse, None)
    assert work_left(warehouse)
    assert whole_gate_due(warehouse)
    warehouse.run("update ops.replaced_keys set publication_id = 1")
    assert not whole_gate_due(warehouse)


def test_another_project_or_schema_has_work_of_its_own(warehouse: Warehouse) -> None:
    put_load(warehouse, 5)
    gate(warehouse)
    assert work_left(warehouse, project="with a new model")
    assert work_left(warehouse, schema="dev_ada")


def test_a_run_without_the_lock_records_no_gate(warehouse: Warehouse) -> None:
    put_load(warehouse, 5)
    with closing(warehouse.connect()) as connection:
        acquire_run_lock(connection, "analytics", "scheduled__2", 15)
        record_gate(connection, "analytics", "scheduled__1", "p", is_whole=True)
    assert work_left(warehouse)


def test_a_load_that_came_while_the_models_were_built_is_not_behind_the_gate(
    warehouse: Warehouse,
) -> None:
    put_load(warehouse, 5)
    put_load(warehouse, 6)
    warehouse.run(
        """
        insert into ops.watermarks values
            ('analytics', 'int_events_deduplicated', 5, 'scheduled__1', sysdate),
            ('analytics', 'users', 6, 'scheduled__1', sysdate),
            ('analytics', 'songs', 4, 'scheduled__0', sysdate)
        """
    )
    gate(warehouse)
    assert warehouse.rows("select through_load_id from ops.gates") == [(5,)]
    assert work_left(warehouse)


def test_a_whole_gate_is_due_once_a_day_and_for_each_state_of_the_project(
    warehouse: Warehouse,
) -> None:
    put_load(warehouse, 5)
    gate(warehouse)
    assert whole_gate_due(warehouse)
    gate(warehouse, is_whole=True)
    assert not whole_gate_due(warehouse)
    assert whole_gate_due(warehouse, "with a new model")
    warehouse.run("update ops.gates set recorded_at = dateadd(day, -1, recorded_at)")
    assert whole_gate_due(warehouse)


@pytest.mark.parametrize(
    ("wanted", "by_hand", "is_due", "is_news", "is_whole", "is_left"),
    [
        # an hour with news, one without, and the day's first of either kind
        (None, False, False, True, False, True),
        (None, False, False, False, False, False),
        (None, False, True, True, True, True),
        (None, False, True, False, True, True),
        # triggered by a person
        (None, True, False, True, True, True),
        (None, True, False, False, True, False),
        # told by the parameter
        (True, False, False, False, True, True),
        (False, True, True, True, False, True),
        (False, True, True, False, False, False),
    ],
)
def test_what_a_run_judges_and_whether_it_has_anything_to_do(
    wanted: bool | None, by_hand: bool, is_due: bool, is_news: bool, is_whole: bool, is_left: bool
) -> None:
    planned = plan(wanted, by_hand=by_hand, is_due=is_due, is_news=is_news)
    assert planned == (is_whole, is_left)


def test_a_source_is_stale_when_its_last_load_is_older_than_its_freshness(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    manifest = tmp_path / "manifest.json"
    source = {"schema": "raw", "identifier": "staging_events", "name": "staging_events"}
    limits = {"freshness": {"warn_after": {"count": 26, "period": "hour"}}}
    manifest.write_text(json.dumps({"sources": {"a": source | limits, "b": source}}))

    def stale() -> dict[str, str]:
        with closing(warehouse.connect()) as connection:
            return stale_sources(connection, manifest)

    put_load(warehouse, 1, hours_ago=30)
    put_load(warehouse, 2, status="failed", hours_ago=1)
    [(table, message)] = stale().items()
    assert table == "raw.staging_events"
    assert message.startswith("No load of raw.staging_events for 1 day, 6:")
    assert message.endswith("its freshness allows 1 day, 2:00:00.")
    put_load(warehouse, 3, hours_ago=20)
    assert stale() == {}
