"""One S3 and one endpoint for all tests of this folder."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from local import s3
from local.redshift.server import Endpoint, running_endpoint
from tests.local.redshift.lake import Lake, connect

ROOT = Path(__file__).parents[3]
_numbers = count(1)


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    command = [sys.executable, "-m", "local.s3", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().removeprefix("listening on ").strip()
        process.terminate()


@contextmanager
def temporary_data_dir() -> Iterator[Path]:
    """Make a directory outside pytest's own, which each pytest that starts closes to others.

    Run by root, PostgreSQL is one of the others.
    """
    with tempfile.TemporaryDirectory(prefix="endpoint-") as path:
        yield Path(path)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with temporary_data_dir() as path:
        yield path


@pytest.fixture(scope="session")
def endpoint(s3_url: str) -> Iterator[Endpoint]:
    with temporary_data_dir() as path, running_endpoint(path, s3_endpoint=s3_url) as running:
        yield running


@pytest.fixture
def lake(endpoint: Endpoint, s3_url: str) -> Iterator[Lake]:
    """Return a connection and an empty bucket and schema."""
    number = next(_numbers)
    client, bucket = s3.client(s3_url), f"lake-{number}"
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": s3.REGION})
    with connect(endpoint) as connection:
        connection.autocommit = True
        lake = Lake(endpoint, connection, f"lake_{number}", client, bucket)
        lake.use_schema()
        yield lake
