"""What is left to do behind the loads of a run, and which sources have gone quiet.

A run whose gate is green leaves a row in `ops.gates`: through which load, and for which state of
the dbt project. An hour without newer loads then needs no dbt command.
"""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from redshift_connector.core import Connection


def record_gate(connection: Connection, target_schema: str, run_id: str, project: str) -> None:
    """Note that all loads that the run may read have passed the gate of this dbt project.

    The run must hold the run lock, which says how far it may read. `project` is the fingerprint
    that `make manifest` leaves.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into ops.gates "
            "select target_schema, %s, through_load_id, owner, sysdate "
            "from ops.run_lock where target_schema = %s and owner = %s",
            (project, target_schema, run_id),
        )
    connection.commit()


def has_work(connection: Connection, target_schema: str, project: str) -> bool:
    """Whether a load, or a state of the project, has not passed the gate yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select coalesce(max(through_load_id), -1) from ops.gates "
            "where target_schema = %s and project = %s",
            (target_schema, project),
        )
        [(through,)] = cursor.fetchall()
        cursor.execute(
            "select coalesce(max(load_id), 0) from \"raw\".load_history where status = 'loaded'"
        )
        [(newest,)] = cursor.fetchall()
    connection.rollback()
    return bool(newest > through)


def stale_sources(connection: Connection, manifest: Path) -> dict[str, str]:
    """Return, by table, what is wrong with a source whose last load is older than it may be.

    The limits are those of the sources in dbt's manifest. The load audit tells when the last load
    was, so that no source is scanned.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select target_table, datediff(second, max(finished_at), sysdate) "
            "from \"raw\".load_history where status = 'loaded' group by target_table"
        )
        ages = {table: timedelta(seconds=int(seconds)) for table, seconds in cursor.fetchall()}
    connection.rollback()
    stale = {}
    for source in json.loads(manifest.read_text())["sources"].values():
        limit = warn_after(source)
        table = f"{source['schema']}.{source['identifier']}"
        age = ages.get(table)
        if limit and age and age > limit:
            stale[table] = f"No load of {table} for {age}; its freshness allows {limit}."
    return stale


def warn_after(source: dict[str, Any]) -> timedelta | None:
    """Return the age from which dbt warns of a source, or None where it has no limit."""
    limit = (source.get("freshness") or {}).get("warn_after") or {}
    if not limit.get("count"):
        return None
    return timedelta(**{f"{limit['period']}s": limit["count"]})
