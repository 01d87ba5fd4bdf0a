"""The load without Airflow: `make load PREFIX=log_data/2018/11/`.

The same tables, operator, ledger and lock as in the DAG; connections come from the environment.
"""

import argparse
import sys
import uuid
from contextlib import closing
from logging import WARNING, StreamHandler, getLogger

from airflow.providers.amazon.aws.hooks.redshift_sql import RedshiftSQLHook
from airflow.sdk.exceptions import AirflowNotFoundException
from botocore.exceptions import BotoCoreError, ClientError
from redshift_connector.error import InterfaceError

from include.load.protocol import LoadError, LoadResult
from include.load.tables import DDL, EVENTS, SONGS
from include.load.tasks import stage
from include.run.lock import RunLockHeldError, acquire_run_lock, release_run_lock
from include.settings import settings

# No connection of that name, no cluster there, no bucket there.
OUT_OF_REACH = (AirflowNotFoundException, InterfaceError, BotoCoreError, ClientError)


def main() -> int:
    """Load the song catalogue and one prefix of events; return the exit status."""
    parser = argparse.ArgumentParser(prog="make load", description=__doc__)
    parser.add_argument("--events-prefix", required=True, help="for example log_data/2018/11/")
    parser.add_argument("--songs-prefix", default=settings().songs_prefix)
    arguments = parser.parse_args()
    if not arguments.events_prefix or not arguments.songs_prefix:
        parser.error("an empty prefix would load the whole bucket, songs and events as one")
    try:
        load(arguments.events_prefix, arguments.songs_prefix)
    except (LoadError, RunLockHeldError) as error:
        print(error, file=sys.stderr)
        return 1
    except OUT_OF_REACH as error:
        print(
            f"Redshift or S3 is out of reach: {error}\nStart the local stack (`make up`), or look "
            f"at .env: the connections {settings().redshift_conn_id} and {settings().aws_conn_id}, "
            f"SPARKIFY_S3_BUCKET (now {settings().s3_bucket}).",
            file=sys.stderr,
        )
        return 1
    return 0


def load(events_prefix: str, songs_prefix: str) -> None:
    """Load under the run lock, with a line of print for each of the two tables."""
    run_id = f"load__{uuid.uuid4()}"
    hook = RedshiftSQLHook(redshift_conn_id=settings().redshift_conn_id)
    with closing(hook.get_conn()) as connection, connection.cursor() as cursor:
        for path in DDL:
            for statement in hook.split_sql_string(path.read_text()):
                cursor.execute(statement)
        connection.commit()
    with closing(hook.get_conn()) as connection:
        try:
            acquire_run_lock(
                connection, settings().redshift_schema, run_id, settings().run_lock_minutes
            )
            for table, prefix in ((SONGS, songs_prefix), (EVENTS, events_prefix)):
                print(describe(stage(f"stage_{table.name}", table, prefix).stage(run_id)))
        finally:
            release_run_lock(connection, settings().redshift_schema, run_id)


def describe(result: LoadResult) -> str:
    """Return what a load did, in one line."""
    if result.status == "empty":
        return f"{result.batch}: empty, nothing lies there. Check the bucket and the prefix."
    if result.status == "unchanged":
        return f"{result.batch}: unchanged, the {result.files:,} files are those of its last load."
    where = " (see raw.load_errors)" if result.rows_rejected else ""
    return (
        f"{result.batch}: {result.status}, {result.files:,} files, "
        f"{result.lines_scanned:,} lines, {result.rows_loaded:,} rows loaded, "
        f"{result.rows_rejected:,} lines rejected{where}, "
        f"{result.seconds:.1f} s"
    )


if __name__ == "__main__":
    # What the load has to say, whatever is said of Airflow's own messages.
    getLogger("include").setLevel(WARNING)
    getLogger("include").addHandler(StreamHandler())
    sys.exit(main())
