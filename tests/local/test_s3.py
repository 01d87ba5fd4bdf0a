"""The local S3: starts, is filled from a folder, stops on a signal, and refuses as AWS does."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from botocore.config import Config
from botocore.exceptions import ClientError
from mypy_boto3_s3 import S3Client
from mypy_boto3_s3.type_defs import DeleteTypeDef

from local import principals, s3, stack

ROOT = Path(__file__).parents[2]


def test_a_server_with_a_folder_has_its_files_before_it_answers(tmp_path: Path) -> None:
    (tmp_path / "log_data").mkdir()
    (tmp_path / "log_data" / "day.json").write_text("{}")
    command = [sys.executable, "-m", "local.s3", "--port", "0", "--folder", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        url = process.stdout.readline().removeprefix("listening on ").strip()
        try:
            found = s3.client(url).list_objects_v2(Bucket="sparkify")["Contents"]
        finally:
            process.kill()
    assert [each["Key"] for each in found] == ["log_data/day.json"]


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "local.s3", "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    with process:
        announced = re.fullmatch(
            r"listening on (http://127\.0\.0\.1:\d+)\n", process.stdout.readline()
        )
        assert announced
        yield process, announced[1]
        process.kill()


def test_folder_becomes_objects_and_a_second_upload_replaces_them(
    server: tuple[subprocess.Popen[str], str], tmp_path: Path
) -> None:
    _, url = server
    (tmp_path / "song_data" / "A").mkdir(parents=True)
    for number in range(30):
        (tmp_path / "song_data" / "A" / f"{number} é.json").write_text(f"{number}")
    (tmp_path / "empty.json").touch()

    assert s3.upload_folder(url, "sparkify", tmp_path, "in/") == 31
    (tmp_path / "empty.json").write_text("no longer")
    assert s3.upload_folder(url, "sparkify", tmp_path, "in/") == 31

    client = s3.client(url)
    listed = client.list_objects_v2(Bucket="sparkify")["Contents"]
    assert len(listed) == 31
    assert listed[0]["Key"] == "in/empty.json"
    stored = client.get_object(Bucket="sparkify", Key="in/song_data/A/7 é.json")
    assert stored["Body"].read() == b"7"
    assert client.get_object(Bucket="sparkify", Key="in/empty.json")["Body"].read() == b"no longer"


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_the_server_cleanly(
    server: tuple[subprocess.Popen[str], str], stop: signal.Signals
) -> None:
    process, _ = server
    process.send_signal(stop)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert errors == ""


@pytest.fixture
def source(server: tuple[subprocess.Popen[str], str], tmp_path: Path) -> str:
    """Return the URL of a server whose source bucket holds one object, `a.json`."""
    (tmp_path / "a.json").write_text("{}")
    s3.upload_folder(server[1], principals.BUCKET, tmp_path)
    return server[1]


def as_principal(url: str, principal: principals.Principal) -> dict[str, Any]:
    return {
        "endpoint_url": url,
        "region_name": s3.REGION,
        "aws_access_key_id": principal.access_key,
        "aws_secret_access_key": principal.secret_key,
        "config": Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    }


READERS = [principals.PIPELINE, principals.CLUSTER]
ONE_OBJECT: DeleteTypeDef = {"Objects": [{"Key": "a.json"}]}
WRITES: dict[str, Callable[[S3Client], object]] = {
    "put": lambda client: client.put_object(Bucket=principals.BUCKET, Key="b.json", Body=b""),
    "replace": lambda client: client.put_object(Bucket=principals.BUCKET, Key="a.json", Body=b""),
    "copy": lambda client: client.copy_object(
        Bucket=principals.BUCKET, Key="b.json", CopySource=f"{principals.BUCKET}/a.json"
    ),
    "parts": lambda client: client.create_multipart_upload(Bucket=principals.BUCKET, Key="b.json"),
    "delete": lambda client: client.delete_object(Bucket=principals.BUCKET, Key="a.json"),
    "bucket": lambda client: client.delete_bucket(Bucket=principals.BUCKET),
    "elsewhere": lambda client: client.list_objects_v2(Bucket="another"),
}


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.access_key)
def test_readers_list_and_read_and_do_nothing_else(
    source: str, reader: principals.Principal
) -> None:
    client = boto3.client("s3", **as_principal(source, reader))
    for write in WRITES.values():
        with pytest.raises(ClientError, match="AccessDenied"):
            write(client)
    # a batched delete answers 200 and refuses each key by itself
    batch = client.delete_objects(Bucket=principals.BUCKET, Delete=ONE_OBJECT)
    assert [error["Code"] for error in batch["Errors"]] == ["AccessDenied"]

    listed = client.list_objects_v2(Bucket=principals.BUCKET)["Contents"]
    assert [entry["Key"] for entry in listed] == ["a.json"]
    stored = client.get_object(Bucket=principals.BUCKET, Key="a.json")
    assert stored["Body"].read() == b"{}"


def test_a_key_that_does_not_exist_and_a_wrong_secret_are_refused(source: str) -> None:
    stranger = as_principal(source, principals.Principal("stranger", "guessed", ()))
    forger = as_principal(source, principals.ADMINISTRATOR) | {"aws_secret_access_key": "guessed"}
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        boto3.client("s3", **stranger).list_objects_v2(Bucket=principals.BUCKET)
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        boto3.client("s3", **forger).list_objects_v2(Bucket=principals.BUCKET)


@pytest.mark.parametrize(
    "principal",
    [principals.PIPELINE, principals.ADMINISTRATOR],
    ids=lambda principal: principal.access_key,
)
def test_nobody_may_assume_the_role_of_copy(source: str, principal: principals.Principal) -> None:
    sts = boto3.client("sts", **as_principal(f"{source}/sts", principal))
    with pytest.raises(ClientError, match=r"AccessDenied.*sts:AssumeRole"):
        sts.assume_role(RoleArn=principals.COPY_ROLE_ARN, RoleSessionName="airflow")


def test_an_airflow_connection_that_names_the_role_of_copy_reads_nothing(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = json.loads(
        stack.warehouse_environment(source, "h", "1", "p")["AIRFLOW_CONN_AWS_DEFAULT"]
    )
    monkeypatch.setenv("AIRFLOW_CONN_READER", json.dumps(connection))
    assert S3Hook(aws_conn_id="reader").list_keys(principals.BUCKET) == ["a.json"]

    connection["extra"]["role_arn"] = principals.COPY_ROLE_ARN
    monkeypatch.setenv("AIRFLOW_CONN_READER", json.dumps(connection))
    with pytest.raises(ClientError, match=r"AccessDenied.*sts:AssumeRole"):
        S3Hook(aws_conn_id="reader").list_keys(principals.BUCKET)
