"""The local S3 and Redshift as a test uses them, through the drivers that production uses."""

import json
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redshift_connector
import sqlparse
from mypy_boto3_s3 import S3Client

from include.load import schema
from include.load.tables import EVENTS, SONGS
from include.load.tasks import stage
from include.publish import protocol
from include.run.lock import acquire_run_lock, release_run_lock
from include.settings import settings
from local import s3, stack
from tests import dbt_here

ROOT = Path(__file__).resolve().parent.parent
SCHEMAS = (
    *("raw", "ops", "staging", "intermediate", "unpublished"),
    *("analytics", "reporting", "superseded", "dq"),
)


@dataclass(frozen=True)
class Warehouse:
    """A running stack; `environment` is what its users find in `.local/env`."""

    environment: Mapping[str, str]

    @property
    def s3(self) -> S3Client:
        return s3.client(self.environment["SPARKIFY_LOCAL_S3"])

    def connect(self) -> redshift_connector.Connection:
        return stack.connect(self.environment)

    def run(self, sql: str) -> None:
        with self.connect() as connection:
            connection.autocommit = True
            for statement in sqlparse.split(sqlparse.format(sql, strip_comments=True)):
                connection.cursor().execute(statement)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            cursor = connection.cursor()
            cursor.execute(sql, parameters)
            return [tuple(row) for row in cursor.fetchall()]

    def create_tables(self) -> None:
        with self.connect() as connection:
            schema.create_tables(connection)

    def empty(self) -> None:
        """Make everything anew: tables of the loads and runs, and an empty bucket."""
        for name in SCHEMAS:
            self.run(f'drop schema if exists "{name}" cascade')
        self.create_tables()
        bucket = self.environment["SPARKIFY_S3_BUCKET"]
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for page in pages:
            keys = [{"Key": item["Key"]} for item in page.get("Contents", [])]
            if keys:
                self.s3.delete_objects(Bucket=bucket, Delete={"Objects": keys})  # type: ignore[typeddict-item]

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.environment["SPARKIFY_S3_BUCKET"], Key=key, Body=body)

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.environment["SPARKIFY_S3_BUCKET"], Key=key)

    def put_events(self, key: str, events: Iterable[Mapping[str, Any]]) -> None:
        self.put(key, "\n".join(json.dumps(event) for event in events).encode())

    def upload(self, folder: Path) -> None:
        s3.upload_folder(
            self.environment["SPARKIFY_LOCAL_S3"], self.environment["SPARKIFY_S3_BUCKET"], folder
        )

    def command(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the root as a user does after `source .local/env`."""
        return subprocess.run(
            arguments,
            cwd=ROOT,
            # a target folder of its own: dbt parses anew when another warehouse's login is in it
            env={
                **os.environ,
                **self.environment,
                "DBT_TARGET_PATH": str(stack.STATE / "target"),
                "DBT_LOG_PATH": str(stack.STATE / "logs"),
                **extra,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def load(self, events_prefix: str) -> None:
        """Load the songs and a prefix of events with the DAG's own operators."""
        for table, prefix in ((SONGS, "song_data/"), (EVENTS, events_prefix)):
            stage(f"stage_{table.name}", table, prefix).stage(run_id="test")

    def dbt_here(self, *arguments: str, project: Path = ROOT) -> dict[str, dict[str, Any]]:
        """Run dbt in this process and return each node's result by name.

        Raises what kept dbt from starting.
        """
        target = stack.STATE / "target_here" if project == ROOT else project / "target"
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            return dbt_here.results(*arguments, project=project, target=target)

    def publish(self, *, untested: bool = False) -> dict[str, int]:
        """Publish what was built and tested; return the number of rows put in, by table."""
        schema = settings().redshift_schema
        with self.connect() as connection, pytest.MonkeyPatch.context() as patch:
            if untested:
                patch.setattr(protocol, "require_green", lambda *_: None)
            acquire_run_lock(connection, schema, "test", 15)
            try:
                return protocol.publish(self.connect, settings().dbt_manifest, schema, "test")
            finally:
                release_run_lock(connection, schema, "test")

    def build(self, *arguments: str) -> None:
        """Build, test and publish all models, as `make build` does; tests may warn.

        Of production, and where the arguments select no models: publishing asks for all tests.
        """
        results = self.dbt_here("build", "--exclude", "resource_type:unit_test", *arguments)
        failed = {
            name: result["message"]
            for name, result in results.items()
            if result["status"] not in ("success", "pass", "warn", "no-op")
        }
        assert not failed, failed
        is_production = os.environ.get("REDSHIFT_SCHEMA") == settings().redshift_schema
        if is_production and not {"--select", "--exclude"} & set(arguments):
            self.publish()
