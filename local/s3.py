"""The laptop's S3 and STS: moto's server in a process of its own, and a fast way to fill it.

`python -m local.s3 --port 0` prints `listening on http://127.0.0.1:<port>` and serves until
SIGTERM or SIGINT. Objects live in memory: whoever starts the server fills it again from a folder,
with `--folder` or `upload_folder`. `local.principals` says who may do what.
"""

import argparse
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config
from moto.core.authorization import enable_iam_authentication
from moto.moto_server.werkzeug_app import MotoRequestHandler, create_backend_app
from mypy_boto3_s3 import S3Client
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server

from local.principals import ADMINISTRATOR, BUCKET, create_principals
from local.s3_faults import S3Faults, WithFaults

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

REGION: Final = "us-west-2"
UPLOADS_IN_FLIGHT = 8


class Handler(MotoRequestHandler):
    """Keeps connections open between requests and logs no request."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing: a load makes thousands of requests."""


def serve(
    port: int,
    host: str = "127.0.0.1",
    folder: Path | None = None,
    fault_file: Path | None = None,
) -> None:
    """Serve S3 at a host and port (0: any free one), print the address, return when stopped.

    With a folder, its files are in the bucket before the first request. `fault_file` is explained
    in `local.s3_faults`.
    """
    create_principals()
    # moto's own dispatcher looks up the service per request, half the cost of a small one.
    # STS is below /sts: a connection that names a role is refused here as it would be by AWS.
    application: WSGIApplication = DispatcherMiddleware(
        create_backend_app("s3"), {"/sts": create_backend_app("sts")}
    )
    if folder:
        fill(application, folder)
    if fault_file:
        application = WithFaults(application, S3Faults(fault_file))
    server = make_server(host, port, application, threaded=True, request_handler=Handler)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"listening on http://{host}:{server.server_port}", flush=True)
    try:
        with enable_iam_authentication():
            server.serve_forever()
    finally:
        server.server_close()


def fill(application: "WSGIApplication", folder: Path) -> None:
    """Upload a folder to the bucket, by a server that nobody else knows of."""
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        upload_folder(f"http://127.0.0.1:{server.server_port}", BUCKET, folder)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def client(endpoint_url: str, connections: int = UPLOADS_IN_FLIGHT) -> S3Client:
    """Return the administrator's S3 client for a server; it may be shared by threads."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        region_name=REGION,
        aws_access_key_id=ADMINISTRATOR.access_key,
        aws_secret_access_key=ADMINISTRATOR.secret_key,
        config=Config(max_pool_connections=connections, s3={"addressing_style": "path"}),
    )


def upload_folder(endpoint_url: str, bucket: str, folder: Path, prefix: str = "") -> int:
    """Upload each file below `folder` as `prefix` + its relative path; make the bucket if needed.

    Returns the number of objects written. An object that exists is replaced.
    """
    s3 = client(endpoint_url)
    existing = {entry.get("Name") for entry in s3.list_buckets()["Buckets"]}
    if bucket not in existing:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})

    def upload(path: Path) -> None:
        key = prefix + path.relative_to(folder).as_posix()
        with path.open("rb") as body:
            s3.put_object(Bucket=bucket, Key=key, Body=body)

    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    with ThreadPoolExecutor(UPLOADS_IN_FLIGHT) as pool:
        return sum(len(list(pool.map(upload, batch))) for batch in batches(files))


def batches(files: Iterable[Path], size: int = 1000) -> Iterator[list[Path]]:
    """Yield `files` in lists of `size`, which keeps the pool's queue short."""
    iterator = iter(files)
    while batch := list(islice(iterator, size)):
        yield batch


def main(arguments: list[str] | None = None) -> int:
    """Run the server from the command line."""
    parser = argparse.ArgumentParser(prog="python -m local.s3", description=serve.__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=9000, help="0 takes a free port")
    parser.add_argument("--folder", type=Path, help="what the bucket has at the start")
    parser.add_argument("--fault-file", type=Path, help="JSON list of faults, for tests")
    serve(**vars(parser.parse_args(arguments)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
