"""The checks, in the order in which they run; each names a fault and its cure.

A check returns what it found. It raises FaultError, or SkippedError when an earlier fault keeps it
from being asked. None of them changes the warehouse: what they create is temporary.
"""

import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow.providers.amazon.aws.hooks.redshift_sql import RedshiftSQLHook
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.sdk.exceptions import AirflowNotFoundException
from redshift_connector.core import Connection

from include.cosmos.identity import names_identity
from include.cosmos.manifest import is_current
from include.load.errors import LoadError, TransientError
from include.load.operator import connect_to_redshift
from include.load.partitions import S3Object
from include.load.source import Source
from include.load.sql import literal
from include.load.tables import SONGS
from include.load.tasks import stage
from include.load.tls import PlainConnectionError
from include.settings import PROJECT_ROOT, settings

PYTHONS = ((3, 11), (3, 14))  # from, and below
REACH_SECONDS = 5.0
PATIENCE_SECONDS = 30.0
SCHEMAS = (
    *("raw", "ops", "staging", "intermediate", "unpublished"),
    *("analytics", "reporting", "superseded", "dq"),
)
LOCAL_PACKAGE = "STAND_IN.md"  # only the project's own version of dbt_expectations has it


class FaultError(Exception):
    """What is wrong, and what to do."""

    def __init__(self, detail: str, cure: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.cure = cure


class SkippedError(Exception):
    """Why a check cannot be asked."""


@dataclass
class Reached:
    """What earlier checks got hold of."""

    port_answers: bool = False
    connection: Connection | None = None
    source: Source | None = None
    sample: S3Object | None = None
    scratch: str = ""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one statement in a transaction of its own and return its rows, if it has any."""
        if self.connection is None:
            raise SkippedError("Redshift is not reached.")
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


def python_version(_: Reached) -> str:
    """See that Python is one that the pins are made for."""
    have = sys.version_info[:2]
    shown = ".".join(map(str, have))
    if not PYTHONS[0] <= have < PYTHONS[1]:
        raise FaultError(
            f"This is Python {shown}.",
            "Delete .venv and run `make setup PYTHON=python3.11`; 3.12 and 3.13 will do, too.",
        )
    return f"Python {shown}"


def connections(_: Reached) -> str:
    """See that Airflow has the connections."""
    for conn_id in settings().connections:
        try:
            RedshiftSQLHook.get_connection(conn_id)
        except AirflowNotFoundException as error:
            raise FaultError(
                f"There is no connection {conn_id}.",
                f"Set AIRFLOW_CONN_{conn_id.upper()} (.env.example shows its form), or start the "
                "local stack by `make up`.",
            ) from error
    return ", ".join(settings().connections)


def address_of_redshift() -> tuple[str | None, int]:
    """Return host and port of the connection; raise SkippedError when there is none."""
    try:
        connection = RedshiftSQLHook.get_connection(settings().redshift_conn_id)
    except AirflowNotFoundException as error:
        raise SkippedError("There is no connection to Redshift.") from error
    return connection.host, connection.port or 5439


def warehouse_port(reached: Reached) -> str:
    """See that something listens where Redshift should."""
    host, port = address_of_redshift()
    if not host:
        raise FaultError(
            f"The connection {settings().redshift_conn_id} names no host.",
            "Set it to the warehouse's endpoint, with IAM, too: dbt needs it.",
        )
    try:
        socket.create_connection((host, port), REACH_SECONDS).close()
    except socket.gaierror as error:
        raise FaultError(
            f"The name {host} is unknown here.",
            "Compare it with the endpoint in the Redshift console, without port and database.",
        ) from error
    except ConnectionRefusedError as error:
        raise FaultError(
            f"Nothing listens on {host}:{port}.",
            "Start the local stack (`make up`), or correct the port.",
        ) from error
    except OSError as error:
        raise FaultError(
            f"{host}:{port} does not answer within {REACH_SECONDS:.0f} s.",
            "Let this machine's address into the security group (parameter ClientCidr), and make "
            "the warehouse publicly accessible or come from its VPC.",
        ) from error
    reached.port_answers = True
    return f"{host}:{port}"


def login(reached: Reached) -> str:
    """Log in with the driver, as the loader does."""
    if not reached.port_answers:
        raise SkippedError("Redshift is not reached.")
    try:
        connection = connect_to_redshift(settings().redshift_conn_id, settings().aws_conn_id)
    except PlainConnectionError as error:
        raise FaultError(str(error), "Let the connection take TLS (docs/aws.md).") from error
    except (LoadError, TransientError) as error:
        raise FaultError(
            str(error),
            "Correct login, password and `schema` (the database) of the connection "
            f"{settings().redshift_conn_id}.",
        ) from error
    connection.autocommit = True  # a statement that fails must not fail the next one
    reached.connection = connection
    [(user, database, what)] = reached.rows("select current_user, current_database(), version()")
    return f"{user} in {database}, {encryption(connection)}: {what.split(',')[-1].strip()}"


def encryption(connection: Connection) -> str:
    """Return how the driver's socket is encrypted."""
    used = connection._usock
    if not isinstance(used, ssl.SSLSocket):
        return "without TLS as the host is local"
    checked = "certificate and name" if used.context.check_hostname else "certificate"
    return f"{used.version()}, {checked} checked"


def dbt_login(reached: Reached) -> str:
    """Log in with dbt, by profiles.yml, as the same user to the same database."""
    if reached.connection is None:
        raise SkippedError("Redshift is not reached.")
    target = settings().dbt_target
    done = subprocess.run(
        [sys.executable, "-m", "dbt.cli.main", "debug", "--connection", "--target", target],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line.strip() for line in done.stdout.splitlines()]
    if done.returncode:
        said = [line for line in lines if "rror" in line][-3:]
        raise FaultError(
            f"dbt does not log in by the target {target}: {' '.join(said)}",
            "Correct REDSHIFT_HOST, _PORT, _DATABASE, _USER, _PASSWORD, _SSLMODE in .env "
            "(profiles.yml reads them), or SPARKIFY_DBT_TARGET.",
        )
    shown = dict(line.split(": ", 1) for line in lines if ": " in line)
    [(user, database)] = reached.rows("select current_user, current_database()")
    if shown.get("is_serverless") == "True":
        shown["user"] = user  # IAM makes the user of the identity; dbt does not say whom
    if (shown.get("user", user), shown.get("database", database)) != (user, database):
        raise FaultError(
            f"dbt logs in as {shown.get('user')} to {shown.get('database')}, the loader as {user} "
            f"to {database}.",
            "Let REDSHIFT_USER and REDSHIFT_DATABASE say what the Airflow connection says.",
        )
    return f"target {target}, as {user}{beside_the_tasks(target)}"


def beside_the_tasks(target: str) -> str:
    """Return, in words, that dbt may be another user in a shell than in Airflow's tasks."""
    if target != "prod_iam" or not names_identity(settings().aws_conn_id):
        return ""
    return (
        f" in Airflow's tasks; in this shell dbt asks IAM as AWS_PROFILE or the machine, not as "
        f"the identity of {settings().aws_conn_id}: run `make build` as that one"
    )


def list_source(reached: Reached) -> str:
    """List the bucket as the pipeline's identity."""
    bucket, prefix = settings().s3_bucket, settings().songs_prefix
    try:
        source = Source(S3Hook(aws_conn_id=settings().aws_conn_id))
        answer = source.client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=100)
    except Exception as error:
        raise FaultError(
            f"Listing s3://{bucket}/{prefix} failed: {error}",
            "Give the identity of the connection "
            f"{settings().aws_conn_id} s3:ListBucket on it (policy ReadSource), and correct "
            "SPARKIFY_S3_BUCKET and the connection's region.",
        ) from error
    reached.source = source
    found = [
        S3Object(key=item["Key"], size=item["Size"], etag=item["ETag"])
        for item in answer.get("Contents", [])
        if item["Size"]
    ]
    if not found:
        raise FaultError(
            f"Nothing lies under s3://{bucket}/{prefix}.",
            "Correct SPARKIFY_S3_BUCKET or SPARKIFY_SONGS_PREFIX; on a laptop, `make demo` "
            "generates a month.",
        )
    reached.sample = min(found, key=lambda item: item.size)
    return f"s3://{bucket}/{prefix}, {len(found)} objects or more"


