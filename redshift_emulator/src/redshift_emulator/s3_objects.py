"""S3 access for COPY and UNLOAD: credentials, listings, manifests, streams, Redshift's errors.

boto3 is synchronous, so everything here runs in a worker thread.
Rules: COPY from Amazon S3, Authorization parameters, Using a manifest to specify data files (AWS
Database Developer Guide).
"""

import bz2
import gzip
import io
import json
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, Any, cast

import boto3
import zstandard
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.response import StreamingBody
from mypy_boto3_s3 import S3Client

from redshift_emulator.backend import Session
from redshift_emulator.errors import RedshiftError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

REQUESTS_IN_FLIGHT = 16
SMALL_OBJECT_BYTES = 1024 * 1024
BUFFER_BYTES = 256 * 1024
_ROLE = re.compile(r"arn:aws(-[a-z-]+)?:iam::\d{12}:role/\S+")
_COMPRESSIONS: Mapping[str, Callable[..., Any]] = {
    "GZIP": gzip.open,
    "BZIP2": bz2.open,
    "ZSTD": zstandard.open,
}


@dataclass(frozen=True)
class Object:
    """One S3 object; `size` in bytes."""

    bucket: str
    key: str
    size: int
    etag: str = ""
    last_modified: datetime | None = None

    @property
    def url(self) -> str:
        """The object's URL as COPY logs it."""
        return f"s3://{self.bucket}/{self.key}"


def load_error(message: str, code: int = 8001, context: str = "") -> RedshiftError:
    """Return Redshift's error for a load that cannot begin, with its block of details."""
    rule = "-" * 47
    detail = (
        f"\n  {rule}\n  error:  {message}\n  code:      {code}\n  context:   {context}\n  {rule}"
    )
    return RedshiftError("XX000", message, detail)


@contextmanager
def s3_errors(context: str = "") -> Iterator[None]:
    """Turn boto3's errors into the S3ServiceException text that Redshift passes on."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"].get("Code", "Unknown")
        text = error.response["Error"].get("Message", code)
        if code == "403":  # a reply without a body, as to HEAD
            code, text = "AccessDenied", "Access Denied"
        status = error.response["ResponseMetadata"].get("HTTPStatusCode", 0)
        request = error.response["ResponseMetadata"].get("RequestId", "")
        message = (
            f"S3ServiceException:{text},Status {status},Error {code},Rid {request},"
            "ExtRid ,CanRetry 1"
        )
        raise load_error(message, 8001, context) from error
    except BotoCoreError as error:
        raise load_error(f"S3CurlException: {error}", 9001, context) from error


def client(credentials: Mapping[str, str], region: str | None, session: Session) -> S3Client:
    """Return an S3 client for a statement's credentials.

    `credentials` holds iam_role, or access_key_id and secret_access_key with or without
    session_token. Raises RedshiftError when there is neither, or when the role is not associated
    with the cluster.
    """
    role, endpoint_url = credentials.get("iam_role"), session.s3_endpoint
    if role:
        _check_role(role, session.copy_roles)
    elif not ("access_key_id" in credentials and "secret_access_key" in credentials):
        raise load_error(
            "Credentials are required: IAM_ROLE or ACCESS_KEY_ID and SECRET_ACCESS_KEY"
        )
    return _client(
        region,
        endpoint_url,
        credentials.get("access_key_id", "assumed-role"),
        credentials.get("secret_access_key", "assumed-role"),
        credentials.get("session_token"),
    )


@lru_cache(maxsize=8)
def _client(
    region: str | None,
    endpoint_url: str | None,
    access_key: str,
    secret_key: str,
    token: str | None,
) -> S3Client:
    """Return a client, which threads may share; to make one takes as long as to read ten files."""
    return boto3.client(
        "s3",
        region_name=region,
        endpoint_url=endpoint_url,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        aws_session_token=token,
        config=Config(
            max_pool_connections=REQUESTS_IN_FLIGHT,
            s3={"addressing_style": "path" if endpoint_url else "auto"},
        ),
    )


def _check_role(role: str, associated: tuple[str, ...]) -> None:
    """Refuse a role, or any role of a chain, that is not associated with the cluster.

    The emulator does not check the permissions of an associated role. `default` is the first of
    `associated` (Authorization parameters; Authorizing COPY and UNLOAD Operations Using IAM Roles).
    """
    if role.lower() == "default":
        if not associated:
            raise load_error("The cluster has no default IAM role associated with it", 30000)
        return
    for link in map(str.strip, role.split(",")):
        if not _ROLE.fullmatch(link):
            raise load_error(f"Invalid IAM role ARN: {link}")
        if link not in associated:
            raise load_error(
                "exception name : UnauthorizedException, error type : 138, message: The requested "
                f"role {link} is not associated to cluster, should retry : 0",
                30000,
            )


def split_url(url: str) -> tuple[str, str]:
    """Split s3://bucket/key; raises RedshiftError when `url` has another form."""
    if found := re.fullmatch(r"s3://([^/]+)/?(.*)", url, re.DOTALL):
        return found[1], found[2]
    raise load_error(f"Invalid S3 path: {url}")


