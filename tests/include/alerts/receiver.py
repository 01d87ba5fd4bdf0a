"""A receiver of alerts on this machine: Slack's webhook, and a subscriber of SNS."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Receiver:
    """Its address, and each message that came, with the path that it was sent to."""

    address: str
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    status: int = 200

    def texts(self) -> list[str]:
        """Return what Slack would show."""
        return [message["text"] for _, message in self.messages if "text" in message]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Answer on 127.0.0.1 as Slack's webhooks do, for as long as the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.messages.append((self.path, json.loads(body)))
            answer = b"ok" if receiver.status == 200 else b"invalid_token"
            self.send_response(receiver.status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
