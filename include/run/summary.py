"""What a run did, in words: files and rows loaded, each model's rows and seconds, tests passed."""

from redshift_connector.core import Connection
from tabulate import tabulate

MARTS = ("songplays", "users", "songs", "artists", "time", "user_levels")


def summarize_run(connection: Connection, target_schema: str, run_id: str) -> str:
    """Return the summary of one run as text; the run's dbt commands and loads are its own."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select target_table, count(*), cast(sum(files) as bigint), "
            "cast(sum(lines_scanned) as bigint), cast(sum(rows_loaded) as bigint), "
            "cast(sum(rows_rejected) as bigint), "
            "datediff(ms, min(started_at), max(finished_at)) / 1000.0 "
            "from \"raw\".load_history where run_id = %s and status != 'absorbed' "
            "group by target_table, status order by min(load_id)",
            (run_id,),
        )
        loads = cursor.fetchall()
        cursor.execute(
            "select node, sum(seconds) from ops.node_runs "
            "where target_schema = %s and run_id = %s and resource_type = 'model' "
            "group by node order by min(finished_at)",
            (target_schema, run_id),
        )
        seconds = dict(cursor.fetchall())
        cursor.execute(
            "select status, count(*) from ops.node_runs "
            "where target_schema = %s and run_id = %s and resource_type = 'test' "
            "group by status order by status",
            (target_schema, run_id),
        )
        tests = dict(cursor.fetchall())
        rows = {}
        for mart in MARTS:
            cursor.execute(f"select count(*) from {target_schema}.{mart}")
            [(rows[mart],)] = cursor.fetchall()
    load_table = tabulate(
        loads,
        headers=["loaded into", "partitions", "files", "rows in", "loaded", "rejected", "seconds"],
        intfmt=",",
        floatfmt=".1f",
    )
    model_table = tabulate(
        [(model, rows.get(model), elapsed) for model, elapsed in seconds.items()],
        headers=["model", "rows", "seconds"],
        intfmt=",",
        floatfmt=".1f",
    )
    counts = ", ".join(f"{count} {status}" for status, count in tests.items()) or "none ran"
    return f"Run {run_id}\n\n{load_table}\n\n{model_table}\n\nTests: {counts}"
