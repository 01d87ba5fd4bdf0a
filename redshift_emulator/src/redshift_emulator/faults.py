"""Faults that tests order from a running emulator: slow statements and cut connections.

They wait in a JSON file, `--fault-file`, so that a test reaches the sessions of other processes, of
dbt and Airflow, too. The emulator reads the file at each statement and takes a fault out when it
has happened the times that it should: what is left over did not happen.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

Action = Literal["slow", "cut before", "cut after"]


@dataclass(frozen=True)
class Fault:
    """What happens to the next statements that match a pattern.

    `statement` is a regular expression, searched for in the client's own SQL, whatever its case.
    `slow` delays the statement by `seconds`. `cut before` closes the connection instead of
    running it. `cut after` runs it, commits it where nobody opened a transaction, and closes the
    connection without an answer.
    """

    statement: str
    action: Action
    seconds: float = 0
    times: int = 1

    def __post_init__(self) -> None:
        re.compile(self.statement)
        if self.action not in ("slow", "cut before", "cut after"):
            raise ValueError(f"no such fault: {self.action}")


@dataclass(frozen=True)
class FaultFile:
    """The faults that wait in a file; one that is missing holds none."""

    path: Path

    def read(self) -> list[Fault]:
        """Return the faults that have yet to happen.

        Raises ValueError for a file of another form.
        """
        try:
            text = self.path.read_text()
        except FileNotFoundError:
            return []
        try:
            return [Fault(**fields) for fields in json.loads(text)]
        except (TypeError, ValueError, re.error) as error:
            raise ValueError(f"{self.path} holds no list of faults: {error}") from error

    def write(self, faults: Sequence[Fault]) -> None:
        """Order `faults`, instead of those that wait."""
        written = self.path.with_suffix(".new")
        written.write_text(json.dumps([asdict(fault) for fault in faults]))
        written.replace(self.path)

    def take(self, sql: str) -> list[Fault]:
        """Return the faults of this statement, which happen once less from now on."""
        waiting = self.read()
        taken = [each for each in waiting if re.search(each.statement, sql, re.IGNORECASE)]
        if taken:
            less = [replace(each, times=each.times - (each in taken)) for each in waiting]
            self.write([each for each in less if each.times > 0])
        return taken
