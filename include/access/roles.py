"""`make roles`: create the warehouse's roles and grant them to users, as a superuser.

The pipeline's user holds `sparkify_loader` and `sparkify_transformer`; two users may hold one each.
An analyst holds `sparkify_reader` and owns a schema of the same name, `dbt_<user>`. One who may see
personal data holds `sparkify_pii_reader`, too.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

import sqlparse
from airflow.sdk.exceptions import AirflowNotFoundException
from redshift_connector.core import Connection
from redshift_connector.error import InterfaceError, ProgrammingError

from include.load.errors import LoadError, TransientError
from include.load.operator import connect_to_redshift
from include.publish.relations import read_columns, reader_grants
from include.publish.tables import published_tables
from include.settings import settings

READER, PII_READER = "sparkify_reader", "sparkify_pii_reader"
ROLES = ("sparkify_loader", "sparkify_transformer", READER, PII_READER)
GRANTS = Path(__file__).with_name("roles.sql")


class UnknownUserError(Exception):
    """A user that the warehouse does not have."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Create and grant the roles; return the exit status."""
    parser = argparse.ArgumentParser(prog="make roles", description=__doc__)
    parser.add_argument("--conn-id", default="redshift_admin", help="a superuser's connection")
    parser.add_argument("--loader", nargs="*", default=[], metavar="USER")
    parser.add_argument("--transformer", nargs="*", default=[], metavar="USER")
    parser.add_argument("--analyst", nargs="*", default=[], metavar="USER")
    parser.add_argument(
        "--personal-data", nargs="*", default=[], metavar="USER", help="analysts who may see it"
    )
    asked = parser.parse_args(arguments)
    try:
        with closing(connect_to_redshift(asked.conn_id, settings().aws_conn_id)) as connection:
            connection.autocommit = False
            create_roles(connection)
            grant_roles(connection, asked.loader, asked.transformer, asked.analyst)
            for user in asked.personal_data:
                grant(connection, PII_READER, user)
            connection.commit()
    except AirflowNotFoundException:
        print(
            f"There is no connection {asked.conn_id}. Set AIRFLOW_CONN_{asked.conn_id.upper()} to "
            "the login of a superuser.",
            file=sys.stderr,
        )
        return 1
    except (InterfaceError, LoadError, ProgrammingError, TransientError, UnknownUserError) as error:
        print(f"The roles were not changed: {error}", file=sys.stderr)
        return 1
    print(f"{', '.join(ROLES)} are there, with their grants.")
    return 0


def create_roles(connection: Connection) -> None:
    """Create the roles that are missing and grant each what roles.sql says."""
    with connection.cursor() as cursor:
        cursor.execute("select role_name from svv_roles")
        roles = {name for (name,) in cursor.fetchall()}
        for role in ROLES:
            if role not in roles:
                cursor.execute(f"create role {role}")
        for statement in sqlparse.split(sqlparse.format(GRANTS.read_text(), strip_comments=True)):
            cursor.execute(statement)
        # `create schema if not exists` asks for it even where the schema exists.
        cursor.execute("select current_database()")
        [[database]] = cursor.fetchall()
        cursor.execute(
            f"grant create on database {quoted(database)} "
            "to role sparkify_loader, role sparkify_transformer"
        )
        tables = published_tables(settings().dbt_manifest).values()
        columns = read_columns(cursor, tables)
        for table in tables:
            if existing := [each.name for each in columns.get((table.schema, table.name), ())]:
                for statement in reader_grants(table, existing, READER, PII_READER):
                    cursor.execute(statement)


def grant_roles(
    connection: Connection,
    loaders: Iterable[str],
    transformers: Iterable[str],
    analysts: Iterable[str],
) -> None:
    """Grant each user the role; raise UnknownUserError for one that does not exist.

    Tables that a loader creates later are the transformers' to read, too: default privileges go by
    the user who creates (ALTER DEFAULT PRIVILEGES).
    """
    for user in loaders:
        grant(connection, "sparkify_loader", user)
        with connection.cursor() as cursor:
            for schema, rights in (('"raw"', "select"), ("ops", "select, insert, update, delete")):
                cursor.execute(
                    f"alter default privileges for user {quoted(user)} in schema {schema} "
                    f"grant {rights} on tables to role sparkify_transformer"
                )
    for user in transformers:
        grant(connection, "sparkify_transformer", user)
    for user in analysts:
        grant(connection, READER, user)
        with connection.cursor() as cursor:
            cursor.execute(
                f"create schema if not exists {quoted(f'dbt_{user}')} authorization {quoted(user)}"
            )


def grant(connection: Connection, role: str, user: str) -> None:
    """Grant one role to one user."""
    with connection.cursor() as cursor:
        cursor.execute("select 1 from pg_user where usename = %s", (user,))
        if not cursor.fetchone():
            raise UnknownUserError(
                f'there is no user "{user}". Create it first: create user "{user}" password \'…\'; '
                "with IAM, log in as it once."
            )
        cursor.execute(f"grant role {role} to {quoted(user)}")


def quoted(name: str) -> str:
    """Return a name as an identifier, whatever is in it (`IAMR:analyst`)."""
    return '"' + name.replace('"', '""') + '"'


if __name__ == "__main__":
    sys.exit(main())
