"""The error that every part of the emulator raises and the wire sends to the client."""

from dataclasses import dataclass


@dataclass
class RedshiftError(Exception):
    """What Redshift would answer instead of a result.

    `sqlstate` is the five-character code, `message`, `detail` and `hint` are the texts that
    Redshift itself gives; the part that raises it names the AWS page of the rule.
    """

    sqlstate: str
    message: str
    detail: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        return self.message
