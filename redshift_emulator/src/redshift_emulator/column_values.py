"""Converts one column of many records at once, with the results of `redshift_emulator.values`.

Most values need no more than a look: text that fits, integers in range. Calls that loop in C look
at a whole list of them. A list that holds any other value is converted one by one.
"""

from collections.abc import Callable, Sequence
from types import NoneType
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
            return _with_shortcut({str}, _texts(column.length or MAX_VARCHAR_BYTES), one_by_one)
        case "int2" | "int4" | "int8":
            return _with_shortcut({int}, _integers(*INTEGERS[column.type]), one_by_one)
        case "float4" | "float8":
            return _with_shortcut({int, JsonFloat}, _floats(*FLOATS[column.type]), one_by_one)
    return one_by_one


def _with_shortcut(
    classes: set[type], shortcut: Shortcut, one_by_one: ColumnConverter
) -> ColumnConverter:
    def convert(values: Sequence[object]) -> Sequence[str]:
        found = set(map(type, values))
        has_none = NoneType in found
        found.discard(NoneType)
        if not found or not found <= classes:
            return one_by_one(values)
        present = [value for value in values if value is not None] if has_none else values
        fields = shortcut(present)
        if fields is None:
            return one_by_one(values)
        if has_none:
            following = iter(fields)
            return [NULL if value is None else next(following) for value in values]
        return fields

    return convert


def _changes_text(options: Conversion) -> bool:
    changes_blanks = options.blanks_as_null or options.empty_as_null or options.trim_blanks
    return changes_blanks or options.replacement is not None


def _texts(limit: int) -> Shortcut:
    def convert(texts: Sequence[str]) -> Sequence[str] | None:
        together = "".join(texts)
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
    def convert(numbers: Sequence[int]) -> Sequence[str] | None:
        if low <= min(numbers) and max(numbers) <= high:
            return list(map(str, numbers))
        return None

    return convert


def _floats(_: str, least: float, greatest: float) -> Shortcut:
    def convert(numbers: Sequence[int | JsonFloat]) -> Sequence[str] | None:
        texts = list(map(str, numbers))
        sizes = list(map(abs, map(float, texts)))
        return texts if least <= min(sizes) and max(sizes) <= greatest else None

    return convert
