"""What is removed from the tables of the loads and runs once it is old; data is kept for ever.

Nothing goes that somebody still needs: changes that an incremental model in use or the gate has not
seen, the newest load of a partition, the newest watermark of a model, a schema's newest green gate.
"""

from logging import getLogger

from redshift_connector.core import Connection
from redshift_connector.cursor import Cursor

from include.load import audit
from include.load.errors import attempting
from include.load.replacement import transaction
from include.load.sql import literal

log = getLogger(__name__)


def apply_retention(connection: Connection, days: int, production_schema: str) -> None:
    """Remove, at most once a day, what is older than so many days (UTC, by Redshift's clock).

    `production_schema` is dbt's target schema whose models count as in use however long they have
    not run. The models of another schema do if it was built within the days.
    """
    connection.autocommit = True
    with connection.cursor() as cursor, attempting("Removing what is older than the retention"):
        cursor.execute(
            f"select count(*) from ops.retention where days = {days} "
            "and applied_at >= trunc(sysdate)"
        )
        if cursor.fetchone() != [0]:
            return
        with transaction(connection):
            audit.lock(cursor)  # a load that commits meanwhile would read what goes
            remove(cursor, days, production_schema)


def remove(cursor: Cursor, days: int, production_schema: str) -> None:
    """Remove what is old, in the caller's transaction."""
    begin = f"dateadd(day, -{days}, trunc(sysdate))"
    through = removable_through(cursor, begin, days, production_schema)
    deletions = [
        f'from "raw".load_changes where load_id <= {through}',
        f'from "raw".load_history where load_id <= {through} and finished_at < {begin} '
        'and load_id not in (select max(load_id) from "raw".load_history '
        "where status <> 'failed' group by target_table, partition_prefix)",
        *(
            f'from "raw".{table} where load_id <= {through} '
            'and load_id not in (select load_id from "raw".load_history)'
            for table in ("load_errors", "load_keys")
        ),
        f"from ops.watermarks where recorded_at < {begin} "
        "and target_schema || '.' || model || cast(recorded_at as varchar) not in "
        "(select target_schema || '.' || model || cast(max(recorded_at) as varchar) "
        "from ops.watermarks group by target_schema, model)",
        f"from ops.gates where recorded_at < {begin} "
        "and target_schema || cast(recorded_at as varchar) not in "
        "(select target_schema || cast(max(recorded_at) as varchar) "
        "from ops.gates group by target_schema)",
        f"from ops.publications where published_at < {begin} "
        "and target_schema || cast(publication_id as varchar) not in "
        "(select target_schema || cast(max(publication_id) as varchar) "
        "from ops.publications group by target_schema)",
        f"from ops.node_runs where finished_at < {begin}",
    ]
    rows = 0
    for deletion in deletions:
        cursor.execute(f"delete {deletion}")
        rows += max(cursor.rowcount, 0)
    cursor.execute("delete from ops.retention")
    cursor.execute(f"insert into ops.retention select sysdate, {days}, {through}")
    log.info(
        "Removed %d rows about loads and runs of more than %d days ago; the change feed begins "
        "behind load %d.",
        *(rows, days, through),
    )


def removable_through(cursor: Cursor, begin: str, days: int, production_schema: str) -> int:
    """Return the newest load whose changes may go, and with them all changes before.

    The gate of a schema reads the feed as a model does: behind its newest green run. A model that
    has not run for so many days before the last run of its schema is no longer in the project. If
    it is built again later, it finds its changes gone and refuses
    (`macros/incremental/check_change_feed.sql`).
    """
    cursor.execute(
        f'select coalesce(max(load_id), 0) from "raw".load_history where finished_at < {begin}'
    )
    [(old,)] = cursor.fetchall()
    readers = (
        "select target_schema, model, through_load_id, recorded_at from ops.watermarks union all "
        "select target_schema, cast('the gate' as varchar(127)), through_load_id, recorded_at "
        "from ops.gates"
    )
    cursor.execute(
        "select min(through_load_id) from (select target_schema, through_load_id, recorded_at, "
        "row_number() over (partition by target_schema, model order by recorded_at desc) as age, "
        "max(recorded_at) over (partition by target_schema) as last_run_at "
        f"from ({readers}) as readers) as marks "
        f"where age = 1 and recorded_at >= dateadd(day, -{days}, last_run_at) "
        f"and (target_schema = {literal(production_schema)} or last_run_at >= {begin})"
    )
    [(seen,)] = cursor.fetchall()
    cursor.execute("select coalesce(max(removed_through_load_id), 0) from ops.retention")
    [(removed,)] = cursor.fetchall()
    return max(int(removed), int(old if seen is None else min(old, seen)))
