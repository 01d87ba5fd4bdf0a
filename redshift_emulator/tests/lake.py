"""An S3 bucket and a warehouse schema, as the tests of COPY and UNLOAD use them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redshift_connector
from mypy_boto3_s3 import S3Client

from redshift_emulator.server import Emulator

REGION = "us-west-2"
ROLE = "arn:aws:iam::123456789012:role/copy"


@dataclass(frozen=True)
class Lake:
    """One connection with autocommit, and a schema and a bucket for one test."""

    emulator: Emulator
    connection: redshift_connector.Connection
    schema: str
    s3: S3Client
    bucket: str

    def use_schema(self) -> None:
        """Create the schema again and make it the connection's search path."""
        self.run(f"drop schema if exists {self.schema} cascade")
        self.run(f"create schema {self.schema}")
        self.run(f"set search_path to {self.schema}")

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def get(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def keys(self) -> list[str]:
        listing = self.s3.list_objects_v2(Bucket=self.bucket)
        return [item["Key"] for item in listing.get("Contents", [])]

    def run(self, sql: str) -> None:
        self.connection.cursor().execute(sql)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        cursor = self.connection.cursor()
        cursor.execute(sql)
        return [tuple(row) for row in cursor.fetchall()]

    def copy(self, table: str, key: str, options: str) -> None:
        self.run(f"copy {table} from 's3://{self.bucket}/{key}' iam_role '{ROLE}' {options}")

    def unload(self, query: str, key: str, options: str = "") -> None:
        quoted = query.replace("'", "''")
        self.run(f"unload ('{quoted}') to 's3://{self.bucket}/{key}' iam_role '{ROLE}' {options}")

    def refusal(self, sql: str) -> dict[str, str]:
        """Run a statement that must fail; return the error's fields by their protocol letter."""
        try:
            self.run(sql)
        except redshift_connector.ProgrammingError as error:
            (fields,) = error.args
            return dict(fields)
        raise AssertionError(f"not refused: {sql}")

    @contextmanager
    def another_connection(self) -> Iterator[redshift_connector.Connection]:
        with connect(self.emulator) as connection:
            yield connection


@contextmanager
def connect(emulator: Emulator) -> Iterator[redshift_connector.Connection]:
    connection = redshift_connector.connect(**emulator.login())
    try:
        yield connection
    finally:
        connection.close()