def read_source(reached: Reached) -> str:
    """Read an object as the pipeline's identity: refused lines are fetched so."""
    if reached.source is None or reached.sample is None:
        raise SkippedError("No object of the source is known.")
    key = reached.sample.key
    try:
        reached.source.read_start(settings().s3_bucket, key, 1)
    except (LoadError, TransientError) as error:
        raise FaultError(
            str(error),
            f"Give the identity of the connection {settings().aws_conn_id} s3:GetObject on the "
            "bucket's objects (policy ReadSource).",
        ) from error
    return key


def copy_role(reached: Reached) -> str:
    """Let COPY read one object by its own role; NOLOAD leaves it at that."""
    copy_sample(reached, "noload")
    return settings().copy_role_arn or "no role: COPY gets the keys of the AWS connection"


def copy_sample(reached: Reached, *options: str) -> None:
    """COPY the sample into a temporary table, as the loader would."""
    if reached.sample is None:
        raise SkippedError("No object of the source is known.")
    reached.rows("drop table if exists doctor_songs")
    reached.rows("create temporary table doctor_songs (song_id varchar(64), title varchar(512))")
    copy_into(reached, "doctor_songs", reached.sample.key, *options)


def copy_into(reached: Reached, table: str, key: str, *options: str) -> None:
    """COPY one object into a table; raise FaultError with the cure for what Redshift says."""
    request = stage("doctor", SONGS, settings().songs_prefix).request(run_id="doctor")
    address = f"s3://{settings().s3_bucket}/{key}"
    statement = request.copy.statement(table, address, 1)
    try:
        reached.rows("\n".join((statement, *options)))
    except SkippedError:
        raise
    except Exception as error:
        raise FaultError(
            f"COPY of {address} failed: {server_text(error)}", cure_of_copy(error)
        ) from error


