"""What the checks found: as a table for the terminal, and as a file without secrets."""

import json
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Literal

from tabulate import tabulate

Outcome = Literal["ok", "fault", "note", "skipped"]
SECRET_WORDS = ("password", "secret", "token", "key")
PACKAGES = (
    "apache-airflow",
    "apache-airflow-providers-amazon",
    "astronomer-cosmos",
    "dbt-core",
    "dbt-redshift",
    "redshift-connector",
)


@dataclass(frozen=True)
class Finding:
    """What one check found; a fault has a cure."""

    check: str
    outcome: Outcome
    detail: str
    cure: str = ""
    seconds: float = 0.0


def table(findings: Iterable[Finding]) -> str:
    """Return the findings as a table for a terminal, each fault's cure below its detail."""
    rows = [
        (finding.outcome, finding.check, "\n".join(filter(None, (finding.detail, finding.cure))))
        for finding in findings
    ]
    return tabulate(rows, ("", "check", "what was found"), "simple", maxcolwidths=[None, None, 84])


def report(findings: Sequence[Finding], settings: dict[str, Any]) -> str:
    """Return everything that someone needs who cannot see the machine, as JSON."""
    return json.dumps(
        {
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "python": platform.python_version(),
            "system": platform.platform(),
            "versions": {name: version(name) for name in PACKAGES},
            "settings": settings,
            "findings": [vars(finding) for finding in findings],
        },
        indent=2,
        default=str,
    )


def secrets_in(values: Any, name: str = "") -> set[str]:
    """Return the texts in a nest of dictionaries whose names say that they are secret."""
    if isinstance(values, dict):
        return set().union(*(secrets_in(value, str(key)) for key, value in values.items()))
    is_secret = any(word in name.lower() for word in SECRET_WORDS)
    return {str(values)} if is_secret and values else set()


def without(secrets: Iterable[str], text: str) -> str:
    """Return a text with each secret replaced by stars, the longest first."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
