"""The part of S3 that a load asks for, through Airflow's hook: it lists and reads, never writes."""

import bz2
import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import zstandard
from airflow.providers.amazon.aws.hooks.s3 import S3Hook

from include.load.errors import attempting
from include.load.partitions import S3Object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LINE_BYTES = 4 * 1024 * 1024  # what is kept of a line: COPY takes no longer record
CHUNK_BYTES = 64 * 1024

# How an object is unpacked as it is read, by COPY's option; LZOP has no reader in Python
UNPACK: dict[str, Callable[[Any], Any]] = {
    "": lambda body: body,
    "gzip": lambda body: gzip.GzipFile(fileobj=body),
    "bzip2": bz2.BZ2File,
    "zstd": lambda body: zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True),
}
BROKEN = (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError)


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

    def read_start(self, bucket: str, key: str, size: int, compression: str = "") -> bytes:
        """Return the first `size` bytes of an object, unpacked; nothing when it has vanished.

        `compression` is as in `iterate_lines`.
        """
        with attempting(f"Reading s3://{bucket}/{key}"), suppress(self.client.exceptions.NoSuchKey):
            if compression:
                return next(self.read(bucket, key, compression, size), b"")
            answer = self.client.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{size - 1}")
            return answer["Body"].read()
        return b""

    def iterate_lines(self, bucket: str, key: str, compression: str = "") -> Iterator[bytes]:
        r"""Yield the lines, which end at \n, of one object; none when it has vanished.

        `compression` is that of `include.load.copy.CopyOptions`; one that cannot be unpacked here
        yields nothing. Of an object that breaks off, what comes before is there.
        """
        with attempting(f"Reading s3://{bucket}/{key}"), suppress(self.client.exceptions.NoSuchKey):
            line = b""
            for chunk in self.read(bucket, key, compression, CHUNK_BYTES):
                *complete, rest = chunk.split(b"\n")
                for piece in complete:
                    yield (line + piece).removesuffix(b"\r")
                    line = b""
                line = (line + rest)[:LINE_BYTES]
            if line:
                yield line

    def read(self, bucket: str, key: str, compression: str, size: int) -> Iterator[bytes]:
        """Yield an object's content, unpacked, in pieces of at most `size` bytes."""
        if compression not in UNPACK:
            return
        with self.client.get_object(Bucket=bucket, Key=key)["Body"] as body:
            stream = UNPACK[compression](body)
            with suppress(*BROKEN):
                yield from iter(partial(stream.read, size), b"")
