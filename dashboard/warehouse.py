"""The published marts as data frames, read by the reader's login.

The login has the role `sparkify_reader`: it reads the schemas `analytics` and `reporting`, and no
column with personal data there. The queries are in `dashboard/queries`, one file each.
"""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import redshift_connector
from redshift_connector.core import Connection
from redshift_connector.error import Error

from include.load.tls import driver_options

QUERIES = Path(__file__).with_name("queries")
CONNECT_SECONDS = 5


class WarehouseError(Exception):
    """The warehouse did not answer a page: what happened, and what to do."""


def read(name: str, /, **parameters: Any) -> pd.DataFrame:
    """Return the rows of one of the queries; `parameters` are those that it names as `:name`.

    Raises WarehouseError.
    """
    with session() as connection:
        return fetch(connection, name, **parameters)


@contextmanager
def session() -> Iterator[Connection]:
    """Yield a connection to the warehouse of the environment, as the reader.

    Raises WarehouseError for whatever the connection, or a query on it, does not get.
    """
    arguments = login(os.environ)
    address = f"{arguments['host']}:{arguments['port']}"
    try:
        # The driver's own timeout would also end each statement that takes longer.
        socket.create_connection((arguments["host"], arguments["port"]), CONNECT_SECONDS).close()
    except OSError as error:
        raise WarehouseError(
            f"No warehouse answers at {address}: {error}. On a laptop, start it with `make up`; "
            "elsewhere, check REDSHIFT_HOST and REDSHIFT_PORT and the network, with `make doctor`."
        ) from error
    try:
        with closing(redshift_connector.connect(**arguments)) as connection:
            yield connection
    except Error as error:
        raise WarehouseError(
            f"The warehouse at {address} refused user {arguments.get('user')}: {message(error)}. "
            "If it is the login, check REDSHIFT_READER_USER and REDSHIFT_READER_PASSWORD. If it is "
            "a table, run the pipeline, then `make roles ANALYST=<user>`."
        ) from error


def fetch(connection: Connection, name: str, /, **parameters: Any) -> pd.DataFrame:
    """Return the rows of one of the queries on an open connection."""
    with connection.cursor() as cursor:
        cursor.paramstyle = "named"
        cursor.execute((QUERIES / f"{name}.sql").read_text(), parameters)
        return cursor.fetch_dataframe()


def fetch_each(connection: Connection, *names: str, **parameters: Any) -> dict[str, pd.DataFrame]:
    """Return the rows of several queries, by their names."""
    return {name: fetch(connection, name, **parameters) for name in names}


def login(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the driver's arguments for the reader's login; without a password it is by IAM.

    Raises WarehouseError when the environment names no warehouse or no reader.
    """
    missing = [
        name for name in ("REDSHIFT_HOST", "REDSHIFT_READER_USER") if not environment.get(name)
    ]
    if missing:
        raise WarehouseError(
            f"{' and '.join(missing)} not set, so there is nothing to read. On a laptop, run "
            "`make up`, which writes .local/env; elsewhere, fill in .env by .env.example."
        )
    arguments: dict[str, Any] = {
        "host": environment["REDSHIFT_HOST"],
        "port": int(environment.get("REDSHIFT_PORT") or 5439),
        "database": environment.get("REDSHIFT_DATABASE") or "dev",
        "user": environment["REDSHIFT_READER_USER"],
        "application_name": "sparkify-dashboard",
        "numeric_to_float": True,
    }
    arguments |= driver_options(arguments["host"], environment.get("REDSHIFT_SSLMODE", ""))
    if password := environment.get("REDSHIFT_READER_PASSWORD"):
        return arguments | {"password": password}
    by_iam = {
        "iam": True,
        "db_user": arguments.pop("user"),
        "region": environment.get("AWS_REGION") or None,
        "profile": environment.get("AWS_PROFILE") or None,
    }
    if workgroup := environment.get("REDSHIFT_WORKGROUP"):
        by_iam |= {"is_serverless": True, "serverless_work_group": workgroup}
    else:
        by_iam["cluster_identifier"] = environment.get("REDSHIFT_CLUSTER_ID") or None
    return arguments | by_iam


def message(error: Error) -> str:
    """Return what the server said; the driver's exceptions hold a dictionary of fields."""
    said = error.args[0] if error.args else error
    return str(said["M"] if isinstance(said, dict) and "M" in said else said).rstrip(".")
