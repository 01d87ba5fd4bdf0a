"""The part of S3 that a load asks for, through Airflow's hook: it lists and reads, never writes."""

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from airflow.providers.amazon.aws.hooks.s3 import S3Hook

from include.load.errors import attempting
from include.load.partitions import S3Object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LINE_BYTES = 4 * 1024 * 1024  # what is kept of a line: COPY takes no longer record


class Source:
    """A reader of buckets; it may be shared by threads."""

    def __init__(self, hook: S3Hook) -> None:
        self.client = cast("S3Client", hook.get_conn())

    def list_objects(self, bucket: str, prefix: str) -> list[S3Object]:
        """Return every object whose key starts with `prefix`, without folder markers."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        with attempting(f"Listing s3://{bucket}/{prefix}"):
            return [
                S3Object(key=item["Key"], size=item["Size"], etag=item["ETag"])
                for page in pages
                for item in page.get("Contents", [])
                if item["Size"] or not item["Key"].endswith("/")
            ]

    def read_start(self, bucket: str, key: str, size: int) -> bytes:
        """Return the first `size` bytes of an object; nothing when it has vanished."""
        with attempting(f"Reading s3://{bucket}/{key}"), suppress(self.client.exceptions.NoSuchKey):
            answer = self.client.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{size - 1}")
            return answer["Body"].read()
        return b""

    def iterate_lines(self, bucket: str, key: str) -> Iterator[bytes]:
        r"""Yield the lines, which end at \n, of one object; none when it has vanished."""
        with attempting(f"Reading s3://{bucket}/{key}"), suppress(self.client.exceptions.NoSuchKey):
            line = b""
            for chunk in self.client.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(65536):
                *complete, rest = chunk.split(b"\n")
                for piece in complete:
                    yield (line + piece).removesuffix(b"\r")
                    line = b""
                line = (line + rest)[:LINE_BYTES]
            if line:
                yield line
