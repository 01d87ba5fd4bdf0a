"""What make asks before it begins: that settings are right, a port is free, the warehouse answers.

A wrong setting would end a command in a traceback, and so would a port that is taken. dbt says of a
warehouse that does not answer just "communication error", after it has parsed the project.
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
    parser.add_argument("--port", metavar="NAME=PORT", help="a port to serve on, and its variable")
    asked = parser.parse_args(arguments)
    try:
        settings()
        if asked.port:
            require_free(*asked.port.split("="))
        if asked.redshift:
            # As in profiles.yml
            host = os.environ.get("REDSHIFT_HOST") or "127.0.0.1"
            port = os.environ.get("REDSHIFT_PORT") or "5439"
            answers(host, port)
    except (SettingsError, PortError, UnreachableError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


class PortError(Exception):
    """A port that a page cannot be served on."""


def require_free(name: str, port: str) -> None:
    """Raise PortError unless a server may listen on the port; `name` is the variable that sets it.

    The address may be in use for a while after a server has ended; a new one can listen all the
    same.
    """
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", int(port)))
    except (OSError, OverflowError, ValueError) as error:
        raise PortError(
            f"Port {port} of 127.0.0.1 cannot be had: {error}. Name another by {name}: in .env "
            "where there is one, else before the command."
        ) from error


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
