"""The audit of the pins, against a vulnerability service that answers as osv.dev does."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tooling import audit_pins

HASH = "--hash=sha256:" + "0" * 64


class Osv(BaseHTTPRequestHandler):
    """Its answers by package and version: https://google.github.io/osv.dev/post-v1-query/."""

    known: dict[tuple[str, str], list[dict[str, Any]]]

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = self.known.get((asked["package"]["name"], asked["version"]), [])
        body = json.dumps({"vulns": found} if found else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_: object) -> None:
        """Log nothing."""


def vulnerability(package: str, name: str, *aliases: str, fixed: str) -> dict[str, Any]:
    return {
        "id": name,
        "aliases": list(aliases),
        "affected": [
            {
                "package": {"name": package, "ecosystem": "PyPI"},
                "ranges": [
                    {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}
                ],
            }
        ],
    }


@pytest.fixture
def osv() -> Iterator[tuple[str, dict[tuple[str, str], list[dict[str, Any]]]]]:
    """Start a service that knows of old django and jinja2; return its address and knowledge."""
    known = {
        ("django", "1.11"): [vulnerability("django", "PYSEC-2017-1", fixed="1.11.5")],
        ("jinja2", "3.1.0"): [vulnerability("jinja2", "PYSEC-1", "CVE-1", fixed="3.1.3")],
    }
    handler = type("Handler", (Osv,), {"known": known})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", known
        server.shutdown()
        thread.join()


@pytest.fixture
def pins(tmp_path: Path) -> list[Path]:
    """Two files that share a package."""
    files = {"a.txt": ("jinja2==3.1.0", "six==1.16.0"), "b.txt": ("six==1.16.0",)}
    for name, packages in files.items():
        (tmp_path / name).write_text("".join(f"{each} \\\n    {HASH}\n" for each in packages))
    return [tmp_path / name for name in files]


def test_a_known_vulnerability_fails(
    osv: tuple[str, dict[tuple[str, str], list[dict[str, Any]]]],
    pins: list[Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    address, _ = osv
    assert audit_pins.main([*map(str, pins), "--service", address]) == 1
    assert capsys.readouterr().out == (
        "jinja2 3.1.0 has CVE-1, PYSEC-1. Pin 3.1.3 (`make lock`), or accept it with a reason in "
        "tooling/accepted_vulnerabilities.toml.\n"
    )


@pytest.mark.parametrize(("flags", "status"), [([], 0), (["--required"], 2)])
def test_a_service_that_knows_nothing_is_no_good_news(
    osv: tuple[str, dict[tuple[str, str], list[dict[str, Any]]]],
    pins: list[Path],
    flags: list[str],
    status: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    address, known = osv
    known.clear()
    assert audit_pins.main([*map(str, pins), "--service", address, *flags]) == status
    said = capsys.readouterr().out
    assert said.startswith(f"NOT AUDITED: {address} knows no vulnerability of django==1.11.")


def test_a_service_that_is_not_there_is_no_good_news(pins: list[Path]) -> None:
    with pytest.raises(audit_pins.NotAuditedError, match="Connection refused"):
        audit_pins.audit(pins, "http://127.0.0.1:9")


def test_a_vulnerability_is_accepted_until_a_day(tmp_path: Path) -> None:
    path = tmp_path / "accepted.toml"
    path.write_text('[CVE-1]\npackage = "jinja2"\nreason = "unused"\nuntil = 2027-03-31\n')
    accepted = audit_pins.read_accepted(path)
    found = [audit_pins.Vulnerability("jinja2", "3.1.0", frozenset({"CVE-1", "PYSEC-1"}), ())]
    last_day = date(2027, 3, 31)

    assert list(audit_pins.judge(found, accepted, last_day)) == []
    [said] = audit_pins.judge(found, accepted, last_day + timedelta(days=1))
    assert said.startswith(
        "jinja2 3.1.0 has CVE-1, PYSEC-1. Its acceptance has expired. No version"
    )
    [said] = audit_pins.judge([], accepted, last_day)
    assert said.startswith("CVE-1: no pin of jinja2 has it.")


def test_what_is_accepted_has_a_reason() -> None:
    assert all(each.reason for each in audit_pins.read_accepted(audit_pins.ACCEPTED))
