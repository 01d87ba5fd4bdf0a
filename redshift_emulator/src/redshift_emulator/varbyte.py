"""VARBYTE on the wire: bytea sent with Redshift's type code, as bare hexadecimal digits.

Rule: VARBYTE type (AWS Database Developer Guide); redshift_connector maps the type code.
"""

import struct

from redshift_emulator.postgres import message

_VARBYTE, _BYTEA = 6551, 17
_FIELD = struct.Struct("!IhIhih")
_PREFIX = b"\\x"


def described(body: bytes) -> tuple[bytes, frozenset[int]]:
    """Return a RowDescription with Redshift's type code, and the positions of VARBYTE columns."""
    parts = [body[:2]]
    columns = set()
    at = 2
    for position in range(int.from_bytes(body[:2], "big")):
        end = body.index(0, at)
        name = body[at:end]
        table, attribute, code, *rest = _FIELD.unpack_from(body, end + 1)
        if code == _BYTEA:
            code = _VARBYTE
            columns.add(position)
            # PostgreSQL names a cast without an alias after its type.
            name = b"varbyte" if name == b"bytea" and not table else name
        parts += (name, b"\0", _FIELD.pack(table, attribute, code, *rest))
        at = end + 1 + _FIELD.size
    return message(b"T", b"".join(parts)), frozenset(columns)


def parameters(body: bytes) -> bytes:
    """Return a ParameterDescription with Redshift's type code."""
    return message(b"t", _recoded(body, _BYTEA, _VARBYTE))


def parsed(types: bytes) -> bytes:
    """Return the parameter types of a Parse with PostgreSQL's type code."""
    return _recoded(types, _VARBYTE, _BYTEA)


def _recoded(types: bytes, old: int, new: int) -> bytes:
    (count,) = struct.unpack_from("!h", types)
    codes = struct.unpack_from(f"!{count}I", types, 2)
    return struct.pack(f"!h{count}I", count, *(new if code == old else code for code in codes))


def sent_as_text(columns: frozenset[int], formats: bytes) -> frozenset[int]:
    """Return the columns that a Bind with these result formats requests as text."""
    (count,) = struct.unpack_from("!h", formats)
    codes = struct.unpack_from(f"!{count}h", formats, 2)
    if count > 1:
        return frozenset(column for column in columns if column < count and not codes[column])
    return frozenset() if codes == (1,) else columns


def row_of_digits(body: bytes, columns: frozenset[int]) -> bytes:
    """Return a DataRow with PostgreSQL's prefix removed from these columns."""
    parts = [body[:2]]
    at = 2
    for position in range(int.from_bytes(body[:2], "big")):
        end = at + 4 + max(int.from_bytes(body[at : at + 4], "big", signed=True), 0)
        if position in columns and body.startswith(_PREFIX, at + 4):
            digits = body[at + 4 + len(_PREFIX) : end]
            parts += (len(digits).to_bytes(4, "big"), digits)
        else:
            parts.append(body[at:end])
        at = end
    return message(b"D", b"".join(parts))
