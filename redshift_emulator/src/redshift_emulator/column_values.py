"""Converts one column of many records at once, with the results of `redshift_emulator.values`.

Most values need no more than a look: text that fits, integers in range. Calls that loop in C look
at a whole list of them. A list that holds any other value is converted one by one.
"""

from collections.abc import Callable, Sequence
from typing import Any

from redshift_emulator.values import (
    FLOATS,
    INTEGERS,
    MAX_VARCHAR_BYTES,
    NULL,
    Column,
    Conversion,
    JsonFloat,
    converter,
)

ColumnConverter = Callable[[Sequence[object]], Sequence[str]]
# Converts values, none of them None; returns None when one of them needs more than a look.
Shortcut = Callable[[Sequence[Any]], Sequence[str] | None]

_ESCAPED = "\\\n\r\t\0"  # what a row cannot hold as it is; NUL is rejected
_MAX_BYTES_OF_CHARACTER = 4


def column_converter(column: Column, options: Conversion) -> ColumnConverter:
    """Return the function that converts a list of values to fields of COPY rows, in their order.

    A value is None or one that `converter` takes. The function raises LoadError when COPY rejects
    one of the records. Raises RedshiftError for a column type that the emulator does not load.
    """
    convert = converter(column, options)

    def one_by_one(values: Sequence[object]) -> list[str]:
        return [NULL if value is None else convert(value) for value in values]

    match column.type:
        case "varchar" | "text" if not _changes_text(options):
            return _with_shortcut(_texts(column.length or MAX_VARCHAR_BYTES), one_by_one)
        case "int2" | "int4" | "int8":
            return _with_shortcut(_integers(*INTEGERS[column.type]), one_by_one)
        case "float4" | "float8":
            return _with_shortcut(_floats(*FLOATS[column.type]), one_by_one)
    return one_by_one


def _with_shortcut(shortcut: Shortcut, one_by_one: ColumnConverter) -> ColumnConverter:
    def convert(values: Sequence[object]) -> Sequence[str]:
        present = [value for value in values if value is not None]
        fields = shortcut(present) if present else None
        if fields is None:
            return one_by_one(values)
        if len(present) == len(values):
            return fields
        following = iter(fields).__next__
        return [NULL if value is None else following() for value in values]

    return convert


def _changes_text(options: Conversion) -> bool:
    changes_blanks = options.blanks_as_null or options.empty_as_null or options.trim_blanks
    return changes_blanks or options.replacement is not None


def _texts(limit: int) -> Shortcut:
    def convert(texts: Sequence[Any]) -> Sequence[str] | None:
        try:
            together = "".join(texts)
        except TypeError:  # not all of them are text
            return None
        if any(character in together for character in _ESCAPED):
            return None
        if together.isascii():
            return texts if max(map(len, texts)) <= limit else None
        try:
            together.encode()
        except UnicodeEncodeError:
            return None
        long = (text for text in texts if len(text) * _MAX_BYTES_OF_CHARACTER > limit)
        return texts if all(len(text.encode()) <= limit for text in long) else None

    return convert


def _integers(_: str, low: int, high: int) -> Shortcut:
    def convert(numbers: Sequence[Any]) -> Sequence[str] | None:
        if set(map(type, numbers)) == {int} and low <= min(numbers) and max(numbers) <= high:
            return list(map(str, numbers))
        return None

    return convert


def _floats(_: str, least: float, greatest: float) -> Shortcut:
    def convert(numbers: Sequence[Any]) -> Sequence[str] | None:
        if not set(map(type, numbers)) <= {int, JsonFloat}:
            return None
        texts = list(map(str, numbers))  # float() refuses integers that are too large
        sizes = list(map(abs, map(float, texts)))
        return texts if least <= min(sizes) and max(sizes) <= greatest else None

    return convert
