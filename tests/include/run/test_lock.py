"""The run lock: one owner at a time, and it expires."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from include.run.lock import RunLockHeldError, acquire_run_lock, keep_run_lock, release_run_lock
from tests.warehouse import Warehouse

HOLDERS = "select target_schema, owner from ops.run_lock order by 1"


def acquire(warehouse: Warehouse, owner: str, schema: str = "analytics", minutes: int = 15) -> None:
    with closing(warehouse.connect()) as connection:
        acquire_run_lock(connection, schema, owner, minutes)


def release(warehouse: Warehouse, owner: str) -> None:
    with closing(warehouse.connect()) as connection:
        release_run_lock(connection, "analytics", owner)


def test_a_second_run_is_told_who_holds_the_lock_until_when_and_how_to_free_it(
    warehouse: Warehouse,
) -> None:
    acquire(warehouse, "scheduled__1")
    [(expires_at,)] = warehouse.rows("select expires_at from ops.run_lock")
    with pytest.raises(RunLockHeldError) as caught:
        acquire(warehouse, "backfill__2")
    assert caught.value.holder == "scheduled__1"
    assert caught.value.expires_at == expires_at
    assert f"its lock expires at {expires_at:%Y-%m-%d %H:%M:%S} UTC" in str(caught.value)
    assert warehouse.rows(HOLDERS) == [("analytics", "scheduled__1")]
    warehouse.run(str(caught.value).partition("free it now: ")[2])
    assert warehouse.rows(HOLDERS) == []


def test_its_owner_renews_it(warehouse: Warehouse) -> None:
    left = "select datediff(minute, sysdate, expires_at) from ops.run_lock"
    acquire(warehouse, "scheduled__1", minutes=5)
    assert warehouse.rows(left) == [(5,)]
    acquire(warehouse, "scheduled__1", minutes=30)
    assert warehouse.rows(left) == [(30,)]


def test_an_expired_lock_goes_to_the_next_run(warehouse: Warehouse) -> None:
    acquire(warehouse, "dead__1")
    warehouse.run("update ops.run_lock set expires_at = dateadd(second, -1, sysdate)")
    acquire(warehouse, "scheduled__2")
    assert warehouse.rows(HOLDERS) == [("analytics", "scheduled__2")]


def test_each_target_schema_has_its_own(warehouse: Warehouse) -> None:
    acquire(warehouse, "scheduled__1")
    acquire(warehouse, "ada", schema="dev_ada")
    assert warehouse.rows(HOLDERS) == [("analytics", "scheduled__1"), ("dev_ada", "ada")]


def test_only_its_owner_releases_it(warehouse: Warehouse) -> None:
    acquire(warehouse, "scheduled__1")
    release(warehouse, "backfill__2")
    assert warehouse.rows(HOLDERS) == [("analytics", "scheduled__1")]
    release(warehouse, "scheduled__1")
    assert warehouse.rows(HOLDERS) == []


def test_of_runs_that_start_together_one_gets_it(warehouse: Warehouse) -> None:
    def try_to(owner: str) -> bool:
        try:
            acquire(warehouse, owner)
        except RunLockHeldError:
            return False
        return True

    owners = [f"run__{number}" for number in range(8)]
    with ThreadPoolExecutor(len(owners)) as pool:
        won = [
            owner for owner, got_it in zip(owners, pool.map(try_to, owners), strict=True) if got_it
        ]
    assert len(won) == 1
    assert warehouse.rows(HOLDERS) == [("analytics", won[0])]


def test_it_records_the_newest_load_when_it_is_taken(warehouse: Warehouse) -> None:
    warehouse.run(
        "insert into \"raw\".load_history values (7, 'raw.staging_events', 's3://b/p', "
        "'append', 'loaded', 'r', 1, 1, 'h', 1, 1, 0, sysdate, sysdate)"
    )
    acquire(warehouse, "scheduled__1")
    assert warehouse.rows("select through_load_id from ops.run_lock") == [(7,)]


def test_a_run_that_may_not_take_it_only_renews_it(warehouse: Warehouse) -> None:
    with closing(warehouse.connect()) as connection:
        with pytest.raises(
            RunLockHeldError, match="holds no run lock of schema analytics"
        ) as caught:
            acquire_run_lock(connection, "analytics", "ended__1", 15, may_take=False)
        assert caught.value.holder is None
        acquire_run_lock(connection, "analytics", "scheduled__1", 5)
        acquire_run_lock(connection, "analytics", "scheduled__1", 30, may_take=False)
        with pytest.raises(RunLockHeldError, match="Run scheduled__1 is working"):
            acquire_run_lock(connection, "analytics", "ended__1", 15, may_take=False)
    left = "select owner, datediff(minute, sysdate, expires_at) from ops.run_lock"
    assert warehouse.rows(left) == [("scheduled__1", 30)]


def test_an_owner_may_have_any_name(warehouse: Warehouse) -> None:
    name = r"manual__it's; a \ 100% run"
    acquire(warehouse, name)
    assert warehouse.rows(HOLDERS) == [("analytics", name)]
    release(warehouse, name)
    assert warehouse.rows(HOLDERS) == []


def test_it_is_renewed_during_long_work(warehouse: Warehouse) -> None:
    acquire(warehouse, "scheduled__1")
    warehouse.run("update ops.run_lock set expires_at = sysdate")
    with keep_run_lock(warehouse.connect, "analytics", "scheduled__1", 15, every_seconds=0.2):
        time.sleep(2)
    left = "select datediff(minute, sysdate, expires_at) from ops.run_lock"
    assert warehouse.rows(left) == [(15,)]
