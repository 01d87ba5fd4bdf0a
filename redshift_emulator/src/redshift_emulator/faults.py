"""Faults that tests inject into a running emulator: slow or failing statements, cut connections.

They are stored in a JSON file, `--fault-file`, so that a test also reaches the sessions of other
processes such as dbt and Airflow. The emulator reads the file before each statement. It removes a
fault once the fault has happened `times` times, so whatever is left has not happened yet.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, get_args

Action = Literal["slow", "fail", "cut before", "cut after"]


@dataclass(frozen=True)
class Fault:
    """What happens to the next statements that match a regular expression.

    `statement` is searched in the SQL as the client sent it, ignoring case. `slow` delays the
    statement by `seconds`. `fail` answers with the error `message` of the code `sqlstate` instead
    of running it. `cut before` closes the connection instead of running it. `cut after` runs it,
    commits it unless a transaction is open, and closes the connection without an answer. The first
    `skip` statements that match are left alone; `skip` counts down to 0 as they come.
    """

    statement: str
    action: Action
    seconds: float = 0
    times: int = 1
    skip: int = 0
    sqlstate: str = "XX000"
    message: str = "injected by a test"

    def __post_init__(self) -> None:
        re.compile(self.statement)
        if self.action not in get_args(Action):
            raise ValueError(f"unknown fault {self.action!r}; use {', '.join(get_args(Action))}")


@dataclass(frozen=True)
class FaultFile:
    """The pending faults in a file; a missing file holds none."""

    path: Path

    def read(self) -> list[Fault]:
        """Return the pending faults.

        Raises ValueError when the file is not a list of faults.
        """
        try:
            text = self.path.read_text()
        except FileNotFoundError:
            return []
        try:
            return [Fault(**fields) for fields in json.loads(text)]
        except (TypeError, ValueError, re.error) as error:
            raise ValueError(f"{self.path} is not a JSON list of faults: {error}") from error

    def write(self, faults: Sequence[Fault]) -> None:
        """Replace the pending faults with `faults`."""
        written = self.path.with_suffix(".new")
        written.write_text(json.dumps([asdict(fault) for fault in faults]))
        written.replace(self.path)

    def take(self, sql: str) -> list[Fault]:
        """Return the faults of this statement and lower their remaining count by one."""
        taken, left = [], []
        waiting = self.read()
        for fault in waiting:
            if not re.search(fault.statement, sql, re.IGNORECASE):
                left.append(fault)
            elif fault.skip:
                left.append(replace(fault, skip=fault.skip - 1))
            else:
                taken.append(fault)
                if fault.times > 1:
                    left.append(replace(fault, times=fault.times - 1))
        if left != waiting:
            self.write(left)
        return taken
