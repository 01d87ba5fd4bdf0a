"""A developer builds in a schema of their own, without waiting for production."""

import json

import pytest

from tests.sparkify_data import event, song
from tests.warehouse import Warehouse


@pytest.fixture
def developer(monkeypatch: pytest.MonkeyPatch) -> str:
    """Log in as a user whose name needs quotes in SQL; return their schema."""
    monkeypatch.delenv("REDSHIFT_SCHEMA")
    monkeypatch.setenv("USER", "ann-lee")
    return "dbt_ann-lee"


def test_a_developer_builds_in_a_schema_of_their_own_while_production_is_at_work(
    warehouse: Warehouse, developer: str
) -> None:
    warehouse.put_events("log_data/2018/11/2018-11-05-events.json", [event(0), event(1)])
    warehouse.put("song_data/A/A/1.json", json.dumps(song()).encode())
    warehouse.load("log_data/")
    warehouse.run(
        """insert into ops.run_lock
        select 'analytics', 'scheduled__1', sysdate, dateadd(minute, 15, sysdate), 0"""
    )

    warehouse.build()

    assert warehouse.rows(f'select count(*) from "{developer}".songplays') == [(2,)]
    assert warehouse.rows(f'select count(*) from "{developer}_reporting".daily_activity') == [(1,)]
    assert warehouse.rows("select 1 from pg_tables where schemaname = 'analytics'") == []
    assert warehouse.rows("select owner from ops.run_lock") == [("scheduled__1",)]
