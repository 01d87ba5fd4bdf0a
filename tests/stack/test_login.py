"""The logins of dbt and of the loader to a warehouse with TLS: by password, and by IAM.

Moto has the API of clusters. It lacks that of Redshift Serverless: `Workgroups` here answers
GetCredentials as AWS does, with a user that is the IAM identity which signed the request.
"""

import gc
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from airflow.providers.amazon.aws.hooks.redshift_sql import RedshiftSQLHook
from airflow.sdk.execution_time.context import ConnectionAccessor
from jinja2.sandbox import SandboxedEnvironment
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.redshift import models as moto_redshift
from redshift_connector.iam_helper import IamHelper
from tenacity import stop_after_attempt

from include.cosmos.identity import take_identity
from include.cosmos.layers import ENVIRONMENT, prepare_login
from include.load.errors import LoadError
from include.load.operator import connect_to_redshift
from include.settings import settings
from redshift_emulator.server import Emulator, running_emulator
from redshift_emulator.testing import self_signed, temporary_data_dir
from tests import dbt_here
from tests.conftest import ROOT
from tests.warehouse import Warehouse

pytestmark = [
    pytest.mark.stack,
    # of the driver, where it makes a TLS connection
    # of the driver, which leaves the socket of a refused login to the garbage collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:ssl.(SSLContext|PROTOCOL_TLS):DeprecationWarning"),
]

# GetClusterCredentials prefixes the name of the user that it gives a password to.
USER = "IAM:sparkify"
PASSWORD = "given-by-IAM-0"
REGION = "us-west-2"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Emulator, Path]]:
    """Start an emulator with a certificate, and return it with the certificate's path."""
    certificate, key = self_signed(tmp_path_factory.mktemp("tls"))
    with (
        temporary_data_dir() as path,
        running_emulator(
            path, user=USER, password=PASSWORD, tls_cert=certificate, tls_key=key
        ) as emulator,
    ):
        yield emulator, certificate


