"""`make lint-pins`: known vulnerabilities of the pinned packages, by pip-audit.

Exit status 1 tells of a vulnerability that nobody accepted, and of an acceptance that has expired
or that no package needs any more. Where no vulnerability service answers, nothing is known: that is
said, and with `--required` it is exit status 2.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ACCEPTED = Path(__file__).with_name("accepted_vulnerabilities.toml")
OSV = "https://api.osv.dev/v1/query"
# Nobody pins it any more. A service that knows no vulnerability of it does not know any.
VULNERABLE = "django==1.11"


class NotAuditedError(Exception):
    """Why nothing is known of the pins."""


@dataclass(frozen=True)
class Vulnerability:
    """A known vulnerability of a pinned package, under all its names (PYSEC, CVE, GHSA)."""

    package: str
    version: str
    names: frozenset[str]
    fixed_in: tuple[str, ...]


@dataclass(frozen=True)
class Accepted:
    """A vulnerability that the pins keep until a day, and why."""

    name: str
    package: str
    reason: str
    until: date


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit the pins and return the exit status."""
    parser = argparse.ArgumentParser(prog="make lint-pins", description=__doc__)
    parser.add_argument("pins", nargs="+", type=Path, help="requirements files with hashes")
    parser.add_argument("--accepted", type=Path, default=ACCEPTED)
    parser.add_argument("--service", default=OSV, metavar="URL", help="an API like that of osv.dev")
    parser.add_argument("--required", action="store_true", help="fail where the service is silent")
    asked = parser.parse_args(arguments)
    try:
        found = audit(asked.pins, asked.service)
    except NotAuditedError as error:
        print(
            f"NOT AUDITED: {error} Whether the pins have known vulnerabilities was not found out. "
            "Run `make lint-pins` where the service can be reached."
        )
        return 2 if asked.required else 0
    faults = list(judge(found, read_accepted(asked.accepted), date.today()))
    print("\n".join(faults) or f"No vulnerability is known of {', '.join(map(str, asked.pins))}.")
    return 1 if faults else 0


def audit(pins: Sequence[Path], service: str) -> set[Vulnerability]:
    """Return the known vulnerabilities of pinned packages.

    Raises NotAuditedError where the service does not answer, or knows no vulnerability.
    """
    with tempfile.TemporaryDirectory() as folder:
        vulnerable = Path(folder, "vulnerable.txt")
        vulnerable.write_text(f"{VULNERABLE} --hash=sha256:{'0' * 64}")  # pip-audit asks for one
        packages = ask(service, [*pins, vulnerable])
    found = {
        Vulnerability(
            package["name"],
            package["version"],
            frozenset([each["id"], *each["aliases"]]),
            tuple(each["fix_versions"]),
        )
        for package in packages
        for each in package["vulns"]
    }
    known = {each for each in found if f"{each.package}=={each.version}" == VULNERABLE}
    if not known:
        raise NotAuditedError(f"{service} knows no vulnerability of {VULNERABLE}.")
    return found - known


def ask(service: str, pins: Iterable[Path]) -> list[dict[str, Any]]:
    """Return what pip-audit says of each package; raise NotAuditedError when it does not."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip_audit", "--progress-spinner", "off"),
            *(f"--requirement={path}" for path in pins),
            *("--disable-pip", "--no-deps", "--vulnerability-service", "osv", "--osv-url", service),
            *("--format", "json", "--desc", "off", "--aliases", "on"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError as error:
        [*_, said] = done.stderr.splitlines() or [f"pip-audit ended with {done.returncode}"]
        raise NotAuditedError(f"{said}.") from error
    if skipped := [each["skip_reason"] for each in packages if "skip_reason" in each]:
        raise NotAuditedError(f"{skipped[0]}.")
    return packages


def read_accepted(path: Path) -> list[Accepted]:
    """Return what the file accepts; a key that is missing or unknown raises TypeError."""
    return [Accepted(name, **fields) for name, fields in tomllib.loads(path.read_text()).items()]


def judge(
    found: Iterable[Vulnerability], accepted: Sequence[Accepted], today: date
) -> Iterator[str]:
    """Yield, in words, each vulnerability and each acceptance that must not stay as it is."""
    used = set()
    for each in sorted(found, key=lambda item: (item.package, sorted(item.names))):
        reasons = [
            item for item in accepted if item.name in each.names and item.package == each.package
        ]
        used |= {item.name for item in reasons}
        if not any(today <= item.until for item in reasons):
            cure = (
                f"Pin {' or '.join(each.fixed_in)} (`make lock`)"
                if each.fixed_in
                else "No version is without it"
            )
            expired = " Its acceptance has expired." if reasons else ""
            yield (
                f"{each.package} {each.version} has {', '.join(sorted(each.names))}.{expired} "
                f"{cure}, or accept it with a reason in {ACCEPTED.relative_to(ROOT)}."
            )
    for item in accepted:
        if item.name not in used:
            yield f"{item.name}: no pin of {item.package} has it. Delete it from {ACCEPTED.name}."


if __name__ == "__main__":
    sys.exit(main())
