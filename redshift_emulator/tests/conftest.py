"""One S3 server and one emulator for all tests; the environment that Airflow reads at import."""

import os
import tempfile
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

# Airflow reads its settings at import.
_AIRFLOW = tempfile.TemporaryDirectory(prefix="airflow-")
os.environ.update(
    AIRFLOW_HOME=_AIRFLOW.name,
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{_AIRFLOW.name}/airflow.db",
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
)

import boto3  # noqa: E402
import pytest  # noqa: E402
import redshift_connector  # noqa: E402
from botocore.config import Config  # noqa: E402
from lake import REGION, ROLE, Lake, connect  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

from redshift_emulator.server import Emulator, running_emulator  # noqa: E402
from redshift_emulator.testing import temporary_data_dir  # noqa: E402

_numbers = count(1)
LONGEST = ("test_dbt.py", "test_isolation.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the slowest files, so that no worker runs them alone at the end."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session", autouse=True)
def _named_sessions() -> Iterator[None]:
    """Name the sessions, because the driver otherwise reads its call stack's source for a name."""
    with pytest.MonkeyPatch.context() as patch:
        named = partial(redshift_connector.connect, application_name="tests")
        patch.setattr(redshift_connector, "connect", named)
        yield


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with temporary_data_dir() as path:
        yield path


@pytest.fixture(scope="session")
def emulator(s3_url: str) -> Iterator[Emulator]:
    with (
        temporary_data_dir() as path,
        running_emulator(path, s3_endpoint=s3_url, copy_roles=[ROLE]) as running,
    ):
        yield running


@pytest.fixture
def lake(emulator: Emulator, s3_url: str) -> Iterator[Lake]:
    """Return a connection, an empty bucket and an empty schema."""
    number = next(_numbers)
    client = boto3.client(
        "s3",
        endpoint_url=s3_url,
        region_name=REGION,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(s3={"addressing_style": "path"}),
    )
    bucket = f"lake-{number}"
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    with connect(emulator) as connection:
        connection.autocommit = True
        lake = Lake(emulator, connection, f"lake_{number}", client, bucket)
        lake.use_schema()
        yield lake
