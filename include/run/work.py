"""What is left to do behind the loads of a run, and which sources have gone quiet.

A run whose gate is green leaves a row in `ops.gates`: through which load, for which state of the
dbt project, and whether it judged all history. An hour without newer loads then needs no dbt
command, unless no gate of this day has judged all history yet, or something was built by hand and
not published.
"""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from redshift_connector.core import Connection

from include.publish.protocol import newest_publication

GATES = "from ops.gates where target_schema = %s and project = %s"


def record_gate(
    connection: Connection, target_schema: str, run_id: str, project: str, *, is_whole: bool
) -> None:
    """Note that all loads that the run has read have passed the gate of this dbt project.

    The run must hold the run lock, which says how far it may read. A load that came while it was
    building is not behind the gate: some models have not read it. `project` is the fingerprint that
    `make manifest` leaves; `is_whole` tells that the gate judged all history.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into ops.gates "
            "(target_schema, project, through_load_id, run_id, recorded_at, is_whole) "
            "select target_schema, %s, least(through_load_id, built.through), owner, sysdate, %s "
            "from ops.run_lock cross join ("
            "select min(through_load_id) as through from ops.watermarks "
            "where target_schema = %s and run_id = %s"
            ") as built where target_schema = %s and owner = %s",
            (project, is_whole, target_schema, run_id, target_schema, run_id),
        )
    connection.commit()


def has_work(connection: Connection, target_schema: str, project: str) -> bool:
    """Whether a load, a state of the project, or what was built has not reached readers yet.

    Of what was built there is no work after a rollback: only a person's command publishes it.
    """
    through = ask(
        connection,
        f"select coalesce(max(through_load_id), -1) {GATES}",
        *(target_schema, project),
    )
    newest = ask(
        connection,
        "select coalesce(max(load_id), 0) from \"raw\".load_history where status = 'loaded'",
    )
    return newest > through or unpublished(connection, target_schema) > 0


def whole_gate_is_due(connection: Connection, target_schema: str, project: str) -> bool:
    """Whether the next gate must judge all history with this state of the project.

    It must when none of this day (UTC) has, and when a table was built whole since the last
    publication: an hourly gate judges what loads have touched, and would not look at its history.
    """
    gates = ask(
        connection,
        f"select count(*) {GATES} and is_whole and recorded_at >= trunc(sysdate)",
        *(target_schema, project),
    )
    return gates == 0 or unpublished(connection, target_schema, "key_value is null") > 0


def unpublished(connection: Connection, target_schema: str, which: str = "true") -> int:
    """Return how many keys were built and wait for a publication; none while a rollback holds it.

    `which` selects rows of `ops.replaced_keys`.
    """
    with connection.cursor() as cursor:
        _, held_since = newest_publication(cursor, target_schema)
    connection.rollback()
    if held_since:
        return 0
    return ask(
        connection,
        "select count(*) from ops.replaced_keys "
        f"where target_schema = %s and publication_id is null and {which}",
        target_schema,
    )


def ask(connection: Connection, sql: str, *parameters: str) -> int:
    """Return the number that a query has as its only row."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        [(number,)] = cursor.fetchall()
    connection.rollback()
    return int(number)


def plan(wanted: bool | None, *, by_hand: bool, is_due: bool, is_news: bool) -> tuple[bool, bool]:
    """Return whether a run judges all history, and whether it has anything to do.

    `wanted` is the run's parameter `whole_gate`, `by_hand` that a person triggered it, `is_due` and
    `is_news` what whole_gate_is_due and has_work say.
    """
    is_whole = (is_due or by_hand) if wanted is None else wanted
    return is_whole, is_news or (is_whole and (is_due or wanted is True))


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
