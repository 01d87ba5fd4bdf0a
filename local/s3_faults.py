"""Faults of the local S3: replies that are late, cut short, or errors, as a test asks for them.

They are a JSON list in a file, so that a test reaches the server in its own process; the server
reads it before each request and takes a fault out when it has happened `times` times.
"""

import json
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Literal

from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Action = Literal["error", "slow", "cut short"]


@dataclass(frozen=True)
class S3Fault:
    """What becomes of the next requests that match a regular expression.

    `request` is searched in the method and the address as the client sent it, for example
    `GET /sparkify?list-type=2&prefix=log_data`. `error` answers with `status` and S3's error
    `code`, `slow` waits for `seconds`, `cut short` sends half of the body and closes the
    connection.
    """

    request: str
    action: Action
    times: int = 1
    seconds: float = 0
    status: int = 503
    code: str = "SlowDown"


@dataclass(frozen=True)
class S3Faults:
    """The pending faults in a file; a missing file holds none."""

    path: Path

    def read(self) -> list[S3Fault]:
        """Return the pending faults."""
        try:
            return [S3Fault(**fields) for fields in json.loads(self.path.read_text())]
        except FileNotFoundError:
            return []

    def write(self, faults: Sequence[S3Fault]) -> None:
        """Replace the pending faults."""
        written = self.path.with_suffix(".new")
        written.write_text(json.dumps([asdict(fault) for fault in faults]))
        written.replace(self.path)

    def take(self, request: str) -> S3Fault | None:
        """Return the first fault of this request, or None, and lower its count by one."""
        waiting = self.read()
        for at, fault in enumerate(waiting):
            if re.search(fault.request, request):
                less = [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
                self.write([*waiting[:at], *less, *waiting[at + 1 :]])
                return fault
        return None


class WithFaults:
    """A WSGI application whose replies are faulty on request."""

    def __init__(self, application: "WSGIApplication", faults: S3Faults) -> None:
        self.application = application
        self.faults = faults
        self.lock = Lock()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request."""
        with self.lock:
            fault = self.faults.take(f"{environ['REQUEST_METHOD']} {environ['REQUEST_URI']}")
        if fault is None:
            return self.application(environ, start_response)
        if fault.action == "error":
            body = f"<Error><Code>{fault.code}</Code><Message>{fault.code}</Message></Error>"
            response = Response(body, fault.status, content_type="application/xml")
            return response(environ, start_response)
        if fault.action == "slow":
            time.sleep(fault.seconds)
            return self.application(environ, start_response)
        response = Response.from_app(self.application, environ, buffered=True)
        whole = response.get_data()
        response.headers["Connection"] = "close"
        response.headers["Content-Length"] = str(len(whole))
        response.automatically_set_content_length = False
        response.response = self.half_of(whole)
        return response(environ, start_response)

    @staticmethod
    def half_of(body: bytes) -> Iterator[bytes]:
        """Yield half of a body."""
        yield body[: len(body) // 2]
