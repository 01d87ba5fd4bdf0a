"""`make publish` and `make rollback`: publishing without Airflow.

`make build` ends with it. In a developer's own schema there is nothing to publish.
"""

import argparse
import sys
import uuid
from contextlib import closing

from airflow.sdk.exceptions import AirflowNotFoundException

from include.load import schema
from include.load.errors import LoadError, TransientError
from include.load.tasks import connect, keep_lock
from include.publish.protocol import PublicationHeldError, RollbackError, publish, roll_back
from include.publish.tasks import describe
from include.publish.verdict import GateError
from include.run.lock import RunLockHeldError, acquire_run_lock, release_run_lock
from include.settings import settings


def main() -> int:
    """Publish or roll back under the run lock; return the exit status."""
    parser = argparse.ArgumentParser(prog="make publish", description=__doc__)
    parser.add_argument("action", choices=["publish", "rollback"])
    parser.add_argument("--hold", action="store_true", help="respect a rollback, as the DAG does")
    arguments = parser.parse_args()
    waiting = {
        "publish": "Publishing what was built …",
        "rollback": "Taking the last publication back …",
    }
    print(waiting[arguments.action], file=sys.stderr, flush=True)
    try:
        print(act(arguments.action, release_hold=not arguments.hold))
    except (GateError, LoadError, PublicationHeldError, RollbackError, RunLockHeldError) as error:
        print(error, file=sys.stderr)
        return 1
    except (TransientError, AirflowNotFoundException) as error:
        print(
            f"Redshift is out of reach: {error}\nStart the local stack (`make up`), or look at "
            f".env: the connection {settings().redshift_conn_id}.",
            file=sys.stderr,
        )
        return 1
    return 0


def act(action: str, *, release_hold: bool) -> str:
    """Publish or roll back, and return in words what was done."""
    run_id, target_schema = f"{action}__{uuid.uuid4()}", settings().redshift_schema
    with closing(connect()) as connection:
        schema.create_tables(connection)
        acquire_run_lock(connection, target_schema, run_id, settings().run_lock_minutes)
        try:
            with keep_lock(run_id):
                if action == "publish":
                    rows = publish(
                        connect,
                        settings().dbt_manifest,
                        target_schema,
                        run_id,
                        release_hold=release_hold,
                    )
                    return f"Published {describe(rows)}."
                number = roll_back(connect, settings().dbt_manifest, target_schema, run_id)
        finally:
            release_run_lock(connection, target_schema, run_id)
    return (
        f"Publication {number} is taken back: readers see the state before. Nothing is published "
        "until `make publish`."
    )


if __name__ == "__main__":
    sys.exit(main())
