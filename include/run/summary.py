"""What a run did, in words: rows loaded and quarantined, each model's rows and seconds, tests."""

from typing import Any

from redshift_connector.core import Connection
from redshift_connector.cursor import Cursor
from tabulate import tabulate

QUARANTINES = ("int_events_quarantined", "int_songs_quarantined")


def summarize_run(connection: Connection, target_schema: str, run_id: str) -> str:
    """Return the summary of one run as text: its loads and its dbt commands in the schema."""
    with connection.cursor() as cursor:
        loads = fetch(
            cursor,
            "select target_table, count(*), cast(sum(files) as bigint), "
            "cast(sum(lines_scanned) as bigint), cast(sum(rows_loaded) as bigint), "
            "cast(sum(rows_rejected) as bigint), "
            "datediff(ms, min(started_at), max(finished_at)) / 1000.0 "
            "from \"raw\".load_history where run_id = %s and status != 'absorbed' "
            "group by target_table, status order by min(load_id)",
            run_id,
        )
        models = fetch(
            cursor,
            "select node, max(relation), sum(seconds) from ops.node_runs "
            "where target_schema = %s and run_id = %s and resource_type = 'model' "
            "group by node order by min(finished_at)",
            target_schema,
            run_id,
        )
        tests = fetch(
            cursor,
            "select status, count(*) from ops.node_runs "
            "where target_schema = %s and run_id = %s and resource_type = 'test' "
            "group by status order by status",
            target_schema,
            run_id,
        )
        rows = {
            node: fetch(cursor, f"select count(*) from {relation}")[0][0]
            for node, relation, _ in models
            if relation
        }
        quarantined = [
            (reason, count)
            for node, relation, _ in models
            if node in QUARANTINES and relation
            for reason, count in fetch(
                cursor,
                f"select quarantine_reason, count(*) from {relation} "
                'where _partition in (select partition_prefix from "raw".load_history '
                "where run_id = %s) group by quarantine_reason "
                "order by count(*) desc, quarantine_reason",
                run_id,
            )
        ]
    counts = ", ".join(f"{count} {status}" for status, count in tests) or "none ran"
    return "\n\n".join(
        [
            f"Run {run_id}",
            table(
                loads,
                "loaded into",
                "partitions",
                "files",
                "rows in",
                "loaded",
                "rejected",
                "seconds",
            ),
            table(quarantined, "quarantined, of what was loaded", "rows")
            if quarantined
            else "Quarantined, of what was loaded: no row",
            table(
                [(node, rows.get(node), seconds) for node, _, seconds in models],
                *("model", "rows", "seconds"),
            ),
            f"Tests: {counts}",
        ]
    )


def fetch(cursor: Cursor, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Return all rows of a query."""
    cursor.execute(sql, parameters)
    return [tuple(row) for row in cursor.fetchall()]


def table(rows: list[tuple[Any, ...]], *headers: str) -> str:
    """Return rows as a table of text."""
    return tabulate(rows, headers=headers, intfmt=",", floatfmt=".1f")