def dbt_debug(emulator: Emulator, tmp_path: Path, **variables: str) -> str:
    """Return what `dbt debug` says in an environment that names the cluster as .env does."""
    environment = {
        **os.environ,
        "DBT_LOG_PATH": str(tmp_path),
        "REDSHIFT_HOST": emulator.host,
        "REDSHIFT_PORT": str(emulator.port),
        "REDSHIFT_DATABASE": emulator.database,
        "REDSHIFT_SSLMODE": "",
        **variables,
    }
    dbt = Path(sys.executable).with_name("dbt")
    done = subprocess.run(
        [dbt, "debug", "--connection"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def test_prod_logs_in_by_password_over_tls(cluster: tuple[Emulator, Path], tmp_path: Path) -> None:
    emulator, certificate = cluster
    login = {"SPARKIFY_DBT_TARGET": "prod", "REDSHIFT_USER": USER, "REDSHIFT_PASSWORD": PASSWORD}
    said = dbt_debug(emulator, tmp_path, **login, SSL_CERT_FILE=str(certificate))
    assert "Connection test: [OK connection ok]" in said

    # the same without the authority that vouches for the cluster
    said = dbt_debug(emulator, tmp_path, **login)
    assert "certificate verify failed" in said


# 127.0.0.1 by a name that is not local to the rules of profiles.yml and include/load/tls.py
ELSEWHERE = "127.1"


def test_prod_refuses_a_server_without_tls_whatever_is_set(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    here = warehouse.environment
    emulator = Emulator(
        host=ELSEWHERE,
        port=int(here["REDSHIFT_PORT"]),
        user=here["REDSHIFT_USER"],
        password=here["REDSHIFT_PASSWORD"],
        database=here["REDSHIFT_DATABASE"],
    )
    login = {"REDSHIFT_USER": emulator.user, "REDSHIFT_PASSWORD": emulator.password}
    said = dbt_debug(
        emulator, tmp_path, **login, SPARKIFY_DBT_TARGET="prod", REDSHIFT_SSLMODE="disable"
    )
    assert "Server refuses SSL" in said


def test_the_loader_refuses_a_server_without_tls_whatever_is_set(
    warehouse: Warehouse, machine: pytest.MonkeyPatch
) -> None:
    machine.setattr(RedshiftSQLHook.get_conn.retry, "stop", stop_after_attempt(1))  # type: ignore[attr-defined]
    connection = json.loads(warehouse.environment["AIRFLOW_CONN_REDSHIFT_DEFAULT"])
    for host, extra, refusal in (
        (ELSEWHERE, {"ssl": False}, "asks for no TLS to 127.1. Take `ssl` and `sslmode` out"),
        (ELSEWHERE, {"sslmode": "disable"}, "asks for no TLS to 127.1. Take `ssl`"),
        (ELSEWHERE, {"sslmode": "prefer"}, "Server refuses SSL"),
        ("127.0.0.1", {}, "Server refuses SSL"),
    ):
        changed = json.dumps(connection | {"host": host, "extra": extra})
        machine.setenv("AIRFLOW_CONN_REDSHIFT_DEFAULT", changed)
        with pytest.raises(LoadError, match=re.escape(refusal)):
            connect_to_redshift("redshift_default", "aws_default")


def test_the_loader_checks_the_name_of_the_server_unless_told_not_to(
    cluster: tuple[Emulator, Path], machine: pytest.MonkeyPatch
) -> None:
    machine.setattr(RedshiftSQLHook.get_conn.retry, "stop", stop_after_attempt(1))  # type: ignore[attr-defined]
    emulator, _ = cluster
    connection = {"conn_type": "redshift", "login": USER, "password": PASSWORD}
    # its certificate is for 127.0.0.1
    named = replace(emulator, host="localhost")
    set_connections(machine, emulator, connection)
    assert user_of_the_loader() == USER
    set_connections(machine, named, connection)
    with pytest.raises(LoadError, match="Hostname mismatch"):
        user_of_the_loader()
    set_connections(machine, named, connection | {"extra": {"sslmode": "verify-ca"}})
    assert user_of_the_loader() == USER


KEYS = {"aws_access_key_id": "sparkify", "aws_secret_access_key": "local"}
# The connections that .env.example proposes for IAM
ON_A_CLUSTER, IN_A_WORKGROUP = map(
    json.loads,
    re.findall(
        r"^# AIRFLOW_CONN_REDSHIFT_DEFAULT='(.*)'$", (ROOT / ".env.example").read_text(), re.M
    ),
)
OF_THE_MACHINE = {name.upper(): value for name, value in KEYS.items()}


@pytest.fixture(scope="module")
def redshift_api() -> Iterator[str]:
    """Start moto's Redshift API with one cluster, and return its address."""
    aws = ThreadedMotoServer("127.0.0.1", port=0)
    aws.start()
    try:
        address = "http://{}:{}".format(*aws.get_host_and_port())
        client = boto3.client("redshift", REGION, endpoint_url=address, **KEYS)
        client.create_cluster(
            ClusterIdentifier="example-cluster",
            NodeType="ra3.large",
            MasterUsername="admin",
            MasterUserPassword=PASSWORD,
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(moto_redshift.mock_random, "get_random_string", lambda *_, **__: PASSWORD)
            yield address
    finally:
        aws.stop()


class Workgroups(BaseHTTPRequestHandler):
    """GetCredentials of Redshift Serverless (API reference): the user is the IAM identity."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        signed_by = re.search(r"Credential=([^/]+)/", self.headers["Authorization"])
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        known = operation == "GetCredentials" and asked["workgroupName"] == "example" and signed_by
        answer = (
            {"dbUser": f"IAM:{signed_by[1]}", "dbPassword": PASSWORD, "expiration": 4102444800}
            if known and signed_by
            else {"__type": "ResourceNotFoundException", "message": f"{operation} of {asked}"}
        )
        body = json.dumps(answer).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def serverless_api() -> Iterator[str]:
    """Start the API of Redshift Serverless with one workgroup, and return its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Workgroups) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def machine(
    cluster: tuple[Emulator, Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[pytest.MonkeyPatch]:
    """Make this process a machine that trusts the warehouse and has no AWS identity yet."""
    _, certificate = cluster
    environment = {
        "SPARKIFY_DBT_TARGET": "prod_iam",
        "AWS_REGION": REGION,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SSL_CERT_FILE": str(certificate),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):  # as a task may change them
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    settings.cache_clear()
    IamHelper.credentials_cache.clear()  # the driver's, for as long as a process lives
    yield monkeypatch
    IamHelper.credentials_cache.clear()
    settings.cache_clear()
    gc.collect()


def set_all(machine: pytest.MonkeyPatch, variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        machine.setenv(name, value)


def set_connections(
    machine: pytest.MonkeyPatch, emulator: Emulator, redshift: Mapping[str, Any], **aws: str
) -> None:
    """Set Airflow's two connections, that to Redshift with the emulator's address."""
    address = {"host": emulator.host, "port": emulator.port, "schema": emulator.database}
    machine.setenv("AIRFLOW_CONN_REDSHIFT_DEFAULT", json.dumps({**redshift, **address}))
    aws_default = {"conn_type": "aws", "extra": {"region_name": REGION}, **aws}
    machine.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(aws_default))


def user_of_the_loader() -> str:
    with closing(connect_to_redshift("redshift_default", "aws_default")) as connection:
        [[user]] = connection.cursor().execute("select current_user").fetchall()
    return str(user)


def user_of_dbt(machine: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Return whom dbt logs in as by profiles.yml, in a project without models.

    Its environment is that of the DAG's tasks, once they have prepared it.
    """
    ti = SimpleNamespace(xcom_pull=lambda **_: "true")
    for name, template in ENVIRONMENT.items():
        shown = SandboxedEnvironment().from_string(template)
        machine.setenv(name, shown.render(conn=ConnectionAccessor(), run_id="test", ti=ti))
    prepare_login({})  # type: ignore[typeddict-item]
    (tmp_path / "dbt_project.yml").write_text("name: empty\nprofile: sparkify\n")
    (tmp_path / "profiles.yml").write_bytes((ROOT / "profiles.yml").read_bytes())
    done = dbt_here.invoke(
        *("show", "--inline", "select current_user as me"), project=tmp_path, target=tmp_path
    )
    assert done.success, done.exception or done.result
    [row] = done.result.results[0].agate_table.rows  # type: ignore[union-attr]
    return str(row["me"])


def test_prod_iam_logs_in_by_a_profile_or_as_the_machine(
    cluster: tuple[Emulator, Path], redshift_api: str, tmp_path: Path
) -> None:
    emulator, certificate = cluster
    credentials = tmp_path / "credentials"
    credentials.write_text(
        "[analyst]\n" + "\n".join(f"{name} = {value}" for name, value in KEYS.items())
    )
    login = {
        "SPARKIFY_DBT_TARGET": "prod_iam",
        "REDSHIFT_CLUSTER_ID": "example-cluster",
        "REDSHIFT_USER": "sparkify",
        "AWS_REGION": REGION,
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
        "AWS_ENDPOINT_URL_REDSHIFT": redshift_api,
        "SSL_CERT_FILE": str(certificate),
    }
    by_profile = dbt_debug(emulator, tmp_path, **login, AWS_PROFILE="analyst")
    assert "Connection test: [OK connection ok]" in by_profile
    as_the_machine = dbt_debug(emulator, tmp_path, **login, **OF_THE_MACHINE)
    assert "Connection test: [OK connection ok]" in as_the_machine


def test_on_a_cluster_the_loader_and_dbt_are_one_user(
    cluster: tuple[Emulator, Path],
    redshift_api: str,
    machine: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    set_connections(machine, cluster[0], ON_A_CLUSTER)
    set_all(machine, OF_THE_MACHINE | {"AWS_ENDPOINT_URL_REDSHIFT": redshift_api})
    assert (user_of_the_loader(), user_of_dbt(machine, tmp_path)) == (USER, USER)


def test_in_a_workgroup_the_loader_and_dbt_are_one_user(
    cluster: tuple[Emulator, Path],
    serverless_api: str,
    machine: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    set_connections(machine, cluster[0], IN_A_WORKGROUP)
    set_all(machine, OF_THE_MACHINE | {"AWS_ENDPOINT_URL_REDSHIFT_SERVERLESS": serverless_api})
    assert (user_of_the_loader(), user_of_dbt(machine, tmp_path)) == (USER, USER)


def test_loader_and_dbt_ask_as_the_identity_of_the_aws_connection_alone(
    cluster: tuple[Emulator, Path],
    serverless_api: str,
    machine: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The machine's own identity is another one, which the warehouse does not know."""
    secret = "canary-of-the-secret-key"
    brief = IN_A_WORKGROUP["extra"] | {"serverless_token_duration_seconds": 900}
    set_connections(
        machine,
        cluster[0],
        IN_A_WORKGROUP | {"extra": brief},
        login=KEYS["aws_access_key_id"],
        password=secret,
    )
    set_all(machine, {"AWS_ACCESS_KEY_ID": "stranger", "AWS_SECRET_ACCESS_KEY": "local"})
    machine.setenv("AWS_ENDPOINT_URL_REDSHIFT_SERVERLESS", serverless_api)
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "redshift_connector"):
        assert (user_of_the_loader(), user_of_dbt(machine, tmp_path)) == (USER, USER)
    assert secret == os.environ["AWS_SECRET_ACCESS_KEY"]
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 2
    assert [path for path in written if secret.encode() in path.read_bytes()] == []
    assert "AWS" in caplog.text
    assert secret not in caplog.text


def test_dbt_takes_the_role_of_the_aws_connection_and_drops_the_machines_profile(
    redshift_api: str, machine: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def client(service: str) -> Any:
        return boto3.client(service, REGION, endpoint_url=redshift_api)

    set_all(machine, OF_THE_MACHINE | {"AWS_ENDPOINT_URL_STS": redshift_api})
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    role = client("iam").create_role(
        RoleName="pipeline", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
    )["Role"]["Arn"]
    extra = {"region_name": REGION, "role_arn": role}
    machine.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps({"conn_type": "aws", "extra": extra}))
    take_identity("aws_default")
    assert ":assumed-role/pipeline/" in client("sts").get_caller_identity()["Arn"]

    named = {"conn_type": "aws", "login": "another", "password": "secret"}
    machine.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(named))
    profiles = tmp_path / "credentials"
    profiles.write_text("[machine]\naws_access_key_id = machine\naws_secret_access_key = secret\n")
    set_all(machine, {"AWS_SHARED_CREDENTIALS_FILE": str(profiles), "AWS_PROFILE": "machine"})
    take_identity("aws_default")
    found = boto3.Session().get_credentials()
    assert found
    assert (found.access_key, found.secret_key, found.token) == ("another", "secret", None)


def test_a_connection_that_names_nobody_leaves_the_machine_its_identity(
    machine: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    profiles = tmp_path / "credentials"
    profiles.write_text("[machine]\naws_access_key_id = machine\naws_secret_access_key = secret\n")
    set_all(machine, {"AWS_SHARED_CREDENTIALS_FILE": str(profiles), "AWS_PROFILE": "machine"})
    extra = {"region_name": REGION}
    machine.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps({"conn_type": "aws", "extra": extra}))
    take_identity("aws_default")
    assert os.environ["AWS_PROFILE"] == "machine"
    assert "AWS_ACCESS_KEY_ID" not in os.environ


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"host": None}, r"names no host: set its field Host \(`host` in AIRFLOW_CONN_…\)"),
        ({"schema": None}, r"names no database: set its field Database \(`schema`"),
        ({"extra": {"iam": True, "is_serverless": True}}, "set serverless_work_group"),
    ],
)
def test_a_connection_that_lacks_a_field_is_refused_in_words(
    machine: pytest.MonkeyPatch, changes: Mapping[str, Any], said: str
) -> None:
    machine.setenv("AIRFLOW_CONN_REDSHIFT_DEFAULT", json.dumps(IN_A_WORKGROUP | changes))
    with pytest.raises(LoadError, match=said):
        connect_to_redshift("redshift_default", "aws_default")
