"""The schemas and tables of the loads and runs: made where they are missing, migrated where old."""

from contextlib import closing

from airflow.providers.amazon.aws.hooks.redshift_sql import RedshiftSQLHook
from redshift_connector.core import Connection
from redshift_connector.cursor import Cursor

from include.load.errors import attempting
from include.load.sql import identifier, literal
from include.load.tables import DDL

# What `create table if not exists` leaves as it was in a warehouse of an earlier version: columns
# by schema, table and name.
RENAMED_COLUMNS = {
    ("raw", "staging_events", "_batch"): "_partition",
    ("raw", "staging_songs", "_batch"): "_partition",
    ("raw", "load_errors", "batch"): "partition_prefix",
    ("raw", "load_history", "batch"): "partition_prefix",
}
WIDENED_COLUMNS = {
    ("raw", "staging_events", "_partition"): 1100,
    ("raw", "staging_songs", "_partition"): 1100,
    ("raw", "load_history", "partition_prefix"): 1100,
    ("raw", "load_errors", "partition_prefix"): 1100,
    ("raw", "load_errors", "file_name"): 1100,
}
ADDED_COLUMNS = {("ops", "node_runs", "relation"): "varchar(512)"}
# The tables whose rows name the load that brought them, and the sort keys that begin with it.
LOAD_ID = "_load_id"
SORT_KEYS = {"staging_events": "_load_id, ts", "staging_songs": "_load_id"}


def create_tables(connection: Connection) -> None:
    """Make what is missing and migrate what is old; it may run any number of times."""
    connection.autocommit = True  # ALTER COLUMN TYPE may not stand in a transaction
    with closing(connection.cursor()) as cursor:
        for path in DDL:
            for statement in RedshiftSQLHook.split_sql_string(path.read_text()):
                with attempting(f"Creating the tables of {path.name}"):
                    cursor.execute(statement)
        with attempting("Migrating the schemas raw and ops"):
            migrate(cursor)


def migrate(cursor: Cursor) -> None:
    """Bring the tables of an earlier version to what the DDL says."""
    widths = columns(cursor)
    if ("raw", "load_history", "batch") in widths:
        cursor.execute(
            "update \"raw\".load_history set mode = 'replace' where mode = 'replace_batch'"
        )
    for (schema, table, old), new in RENAMED_COLUMNS.items():
        if (schema, table, old) in widths:
            cursor.execute(f"alter table {identifier(schema, table)} rename column {old} to {new}")
    for (schema, table, column), type_ in ADDED_COLUMNS.items():
        if (schema, table, column) not in widths:
            cursor.execute(f"alter table {identifier(schema, table)} add column {column} {type_}")
    for table, sort_key in SORT_KEYS.items():
        if ("raw", table, LOAD_ID) not in widths:
            add_load_ids(cursor, table)
        sort_by(cursor, table, sort_key)
    widths = columns(cursor)
    for (schema, table, column), width in WIDENED_COLUMNS.items():
        if widths[schema, table, column] < width:
            cursor.execute(
                f"alter table {identifier(schema, table)} alter column {column} "
                f"type varchar({width})"
            )


def add_load_ids(cursor: Cursor, table: str) -> None:
    """Add the column of load ids and fill it from the load audit, in one transaction.

    It writes the whole table once, as UPDATE does on Redshift. In a partition that loads have
    appended to, each row gets the newest of them: the audit cannot tell them apart.
    """
    cursor.execute("begin")
    try:
        relation = identifier("raw", table)
        cursor.execute(f"alter table {relation} add column {LOAD_ID} bigint default 0 not null")
        cursor.execute(
            f"update {relation} set {LOAD_ID} = loads.load_id from ("
            'select partition_prefix, max(load_id) as load_id from "raw".load_history '
            f"where target_table = {literal(f'raw.{table}')} and status = 'loaded' "
            f"group by partition_prefix) as loads where _partition = loads.partition_prefix"
        )
    except BaseException:
        cursor.execute("rollback")
        raise
    cursor.execute("commit")


def sort_by(cursor: Cursor, table: str, sort_key: str) -> None:
    """Sort a table of `raw` by other columns, unless it begins with the first of them already.

    Redshift moves the rows in the background (ALTER TABLE, ALTER SORTKEY).
    """
    cursor.execute(
        "select count(*) from svv_redshift_columns where schema_name = 'raw' "
        f"and table_name = {literal(table)} and column_name = {literal(LOAD_ID)} and sortkey = 1"
    )
    if cursor.fetchone() == [0]:
        cursor.execute(f"alter table {identifier('raw', table)} alter sortkey ({sort_key})")


def columns(cursor: Cursor) -> dict[tuple[str, str, str], int]:
    """Return the width of each column (of text, else 0) by schema, table and name."""
    cursor.execute(
        "select table_schema, table_name, column_name, coalesce(character_maximum_length, 0) "
        "from svv_columns where table_schema in ('raw', 'ops')"
    )
    return {(schema, table, name): int(width) for schema, table, name, width in cursor.fetchall()}
