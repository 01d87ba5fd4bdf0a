"""What ends a load, and whether trying again may help."""

import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from logging import WARNING, Logger

import tenacity
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from redshift_connector.error import Error as RedshiftError

from include.load.audit import Rejection

ATTEMPTS = 4
ERRORS_SPELLED_OUT = 5

# SQLSTATE classes and codes: lost connection, conflict, too few resources, lock, shutdown.
PASSING_STATES = ("08", "40", "53", "55P03", "57P")
# Redshift gives most failures the code XX000 and says what happened in the text.
PASSING_TEXTS = re.compile(
    r"SlowDown|InternalError|ServiceUnavailable|RequestTimeout|S3CurlException|Connection reset"
    r"|ExpiredToken"
    r"|\b1023\b|Serializable isolation violation|conflict with concurrent transaction"
    r"|could not open relation with OID|deadlock detected"
)
# What the driver says of a server without TLS, and of one that is not whom it should be.
TLS_REFUSALS = ("Server refuses SSL", "CERTIFICATE_VERIFY_FAILED")
PASSING_S3_CODES = {
    *("SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "503"),
    "ExpiredToken",  # the next attempt of the task takes new ones
}


class LoadError(Exception):
    """A load that was given up; trying it again without a change will not help."""


class PartitionError(LoadError):
    """A partition whose objects are at fault; others may be loaded.

    `rejections` are the refused lines, of which the message spells out the first ones.
    """

    def __init__(self, summary: str, advice: str, rejections: Sequence[Rejection] = ()) -> None:
        super().__init__(summary, advice, rejections)
        self.summary = summary
        self.advice = advice
        self.rejections = rejections

    def __str__(self) -> str:
        first = [f"\n  {each}" for each in self.rejections[:ERRORS_SPELLED_OUT]]
        heading = " The first ones:" if first else ""
        return f"{self.summary}.{heading}{''.join(first)}\n{self.advice}"


class TransientError(Exception):
    """A load that was given up; trying it again may help."""


def attempts(log: Logger) -> tenacity.Retrying:
    """Return up to four attempts at some work; only a TransientError leads to the next one.

    Between them are random pauses of up to 30 s. The last attempt's error is raised.
    """
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(TransientError),
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_random_exponential(max=30),
        before_sleep=tenacity.before_sleep_log(log, WARNING),
        reraise=True,
    )


@contextmanager
def attempting(action: str) -> Iterator[None]:
    """Name the `action` in what Redshift or S3 answers; raise LoadError or TransientError."""
    try:
        yield
    except (RedshiftError, BotoCoreError, ClientError, OSError, struct.error) as error:
        kind = TransientError if may_pass(error) else LoadError
        raise kind(f"{action} failed: {server_message(error)}") from error


def may_pass(error: Exception) -> bool:
    """Whether the same may succeed when it is tried again."""
    fields = server_fields(error)
    if fields:
        return fields.get("C", "").startswith(PASSING_STATES) or bool(
            PASSING_TEXTS.search(server_message(error))
        )
    if isinstance(error, ClientError):
        return error.response["Error"].get("Code") in PASSING_S3_CODES
    # Without an answer of the server, the connection was lost.
    return not (
        isinstance(error, NoCredentialsError) or any(text in str(error) for text in TLS_REFUSALS)
    )


def server_message(error: Exception) -> str:
    """Return the server's own words."""
    return server_fields(error).get("M") or str(error) or type(error).__name__


def server_fields(error: Exception) -> dict[str, str]:
    """Return the fields of the server's answer (PostgreSQL, error and notice message fields)."""
    fields = error.args[0] if error.args else None
    return fields if isinstance(error, RedshiftError) and isinstance(fields, dict) else {}
