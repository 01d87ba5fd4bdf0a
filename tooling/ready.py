"""What make asks before it begins: that settings are right and the warehouse answers.

A wrong setting would end a command in a traceback, and dbt says of a warehouse that does not answer
just "communication error", after it has parsed the project.
"""

import argparse
import os
import socket
import sys
from collections.abc import Sequence

from include.settings import SettingsError, settings

SECONDS = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when the command may begin; else say what to do."""
    parser = argparse.ArgumentParser(prog="python -m tooling.ready", description=__doc__)
    parser.add_argument("--redshift", action="store_true", help="ask the warehouse that dbt reads")
    asked = parser.parse_args(arguments)
    try:
        settings()
        if asked.redshift:
            # As in profiles.yml
            host = os.environ.get("REDSHIFT_HOST") or "127.0.0.1"
            port = os.environ.get("REDSHIFT_PORT") or "5439"
            answers(host, port)
    except (SettingsError, UnreachableError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


class UnreachableError(Exception):
    """No warehouse listens where the environment says."""


def answers(host: str, port: str) -> None:
    """Raise UnreachableError unless something listens at the address."""
    try:
        socket.create_connection((host, int(port)), SECONDS).close()
    except (OSError, ValueError) as error:
        raise UnreachableError(
            f"No Redshift answers at {host}:{port}: {error}. Start the local stack (`make up`), or "
            "look at REDSHIFT_HOST and REDSHIFT_PORT in .env; `make doctor` names other faults."
        ) from error


if __name__ == "__main__":
    sys.exit(main())
