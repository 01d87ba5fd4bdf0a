"""The schemas and tables of the loads and runs: made where they are missing, migrated where old."""

from contextlib import closing

from airflow.providers.amazon.aws.hooks.redshift_sql import RedshiftSQLHook
from redshift_connector.core import Connection
from redshift_connector.cursor import Cursor

from include.load.errors import attempting
from include.load.tables import DDL

# What `create table if not exists` leaves as it was in a warehouse of an earlier version.
ADDRESS_CHARACTERS = 1100  # s3://, a bucket's name, and a key of 1,024 bytes
RENAMED_COLUMNS = {
    ("staging_events", "_batch"): "_partition",
    ("staging_songs", "_batch"): "_partition",
    ("load_errors", "batch"): "partition_prefix",
    ("load_history", "batch"): "partition_prefix",
}
ADDRESSES = (
    ("staging_events", "_partition"),
    ("staging_songs", "_partition"),
    ("load_history", "partition_prefix"),
    ("load_errors", "partition_prefix"),
    ("load_errors", "file_name"),
)


def create_tables(connection: Connection) -> None:
    """Make what is missing and migrate what is old; it may run any number of times."""
    connection.autocommit = True  # ALTER COLUMN TYPE may not stand in a transaction
    with closing(connection.cursor()) as cursor:
        for path in DDL:
            for statement in RedshiftSQLHook.split_sql_string(path.read_text()):
                with attempting(f"Creating the tables of {path.name}"):
                    cursor.execute(statement)
        with attempting("Migrating the schema raw"):
            migrate(cursor)


def migrate(cursor: Cursor) -> None:
    """Bring the tables of an earlier version to what the DDL says."""
    widths = columns_of_raw(cursor)
    if ("load_history", "batch") in widths:
        cursor.execute(
            "update \"raw\".load_history set mode = 'replace' where mode = 'replace_batch'"
        )
    for (table, old), new in RENAMED_COLUMNS.items():
        if (table, old) in widths:
            cursor.execute(f'alter table "raw".{table} rename column {old} to {new}')
    widths = columns_of_raw(cursor)
    for table, column in ADDRESSES:
        if widths[table, column] < ADDRESS_CHARACTERS:
            cursor.execute(
                f'alter table "raw".{table} alter column {column} type '
                f"varchar({ADDRESS_CHARACTERS})"
            )


def columns_of_raw(cursor: Cursor) -> dict[tuple[str, str], int]:
    """Return the columns of the schema `raw` by table and name, with the width of text."""
    cursor.execute(
        "select table_name, column_name, coalesce(character_maximum_length, 0) "
        "from svv_columns where table_schema = 'raw'"
    )
    return {(table, column): int(width) for table, column, width in cursor.fetchall()}
