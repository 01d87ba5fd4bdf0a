"""The load without Airflow: `make load PREFIX=log_data/2018/11/`.

The same tables, operator, audit and lock as in the DAG; connections come from the environment.
"""

import argparse
import sys
import uuid
from collections.abc import Iterable
from contextlib import closing
from logging import WARNING, StreamHandler, getLogger

from airflow.sdk.exceptions import AirflowNotFoundException
from tqdm import tqdm

from include.load.errors import LoadError, TransientError
from include.load.operator import describe
from include.load.request import LoadResult
from include.load.tables import EVENTS, SONGS
from include.load.tasks import connect, keep_lock, prepare_tables, stage
from include.run.lock import RunLockHeldError, acquire_run_lock, release_run_lock
from include.settings import settings


def main() -> int:
    """Load the song catalogue and one prefix of events; return the exit status."""
    parser = argparse.ArgumentParser(prog="make load", description=__doc__)
    parser.add_argument("--events-prefix", required=True, help="for example log_data/2018/11/")
    parser.add_argument("--songs-prefix", default=settings().songs_prefix)
    parser.add_argument("--reload", action="store_true", help="load what has not changed, too")
    arguments = parser.parse_args()
    if not arguments.events_prefix or not arguments.songs_prefix:
        parser.error("an empty prefix would load the whole bucket, songs and events as one")
    try:
        load(arguments.events_prefix, arguments.songs_prefix, reload=arguments.reload)
    except (LoadError, RunLockHeldError) as error:
        print(error, file=sys.stderr)
        return 1
    except (TransientError, AirflowNotFoundException) as error:
        print(
            f"Redshift or S3 is out of reach: {error}\nStart the local stack (`make up`), or look "
            f"at .env: the connections {settings().redshift_conn_id} and {settings().aws_conn_id}, "
            f"SPARKIFY_S3_BUCKET (now {settings().s3_bucket}).",
            file=sys.stderr,
        )
        return 1
    return 0


def load(events_prefix: str, songs_prefix: str, *, reload: bool) -> None:
    """Load under the run lock, with a line of print for each of the two tables.

    Raises LoadError when nothing lies under a prefix that is not the usual one.
    """
    run_id = f"load__{uuid.uuid4()}"
    with closing(connect()) as connection:
        prepare_tables(connection)
        try:
            acquire_run_lock(
                connection, settings().redshift_schema, run_id, settings().run_lock_minutes
            )
            for table, prefix in ((SONGS, songs_prefix), (EVENTS, events_prefix)):
                where = f"s3://{settings().s3_bucket}/{prefix}"
                print(f"Looking under {where} …", file=sys.stderr, flush=True)
                operator = stage(f"stage_{table.name}", table, prefix, reload=reload)
                with keep_lock(run_id):
                    summary = operator.stage(run_id, show_progress)
                if summary.is_empty and prefix != settings().songs_prefix:
                    raise LoadError(operator.describe_nothing())
                print(describe(operator.target, summary))
        finally:
            release_run_lock(connection, settings().redshift_schema, run_id)


def show_progress(results: Iterable[LoadResult], total: int) -> Iterable[LoadResult]:
    """Show on a terminal how many partitions are done."""
    return tqdm(results, total=total, desc="loading", unit="partition", disable=None)


if __name__ == "__main__":
    # What the load has to say, whatever is said of Airflow's own messages.
    getLogger("include").setLevel(WARNING)
    getLogger("include").addHandler(StreamHandler())
    sys.exit(main())
