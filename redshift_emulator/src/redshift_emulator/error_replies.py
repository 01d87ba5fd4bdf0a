"""ErrorResponse messages in Redshift's wording."""

import re

from redshift_emulator.errors import RedshiftError
from redshift_emulator.postgres import error_fields, message

TOO_LONG = ("22001", "Value too long for character type")

REWORDED: tuple[tuple[str, str, str, str], ...] = (
    # PostgreSQL's SQLSTATE and a pattern for its text, then Redshift's SQLSTATE and text.
    ("22001", r"value too long for type", *TOO_LONG),
    ("23514", r"violates check constraint \"byte_length", *TOO_LONG),
    (
        "23502",
        r'null value in column "([^"]*)".*',
        "23502",
        r"Cannot insert a NULL value into column \1",
    ),
    ("28P01", r"(password authentication failed.*)", "28000", r"\1"),
    (
        "428C9",
        r"non-DEFAULT value|only be updated to DEFAULT",
        "0A000",
        "cannot set an identity column to a value",
    ),
    (
        "42P16",
        r"cannot drop columns from view",
        "42P16",
        "cannot change number of columns in view",
    ),
    (
        "42883",
        r"operator does not exist: (?:bytea ([+&|#]) bytea|(~) bytea)",
        "0A000",
        r"The emulator does not support the operator \1\2 of VARBYTE",
    ),
    ("22P02", r"^invalid input syntax for type (.*)", "22P02", r"invalid input syntax for \1"),
)
"""Errors that the two word differently; every other text passes unchanged."""

SPELT: tuple[tuple[str, str, str], ...] = (
    # PostgreSQL's SQLSTATE, a pattern for part of its message or hint, and Redshift's spelling.
    ("42883", r"\b(public|redshift)\.", ""),
    ("42883", r"\bunknown\b", '"unknown"'),
    ("42883", r"\bbytea\b", "binary varying"),
    ("42883", r"\bmight need\b", "may need"),
)
"""Errors in which the two differ by a word or two."""

_KEPT = "SCMDH"


def error_reply(error: RedshiftError, severity: str = "ERROR") -> bytes:
    """Build the ErrorResponse for an error that the emulator itself raises."""
    return _reply(
        {"S": severity, "C": error.sqlstate, "M": error.message, "D": error.detail, "H": error.hint}
    )


def information(text: str) -> bytes:
    """Build a NoticeResponse of severity INFO."""
    return message(b"N", f"SINFO\0C00000\0M{text}\0\0".encode())


def reworded(body: bytes) -> bytes:
    """Build Redshift's ErrorResponse from PostgreSQL's.

    The position and PostgreSQL's source locations are left out, since they refer to the translated
    statement.
    """
    fields: dict[str, str | None] = {**error_fields(body)}
    for sqlstate, pattern, new_sqlstate, new_text in REWORDED:
        found = re.search(pattern, fields["M"] or "") if fields["C"] == sqlstate else None
        if found:
            fields |= {"C": new_sqlstate, "M": found.expand(new_text), "D": None, "H": None}
            break
    for sqlstate, pattern, spelling in SPELT:
        if fields["C"] == sqlstate:
            fields |= {
                kind: re.sub(pattern, spelling, fields[kind] or "")
                for kind in "MH"
                if kind in fields
            }
    return _reply(fields)


def _reply(fields: dict[str, str | None]) -> bytes:
    parts = (f"{name}{fields[name]}\0" for name in _KEPT if fields.get(name))
    return message(b"E", "".join(parts).encode() + b"\0")
