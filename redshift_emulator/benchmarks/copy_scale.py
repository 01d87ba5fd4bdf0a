"""The cost of COPY as its source grows in bytes and objects: `python benchmarks/copy_scale.py`.

The source is an S3 server in a separate process that generates its objects on request. `bytes/N` is
one object of N megabytes, and `objects/N/` is a folder of N objects with one line each. It stores
nothing, so only run time limits the sizes. Memory is the peak of the emulator, without PostgreSQL.
"""

import json
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import redshift_connector
from tabulate import tabulate

from redshift_emulator.server import running_emulator

ROLE = "arn:aws:iam::123456789012:role/bench"
MEGABYTES = (64, 512, 4096)
OBJECTS = (1_000, 10_000, 100_000)
MEGABYTE = 1024 * 1024
PAGE = 1000
# COPY loads four of each row's five keys, to measure the reading and not PostgreSQL's disk.
LINE = json.dumps({"a": 1, "b": 2.5, "c": "x" * 20, "d": "2018-11-01", "e": "-" * 948}) + "\n"
BLOCK = LINE.encode() * 1024
assert len(BLOCK) == MEGABYTE


class GeneratedS3(BaseHTTPRequestHandler):
    """ListObjectsV2 and GetObject on generated objects."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Serve a listing or an object."""
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        if "list-type" in query:
            token = query.get("continuation-token", ["0"])[0]
            self._send(listing(query["prefix"][0], int(token)))
        elif url.path.startswith("/bench/bytes/"):
            self._send(BLOCK, int(url.path.rpartition("/")[2]))
        else:
            self._send(LINE.encode())

    def _send(self, body: bytes, times: int = 1) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) * times))
        self.end_headers()
        for _ in range(times):
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def listing(prefix: str, start: int) -> bytes:
    """Return a page of the objects under `bytes/N` or `objects/N/`, in S3's XML."""
    number = int(prefix.split("/")[1])
    if prefix.startswith("bytes"):
        entries, end, more = [(prefix, number * MEGABYTE)], 1, False
    else:
        end = min(start + PAGE, number)
        entries = [(f"{prefix}{each:06}.json", len(LINE)) for each in range(start, end)]
        more = end < number
    contents = "".join(
        f"<Contents><Key>{key}</Key><Size>{size}</Size><ETag>&quot;0&quot;</ETag>"
        "<LastModified>2018-11-01T00:00:00.000Z</LastModified></Contents>"
        for key, size in entries
    )
    following = f"<NextContinuationToken>{end}</NextContinuationToken>" if more else ""
    return (
        '<?xml version="1.0"?><ListBucketResult><Name>bench</Name>'
        f"<IsTruncated>{str(more).lower()}</IsTruncated>{contents}{following}</ListBucketResult>"
    ).encode()


def serve(port: "Connection[int, None]") -> None:
    """Serve the generated S3 on a free port; send the number through `port`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), GeneratedS3)
    port.send(server.server_port)
    server.serve_forever()


@contextmanager
def generated_s3() -> Iterator[str]:
    """Run the generated S3 in a separate process; yield its URL."""
    receiving, sending = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.Process(target=serve, args=(sending,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{receiving.recv()}"
    finally:
        process.terminate()


def measure(s3: str, prefix: str, rows: int) -> tuple[float, float]:
    """COPY the objects under `prefix` with a new emulator; return seconds and peak megabytes."""
    with (
        tempfile.TemporaryDirectory(prefix="emulator-bench-") as data,
        running_emulator(Path(data), s3_endpoint=s3, copy_roles=[ROLE]) as emulator,
    ):
        (process,) = [
            child
            for child in psutil.Process().children()
            if emulator.port in {each.laddr.port for each in child.net_connections()}
        ]
        connection = redshift_connector.connect(**emulator.login())
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("create table t (a int, b double precision, c varchar(20), d date)")
        done, peak = threading.Event(), 0

        def watch() -> None:
            nonlocal peak
            while not done.wait(0.05):
                peak = max(peak, process.memory_info().rss)

        watching = threading.Thread(target=watch)
        watching.start()
        began = time.perf_counter()
        cursor.execute(f"copy t from 's3://bench/{prefix}' iam_role '{ROLE}' json 'auto'")
        seconds = time.perf_counter() - began
        done.set()
        watching.join()
        loaded = cursor.execute("select count(*) from t").fetchone()
        connection.close()
        assert loaded == [rows], (loaded, rows)
    return seconds, peak / MEGABYTE


def main() -> None:
    """Measure each size and print its ratios to the smallest size of its kind."""
    kinds = [
        ("MB in one object", MEGABYTES, "bytes/{}", MEGABYTE // len(LINE)),
        ("objects of 1 KB", OBJECTS, "objects/{}/", 1),
    ]
    table = []
    with generated_s3() as s3:
        for name, sizes, prefix, rows in kinds:
            smallest = None
            for size in sizes:
                seconds, peak = measure(s3, prefix.format(size), size * rows)
                smallest = smallest or (size, seconds, peak)
                ratios = (size / smallest[0], seconds / smallest[1], peak / smallest[2])
                table.append((size, name, *ratios))
                print(f"{size} {name}: {seconds:.1f} s, {peak:.0f} MB", file=sys.stderr, flush=True)
    headers = ["size", "of", "size, ratio", "seconds, ratio", "peak memory, ratio"]
    print(tabulate(table, headers=headers, intfmt=",", floatfmt=".2f"))


if __name__ == "__main__":
    main()