def server_text(error: Exception) -> str:
    """Return what the server said."""
    [said] = error.args[:1] or [""]
    return str(said.get("M", said)) if isinstance(said, dict) else str(error)


def cure_of_copy(error: Exception) -> str:
    """Return what to do about a COPY that failed."""
    said = server_text(error).lower()
    if "region" in said or "301" in said or "moved" in said:
        return "Set SPARKIFY_S3_REGION to the region of the bucket."
    if "role" in said or "assume" in said:
        return (
            "Set SPARKIFY_COPY_ROLE_ARN to a role that trusts redshift.amazonaws.com, and "
            "associate it with the cluster or the namespace."
        )
    return "Give the role of SPARKIFY_COPY_ROLE_ARN s3:ListBucket and s3:GetObject (ReadSource)."


def system_views(reached: Reached) -> str:
    """See the views that account for a load, and how long they lag."""
    copy_sample(reached)
    started = time.monotonic()
    [(query_id,)] = reached.rows("select pg_last_copy_id()")
    count = f"select count(*) from sys_load_detail where query_id = {int(query_id)}"
    while reached.rows(count) == [(0,)]:
        if time.monotonic() - started > PATIENCE_SECONDS:
            raise FaultError(
                f"sys_load_detail does not show query {query_id} after {PATIENCE_SECONDS:.0f} s.",
                "See whether the user may see its own rows there (Visibility of data in system "
                "tables and views); a busy warehouse may only be slow: try again.",
            )
        time.sleep(0.5)
    return f"sys_load_detail shows a COPY after {time.monotonic() - started:.1f} s"


def rights(reached: Reached) -> str:
    """See that the user may create where the pipeline creates."""
    [(creates,)] = reached.rows("select has_database_privilege(current_database(), 'create')")
    existing = {name for (name,) in reached.rows("select nspname from pg_namespace")}
    barred = [
        name
        for name in SCHEMAS
        if name in existing
        and not reached.rows(f"select has_schema_privilege({literal(name)}, 'create')")[0][0]
    ]
    if barred or not creates:
        what = f"in {', '.join(barred)}" if barred else "schemas in the database"
        raise FaultError(
            f"The user may not create {what}.",
            "As a superuser: make roles LOADER=<user> TRANSFORMER=<user>.",
        )
    return (
        f"may create in {', '.join(name for name in SCHEMAS if name in existing)} and new schemas"
    )


def packages(_: Reached) -> str:
    """See that dbt's packages are installed, in production those of the hub."""
    folder = PROJECT_ROOT / "dbt_packages" / "dbt_expectations"
    if not folder.exists():
        raise FaultError("dbt_packages has no dbt_expectations.", "Run `make setup`.")
    if not (folder / LOCAL_PACKAGE).exists():
        return "dbt_expectations of the hub"
    if address_of_redshift()[0] not in ("127.0.0.1", "::1", "localhost"):
        raise FaultError(
            "dbt_expectations is the project's own version, which is for laptops.",
            "Run `dbt deps` where dbt's package hub answers, as a rule when the image is built.",
        )
    return "dbt_expectations is the project's own version, as the hub did not answer"


