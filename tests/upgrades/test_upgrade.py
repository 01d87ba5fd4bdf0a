"""`create_tables` and one build bring a warehouse of the released version to a new one's tables.

`v1_0_0/` holds what version 1.0.0 left behind: the files of its bucket, and its warehouse as SQL.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from include.load.tables import EVENTS
from include.load.tasks import stage
from include.publish.verdict import GateError
from tests.warehouse import Warehouse

RELEASED = Path(__file__).parent / "v1_0_0"
MONTH = "log_data/2018/11/"
READ = ("analytics", "reporting")  # what readers see
Tables = dict[str, tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]]


def tables(warehouse: Warehouse, *schemas: str) -> Tables:
    """Return the columns and the rows of each table in the schemas, by its name."""
    found = {}
    for schema in schemas:
        for [table] in warehouse.rows(
            f"select table_name from svv_tables where table_schema = '{schema}' order by 1"
        ):
            columns = warehouse.rows(
                "select column_name, data_type, character_maximum_length, is_nullable "
                f"from svv_columns where table_schema = '{schema}' and table_name = '{table}' "
                "order by ordinal_position"
            )
            rows = warehouse.rows(f"select * from {schema}.{table}")
            found[table] = (columns, sorted(rows, key=repr))
    return found


def restore_released_warehouse(warehouse: Warehouse) -> None:
    for name in ("raw", "ops"):
        warehouse.run(f'drop schema "{name}" cascade')
    warehouse.upload(RELEASED / "bucket")
    warehouse.run((RELEASED / "warehouse.sql").read_text())


@contextmanager
def reloading(prefix: str) -> Iterator[list[int]]:
    """Load a partition again and again meanwhile, and give the rows that each load brought."""
    stop, loads, faults = Event(), list[int](), list[Exception]()

    def reload() -> None:
        try:
            while not stop.wait(0.5):
                summary = stage("stage_events", EVENTS, prefix, reload=True).stage("reload")
                loads.append(summary.rows_loaded)
        except Exception as error:  # a thread's own would be lost
            faults.append(error)

    thread = Thread(target=reload)
    thread.start()
    try:
        yield loads
    finally:
        stop.set()
        thread.join()
    assert not faults, faults


def test_one_build_gives_the_tables_of_a_new_warehouse_while_a_partition_is_loaded_again(
    warehouse: Warehouse,
) -> None:
    warehouse.upload(RELEASED / "bucket")
    warehouse.load(MONTH)
    warehouse.dbt_here("run", "--target", "prod")
    new = tables(warehouse, "unpublished")
    assert len(new["songplays"][1]) == 79

    warehouse.empty()
    restore_released_warehouse(warehouse)
    warehouse.create_tables()
    with reloading(f"{MONTH}2018-11-02") as loads:
        warehouse.build("--target", "prod", "--full-refresh")

    assert len(loads) > 1
    assert loads[0] == 97, "the partition of the released version is as wide as its prefix was"
    assert tables(warehouse, *READ) == new


def test_a_build_without_full_refresh_says_what_it_needs_and_readers_keep_what_they_had(
    warehouse: Warehouse,
) -> None:
    restore_released_warehouse(warehouse)
    before = tables(warehouse, *READ)
    assert len(before["songplays"][1]) == 79
    warehouse.create_tables()

    built = warehouse.dbt_here("run", "--target", "prod", "--select", "+int_songs_deduplicated")

    assert built["int_songs_deduplicated"]["status"] == "error"
    assert (
        "Re-run the incremental model with `full_refresh: True`"
        in (built["int_songs_deduplicated"]["message"])
    )
    with pytest.raises(GateError):
        warehouse.publish()
    assert tables(warehouse, *READ) == before
