"""Columns converted at once: the same fields and refusals as one value after the other."""

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from redshift_emulator.column_values import column_converter
from redshift_emulator.values import NULL, Column, Conversion, JsonFloat, LoadError, converter

COLUMNS = [
    Column("text", "varchar", 8),
    Column("long", "varchar", 65535),
    Column("small", "int2"),
    Column("big", "int8"),
    Column("real", "float4"),
    Column("double", "float8"),
    Column("char", "bpchar", 8),
    Column("flag", "bool"),
]
OPTIONS = [
    Conversion(),
    Conversion(replacement="?"),
    Conversion(empty_as_null=True),
    Conversion(trim_blanks=True, truncate=True),
]
VALUE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**16), 2**16),
    st.sampled_from([2**15 - 1, 2**15, 2**63, -(2**63), 10**400]),
    st.floats(allow_nan=False, allow_infinity=False).map(repr).map(JsonFloat),
    st.sampled_from(["0.0", "-0.0", "1E400", "1e-400", "3.4e39", "1e-39", "5.0"]).map(JsonFloat),
    st.text(max_size=9),
    st.sampled_from(
        ["", " ", "12", "\\N", "a\tb", "\0", "\ud800", "\udcff", "\ufdd0", "éééé", "ééééé"]
    ),
)
# Mixed values seldom take the shortcut, so lists of one kind are drawn too.
VALUES = st.one_of(
    st.lists(VALUE, max_size=5),
    st.lists(st.one_of(st.none(), st.text("aé😀\\", max_size=5)), max_size=5),
    st.lists(st.one_of(st.none(), st.integers(2**15 - 3, 2**15)), max_size=5),
    st.lists(st.floats(-1e39, 1e39).map(repr).map(JsonFloat), max_size=5),
)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
@given(values=VALUES)
@example(values=[None])
@example(values=["é" * 4, None])
@example(values=["é" * 5])
def test_values_are_converted_alike_at_once_and_one_by_one(
    column: Column, options: Conversion, values: list[object]
) -> None:
    convert = converter(column, options)
    at_once: object = LoadError
    one_by_one: object = LoadError
    with suppress(LoadError):
        at_once = list(column_converter(column, options)(values))
    with suppress(LoadError):
        one_by_one = [NULL if value is None else convert(value) for value in values]
    assert at_once == one_by_one