def manifest(_: Reached) -> str:
    """See that the manifest of the DAG is that of the project."""
    path = settings().dbt_manifest
    if not path.exists():
        raise FaultError(
            f"There is no {path}.", "Run `make manifest`, or set SPARKIFY_DBT_MANIFEST."
        )
    if not is_current(path):
        raise FaultError(f"{path} is older than the dbt project.", "Run `make manifest`.")
    return str(path)


def width_after_replace(reached: Reached) -> str:
    """Ask how wide a VARCHAR is after nested REPLACE."""
    reached.rows("drop table if exists doctor_width")
    reached.rows(
        "create temporary table doctor_width as "
        "select replace(replace(x, 'a', 'bb'), 'b', 'cc') as x from (select 'a'::varchar(10) as x)"
    )
    [(width,)] = reached.rows(
        "select a.atttypmod - 4 from pg_attribute a join pg_class c on c.oid = a.attrelid "
        "where c.relname = 'doctor_width' and a.attname = 'x'"
    )
    becomes = f"varchar({width})" if width > 0 else "a varchar without a width"
    return f"varchar(10) becomes {becomes}"


def scalar_subquery_in_delete(reached: Reached) -> str:
    """Ask whether DELETE takes a scalar subquery."""
    reached.rows("drop table if exists doctor_rows")
    reached.rows("create temporary table doctor_rows as select 1 as id union all select 2")
    reached.rows("delete from doctor_rows where id = (select max(id) from doctor_rows)")
    [(left,)] = reached.rows("select count(*) from doctor_rows")
    return f"yes, {left} of 2 rows are left"


def select_without_from(reached: Reached) -> str:
    """Ask whether a SELECT without FROM takes NOT EXISTS."""
    reached.rows("drop table if exists doctor_none")
    reached.rows("create temporary table doctor_none (id integer)")
    rows = reached.rows("select 1 where not exists (select 1 from doctor_none)")
    return f"yes, it returns {len(rows)} row"


def lines_scanned(reached: Reached) -> str:
    """Ask for lines_scanned and the rows of blank lines and of pretty-printed objects."""
    if not reached.scratch:
        raise SkippedError("It writes two objects; make doctor SCRATCH=<prefix> says where.")
    if reached.source is None:
        raise SkippedError("S3 is not reached.")
    objects = {
        "three lines, two of them blank": b'{"song_id": "a"}\n\n\n',
        "two objects on eight lines": b'{\n"song_id":\n"a"\n}\n' * 2,
    }
    found = []
    for what, body in objects.items():
        key = f"{reached.scratch}doctor.json"
        bucket = settings().s3_bucket
        reached.source.client.put_object(Bucket=bucket, Key=key, Body=body)
        try:
            reached.rows("drop table if exists doctor_lines")
            reached.rows("create temporary table doctor_lines (song_id varchar(64))")
            copy_into(reached, "doctor_lines", key)
            found.append(f"{what}: {scanned(reached)}")
        finally:
            reached.source.client.delete_object(Bucket=bucket, Key=key)
    return "; ".join(found)


def scanned(reached: Reached) -> str:
    """Return lines_scanned and the rows of the last COPY, once the views show it."""
    [(query_id, rows)] = reached.rows("select pg_last_copy_id(), pg_last_copy_count()")
    sql = f"select sum(lines_scanned) from sys_load_detail where query_id = {int(query_id)}"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (lines := reached.rows(sql)[0][0]) is None and time.monotonic() < deadline:
        time.sleep(0.5)
    return f"{lines} scanned, {rows} rows"


Check = Callable[[Reached], str]
CHECKS: tuple[Check, ...] = (
    python_version,
    connections,
    warehouse_port,
    login,
    dbt_login,
    list_source,
    read_source,
    copy_role,
    system_views,
    rights,
    packages,
    manifest,
)
# What no page of AWS's settles: the answers are noted, none is a fault.
QUESTIONS: tuple[Check, ...] = (
    width_after_replace,
    scalar_subquery_in_delete,
    select_without_from,
    lines_scanned,
)
