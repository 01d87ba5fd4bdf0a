"""The error that every part of the emulator raises and wire.py sends to the client."""

from dataclasses import dataclass


@dataclass
class RedshiftError(Exception):
    """What Redshift would answer instead of a result.

    `sqlstate` is the five-character code. `message`, `detail` and `hint` are Redshift's own texts.
    The code that raises the error names the AWS page of the rule.
    """

    sqlstate: str
    message: str
    detail: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        return self.message
