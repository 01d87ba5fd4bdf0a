"""`redshift-emulator`: run the emulator in the foreground.

The environment variable REDSHIFT_EMULATOR_PASSWORD holds the password of --user, because every user
of the machine can read a command line.
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from redshift_emulator import PASSWORD_VARIABLE
from redshift_emulator.server import Options, serve


def main() -> int:
    """Parse the command line, serve until stopped, and return the exit code."""
    parser = argparse.ArgumentParser(prog="redshift-emulator", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True, help="directory of the data")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--user", required=True, help="the superuser to create")
    parser.add_argument("--database", required=True, help="the database to create")
    parser.add_argument("--s3-endpoint", help="URL of an S3-compatible server; the default is AWS")
    parser.add_argument(
        "--copy-role",
        action="append",
        default=[],
        dest="copy_roles",
        metavar="ARN",
        help="a role that COPY and UNLOAD accept, repeatable; the first is IAM_ROLE DEFAULT",
    )
    parser.add_argument(
        "--system-view-delay",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="how long STL and SYS views wait before they show what COPY and UNLOAD log",
    )
    parser.add_argument(
        "--fault-file", type=Path, help="JSON list of faults to inject, see faults.py"
    )
    parser.add_argument("--tls-cert", type=Path, help="certificate chain in PEM; offers TLS")
    parser.add_argument("--tls-key", type=Path, help="private key of the certificate in PEM")
    # The parser makes about twenty calls for each level of a nested expression.
    sys.setrecursionlimit(20_000)
    arguments = vars(parser.parse_args())
    arguments["copy_roles"] = tuple(arguments["copy_roles"])
    if not (password := os.environ.get(PASSWORD_VARIABLE)):
        parser.error(f"set {PASSWORD_VARIABLE} to the password of --user")
    try:
        asyncio.run(serve(Options(password=password, **arguments)))
    except RuntimeError as error:
        print(f"redshift-emulator: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