def list_objects(s3: S3Client, url: str) -> Iterator[Object]:
    """Yield the objects whose keys start with the prefix in `url`, in key order, page by page."""
    bucket, prefix = split_url(url)
    with s3_errors(url):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for entry in page.get("Contents", []):
                yield Object(
                    bucket, entry["Key"], entry["Size"], entry["ETag"], entry["LastModified"]
                )


def copy_source(s3: S3Client, url: str, *, manifest: bool) -> Iterator[Object]:
    """Return the objects that COPY FROM `url` reads. Raises RedshiftError when there are none."""
    objects = _manifest_entries(s3, url) if manifest else list_objects(s3, url)
    first = next(objects, None)
    if first is None:
        raise load_error(f"The specified S3 prefix '{split_url(url)[1]}' does not exist")
    return chain([first], objects)


def _manifest_entries(s3: S3Client, url: str) -> Iterator[Object]:
    try:
        document = read_whole(s3, url)
    except RedshiftError as error:
        raise load_error(f"Problem reading manifest file - {error.message}") from error
    try:
        content = json.loads(document)
    except ValueError:
        raise load_error("Manifest file is not in correct json format") from None
    entries = content.get("entries") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise load_error("Manifest file is not in expected format - 'entries' field missing.")
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("url"), str):
            raise load_error("Manifest file is not in expected format - 'url' field missing.")
        bucket, key = split_url(entry["url"])
        try:
            with s3_errors(entry["url"]):
                head = s3.head_object(Bucket=bucket, Key=key)
        except RedshiftError as error:
            if "Status 404" in error.message and entry.get("mandatory") is not True:
                continue
            if "Status 404" in error.message:
                raise load_error(f"The specified S3 prefix '{key}' does not exist") from error
            raise
        yield Object(bucket, key, head["ContentLength"], head["ETag"], head["LastModified"])


def read_whole(s3: S3Client, url: str) -> bytes:
    """Read a small object: a manifest or a JSONPaths file."""
    bucket, key = split_url(url)
    with s3_errors(url):
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def open_objects(s3: S3Client, objects: Iterator[Object]) -> Iterator[tuple[Object, IO[bytes]]]:
    """Yield each object with a stream of its bytes, in order.

    Small objects are prefetched, `REQUESTS_IN_FLIGHT` at a time. A large one is streamed when its
    turn comes. The prefetched small objects bound memory, whatever the length of the listing.
    """

    def stream(each: Object) -> IO[bytes]:
        with s3_errors(each.url):
            body = s3.get_object(Bucket=each.bucket, Key=each.key)["Body"]
        return io.BufferedReader(_Body(body), BUFFER_BYTES)

    def fetch(each: Object) -> IO[bytes]:
        with stream(each) as body, s3_errors(each.url):
            return io.BytesIO(body.read())

    with ThreadPoolExecutor(REQUESTS_IN_FLIGHT, "s3-prefetch") as pool:
        ahead: deque[tuple[Object, Future[IO[bytes]] | None]] = deque()
        try:
            while True:
                for each in islice(objects, 2 * REQUESTS_IN_FLIGHT - len(ahead)):
                    small = each.size <= SMALL_OBJECT_BYTES
                    ahead.append((each, pool.submit(fetch, each) if small else None))
                if not ahead:
                    return
                each, fetched = ahead.popleft()
                with fetched.result() if fetched else stream(each) as content:
                    yield each, content
        finally:
            pool.shutdown(cancel_futures=True)


class _Body(io.RawIOBase):
    """Adapts a response's body to the io module: boto3's own body closes itself at its end."""

    def __init__(self, body: StreamingBody) -> None:
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        chunk = self._body.read(len(view))
        view[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        self._body.close()
        super().close()


def decompressed(stream: IO[bytes], options: Mapping[str, Any]) -> IO[bytes]:
    """Return `stream`, decompressed if `options` name GZIP, BZIP2 or ZSTD."""
    for name, open_compressed in _COMPRESSIONS.items():
        if options.get(name):
            return cast(IO[bytes], open_compressed(stream, "rb"))
    return stream
