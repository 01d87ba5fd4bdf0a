"""The docs site: it goes to the folder, or to S3 and then to no worker's disk."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from boto3.exceptions import S3UploadFailedError
from pydantic import ValidationError

from include.cosmos.docs_site import SITE, publish_docs
from include.settings import Settings, settings
from local.principals import ADMINISTRATOR
from tests.warehouse import Warehouse


@pytest.fixture
def generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a project whose target folder has a site, and keep the settings to the test."""
    (tmp_path / "project" / "target").mkdir(parents=True)
    for name in SITE:
        (tmp_path / "project" / "target" / name).write_text(f"new {name}")
    monkeypatch.setenv("SPARKIFY_DBT_DOCS_FOLDER", str(tmp_path / "docs"))
    settings.cache_clear()
    yield tmp_path / "project"
    settings.cache_clear()


def test_without_a_prefix_the_site_goes_to_the_folder(generated: Path, tmp_path: Path) -> None:
    publish_docs(str(generated))
    found = {path.name: path.read_text() for path in (tmp_path / "docs").iterdir()}
    assert found == {name: f"new {name}" for name in SITE}


def test_with_a_prefix_the_site_goes_to_s3_alone(
    generated: Path, tmp_path: Path, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = warehouse.environment["SPARKIFY_S3_BUCKET"]
    keys = {"login": ADMINISTRATOR.access_key, "password": ADMINISTRATOR.secret_key}
    connection = json.loads(warehouse.environment["AIRFLOW_CONN_AWS_DEFAULT"]) | keys
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    monkeypatch.setenv("SPARKIFY_DBT_DOCS_S3_PREFIX", f"s3://{bucket}/sites/sparkify")
    warehouse.put("sites/sparkify/index.html", b"old")

    publish_docs(str(generated))

    for name, content_type in SITE.items():
        found = warehouse.s3.get_object(Bucket=bucket, Key=f"sites/sparkify/{name}")
        assert found["Body"].read().decode() == f"new {name}"
        assert found["ContentType"] == content_type
    assert not (tmp_path / "docs").exists()


def test_an_identity_that_may_not_write_there_fails_the_task(
    generated: Path, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "SPARKIFY_DBT_DOCS_S3_PREFIX", f"s3://{warehouse.environment['SPARKIFY_S3_BUCKET']}/docs"
    )
    with pytest.raises(S3UploadFailedError, match="AccessDenied"):
        publish_docs(str(generated))


@pytest.mark.parametrize("prefix", ["bucket/docs", "s3://bucket", "s3://bucket/", "s3://b/docs/"])
def test_a_prefix_of_another_form_is_refused(monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    monkeypatch.setenv("SPARKIFY_DBT_DOCS_S3_PREFIX", prefix)
    with pytest.raises(ValidationError, match="dbt_docs_s3_prefix"):
        Settings()
