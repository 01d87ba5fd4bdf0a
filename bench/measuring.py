"""What the benchmarks share: a stack of their own, commands, PostgreSQL's counters.

Each measurement runs in a process of its own, whose stack lies in a temporary folder.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redshift_connector.cursor import Cursor

DBT = str(Path(sys.executable).with_name("dbt"))
LOAD = (sys.executable, "-m", "include.load.command_line")
# The schemas of the emulator's own objects are left out.
COUNTED = "schemaname not in ('redshift', 'pg_catalog', 'pg_internal')"
SECONDS_TO_REPORT = 0.5  # within which a session of PostgreSQL adds to the counters


def in_own_process(
    function: str, environment: Mapping[str, str] | None = None, **arguments: Any
) -> Any:
    """Call a function, given as module:name, in a process with a new stack; return its result.

    Variables of `environment` are set besides; an empty one is left out.
    """
    module, _, name = function.partition(":")
    call = f"import json; from {module} import {name}; print(json.dumps({name}(**{arguments!r})))"
    with tempfile.TemporaryDirectory(prefix="sparkify-bench-") as state:
        variables = {
            **os.environ,
            "SPARKIFY_LOCAL_STATE": state,
            "SPARKIFY_LOCAL_REDSHIFT_PORT": "0",
            "AIRFLOW_HOME": f"{state}/airflow",
            "DBT_TARGET_PATH": f"{state}/target",
            "DBT_LOG_PATH": f"{state}/logs",
            **(environment or {}),
        }
        answer = subprocess.run(
            [sys.executable, "-c", call],
            env={name: value for name, value in variables.items() if value},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    return json.loads(answer.stdout.splitlines()[-1])


@contextmanager
def warehouse() -> Iterator[dict[str, str]]:
    """Start S3 and Redshift with what lies in the bucket's folder; yield their environment."""
    from local import stack

    environment = {**os.environ, **stack.start_warehouse()}
    try:
        yield environment
    finally:
        stack.stop()


@contextmanager
def session(environment: Mapping[str, str]) -> Iterator[Cursor]:
    """Yield a cursor whose statements commit by themselves."""
    from local import stack

    with stack.connect(environment) as connection:
        connection.autocommit = True
        yield connection.cursor()


def run(environment: Mapping[str, str], *command: str) -> None:
    """Run a command in silence; raise RuntimeError with its output if it fails."""
    done = subprocess.run(
        command,
        env=environment,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}")


def rows_read(environment: Mapping[str, str]) -> int:
    """Return how many rows PostgreSQL has read of all permanent tables since it was started."""
    counts = [-2, -1]
    with session(environment) as cursor:
        while counts[-1] != counts[-2]:
            time.sleep(SECONDS_TO_REPORT)
            cursor.execute(
                "select coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0) "
                f"from pg_stat_user_tables where {COUNTED}"
            )
            [(rows,)] = cursor.fetchall()
            counts.append(int(rows))
    return counts[-1]


def settle(environment: Mapping[str, str]) -> None:
    """Sort, summarize and analyze all tables, as Redshift does by itself in the background."""
    with session(environment) as cursor:
        cursor.execute(
            f"select schemaname, relname from pg_stat_user_tables where {COUNTED} order by 1, 2"
        )
        for schema, table in cursor.fetchall():
            cursor.execute(f'vacuum "{schema}"."{table}"')
            cursor.execute(f'analyze "{schema}"."{table}"')
