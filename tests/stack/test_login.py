"""dbt logs in to a cluster that requires TLS: by password, and by IAM."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.redshift import models as moto_redshift

from redshift_emulator.server import Emulator, running_emulator
from redshift_emulator.testing import self_signed, temporary_data_dir
from tests.conftest import ROOT

pytestmark = pytest.mark.stack

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
    """Return the output of `dbt debug` in an environment that names the cluster as .env does."""
    environment = {
        **os.environ,
        "DBT_LOG_PATH": str(tmp_path),
        "REDSHIFT_HOST": emulator.host,
        "REDSHIFT_PORT": str(emulator.port),
        "REDSHIFT_DATABASE": emulator.database,
        "REDSHIFT_SSLMODE": "require",
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

    # the same without the cluster's certificate authority
    said = dbt_debug(emulator, tmp_path, **login)
    assert "certificate verify failed" in said


def test_prod_iam_logs_in_with_credentials_of_the_cluster(
    cluster: tuple[Emulator, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator, certificate = cluster
    monkeypatch.setattr(moto_redshift.mock_random, "get_random_string", lambda *_, **__: PASSWORD)
    aws = ThreadedMotoServer("127.0.0.1", port=0)
    aws.start()
    try:
        address = "http://{}:{}".format(*aws.get_host_and_port())
        keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
        boto3.client("redshift", REGION, endpoint_url=address, **keys).create_cluster(
            ClusterIdentifier="sparkify",
            NodeType="ra3.large",
            MasterUsername="admin",
            MasterUserPassword=PASSWORD,
        )
        credentials = tmp_path / "credentials"
        credentials.write_text(
            "[analyst]\n" + "\n".join(f"{name} = {value}" for name, value in keys.items())
        )
        login = {
            "SPARKIFY_DBT_TARGET": "prod_iam",
            "REDSHIFT_CLUSTER_ID": "sparkify",
            "REDSHIFT_USER": "sparkify",
            "AWS_REGION": REGION,
            "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
            "AWS_ENDPOINT_URL_REDSHIFT": address,
            "SSL_CERT_FILE": str(certificate),
        }
        by_profile = dbt_debug(emulator, tmp_path, **login, AWS_PROFILE="analyst")
        of_the_machine = {name.upper(): value for name, value in keys.items()}
        without_profile = dbt_debug(emulator, tmp_path, **login, **of_the_machine)
    finally:
        aws.stop()
    assert "Connection test: [OK connection ok]" in by_profile
    assert "Connection test: [OK connection ok]" in without_profile
