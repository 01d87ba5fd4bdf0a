"""Single fields: the value that COPY stores, or the code and text of its error."""

import pytest

from redshift_emulator.errors import RedshiftError
from redshift_emulator.values import (
    NULL,
    Column,
    Conversion,
    JsonFloat,
    LoadError,
    converter,
    json_text,
)

DEFAULT = Conversion()


def column(type_name: str, length: int = 0, scale: int = 0) -> Column:
    return Column("c", type_name, length, scale)


@pytest.mark.parametrize(
    ("target", "value", "stored"),
    [
        (column("int2"), "-32768", "-32768"),
        (column("int4"), 7, "7"),
        (column("int4"), "", NULL),
        (column("int4"), "  ", NULL),
        (column("int8"), JsonFloat("1540919166796.0"), "1540919166796"),
        (column("int4"), JsonFloat("1e3"), "1000"),
        (column("float8"), JsonFloat("277.89016"), "277.89016"),
        (column("float8"), 12, "12"),
        (column("float8"), "1.5E-3", "1.5E-3"),
        (column("numeric", 8, 2), "20.259", "20.25"),
        (column("numeric", 8, 2), JsonFloat("-20.259"), "-20.25"),
        (column("numeric", 8, 2), "1e3", "1000.00"),
        (column("numeric", 3, 0), 999, "999"),
        (column("bool"), True, "t"),
        (column("bool"), "No", "f"),
        (column("bool"), 1, "t"),
        (column("varchar", 10), "", ""),
        (column("varchar", 10), "a\tb\\c\n", "a\\tb\\\\c\\n"),
        (column("varchar", 10), JsonFloat("1.50"), "1.50"),
        (column("varchar", 10), 311, "311"),
        (column("varchar", 10), True, "true"),
        (
            column("varchar", 30),
            {"id": 1, "b": [None, JsonFloat("2.0")]},
            '{"id":1,"b":[null,2.0]}',
        ),
        (column("varchar", 4), "éé", "éé"),
        (column("bpchar", 2), "F ", "F "),
        (column("date"), "2018-11-01", "2018-11-01"),
        (column("timestamp"), "2018-11-01 21:57:10.796", "2018-11-01 21:57:10.796000"),
        (column("timestamptz"), "2018-11-01 21:57:10-08:00", "2018-11-01 21:57:10-08:00"),
        (column("timestamptz"), "2018-11-01 21:57:10", "2018-11-01 21:57:10+00:00"),
        (column("time"), "21:57:10.5", "21:57:10.500000"),
        (column("timetz"), "21:57:10+02", "21:57:10+02:00"),
    ],
)
def test_value_is_stored(target: Column, value: object, stored: str) -> None:
    assert converter(target, DEFAULT)(value) == stored


@pytest.mark.parametrize(
    ("target", "value", "code", "reason"),
    [
        (column("int4"), "a", 1207, "Invalid digit, Value 'a', Pos 0, Type: Integer"),
        (column("int8"), "20200407.0", 1207, "Invalid digit, Value '.', Pos 8, Type: Long"),
        (column("int4"), JsonFloat("3.5"), 1207, "Invalid digit, Value '.', Pos 1, Type: Integer"),
        (column("int4"), True, 1207, "Invalid digit, Value 't', Pos 0, Type: Integer"),
        (column("int2"), 32768, 1222, "Overflow (Short valid range -32768 to 32767)"),
        (column("float8"), "NaN", 1207, "Invalid digit, Value 'N', Pos 0, Type: Double"),
        (column("float8"), "1e999", 1204, "Overflow for Double"),
        (column("float8"), "-1e-999", 1204, "Underflow for Double"),
        (column("float8"), "2.33125e-315", 1204, "Underflow for Double"),
        (column("float4"), "1e39", 1204, "Overflow for Float"),
        (column("float4"), "1e-46", 1204, "Underflow for Float"),
        (column("numeric", 5, 2), "1000", 1204, "Overflow for NUMERIC(5,2)"),
        (column("numeric", 5, 2), "1e99999", 1204, "Overflow for NUMERIC(5,2)"),
        (column("numeric", 5, 2), "1,5", 1207, "Invalid digit, Value ',', Pos 1, Type: Decimal"),
        (column("bool"), "maybe", 1210, "Unknown boolean format"),
        (column("varchar", 3), "éé", 1204, "String length exceeds DDL length"),
        (column("bpchar", 1), "FM", 1204, "Char length exceeds DDL length"),
        (
            column("bpchar", 9),
            "é",
            1220,
            "Multibyte character not supported for CHAR (Hint: try using VARCHAR). "
            "Invalid char: c3 a9",
        ),
        (
            column("varchar", 9),
            b"ab\xff".decode("utf-8", "surrogateescape"),
            1220,
            "String contains invalid or unsupported UTF8 codepoints. "
            "Bad UTF8 hex sequence: ff (error 3)",
        ),
        (
            column("varchar", 9),
            b"\xe2".decode("utf-8", "surrogateescape") + "\ud83d",
            1220,
            "String contains invalid or unsupported UTF8 codepoints. "
            "Bad UTF8 hex sequence: e2 ed (error 4)",
        ),
        (
            column("bpchar", 9),
            "\ud800",
            1220,
            "Multibyte character not supported for CHAR (Hint: try using VARCHAR). "
            "Invalid char: ed a0 80",
        ),
        (
            column("varchar", 9),
            "\ud800",
            1220,
            "String contains invalid or unsupported UTF8 codepoints. "
            "Bad UTF8 hex sequence: ed a0 80 (error 5)",
        ),
        (
            column("varchar", 9),
            "a\0b",
            1220,
            "String contains invalid or unsupported UTF8 codepoints. "
            "Bad UTF8 hex sequence: 00 (error 3)",
        ),
        (column("date"), "1.11.2018", 1205, "Invalid Date Format - length must be 10 or more"),
        (column("date"), "2018-02-30", 1205, "Invalid date format or value [YYYY-MM-DD]"),
        (column("time"), "25:00:00", 1206, "Invalid time format or value [HH24:MI:SS]"),
        (
            column("timestamp"),
            "2018-11-01T21:57:10Z",
            1206,
            "Invalid timestamp format or value [YYYY-MM-DD HH24:MI:SS]",
        ),
    ],
)
def test_value_is_rejected(target: Column, value: object, code: int, reason: str) -> None:
    with pytest.raises(LoadError) as rejection:
        converter(target, DEFAULT)(value)
    assert (rejection.value.code, rejection.value.reason) == (code, reason)


@pytest.mark.parametrize(
    ("options", "target", "value", "stored"),
    [
        (Conversion(truncate=True), column("varchar", 3), "éé", "é"),
        (Conversion(truncate=True), column("bpchar", 1), "FM", "F"),
        (Conversion(blanks_as_null=True), column("varchar", 3), "  ", NULL),
        (Conversion(blanks_as_null=True), column("varchar", 3), "", NULL),
        (Conversion(empty_as_null=True), column("varchar", 3), "", NULL),
        (Conversion(empty_as_null=True), column("varchar", 3), " ", " "),
        (Conversion(trim_blanks=True), column("varchar", 3), " a  ", " a"),
        (Conversion(round_decimals=True), column("numeric", 8, 2), "20.259", "20.26"),
        (Conversion(replacement="^"), column("varchar", 9), "a\udcff\udcfeb", "a^^b"),
        (Conversion(replacement="?"), column("varchar", 9), "\ud800", "???"),
        (Conversion(replacement="?"), column("varchar", 9), "\ufffe|\U0001ffff", "???|????"),
        (Conversion(), column("varchar", 9), "\ufffe", "\ufffe"),
        (Conversion(accept_any_date=True), column("date"), "00/00/00", NULL),
        (Conversion(date_format="MM/DD/YY"), column("date"), "11/01/18", "2018-11-01"),
        (Conversion(date_format="auto"), column("date"), "01 Nov 2018", "2018-11-01"),
        (
            Conversion(time_format="DD.MM.YYYY HH12:MI:SS AM"),
            column("timestamp"),
            "01.11.2018 09:57:10 pm",
            "2018-11-01 21:57:10",
        ),
        (
            Conversion(time_format="epochmillisecs"),
            column("timestamp"),
            1541105830796,
            "2018-11-01 20:57:10.796000",
        ),
        (
            Conversion(time_format="epochmillisecs"),
            column("timestamp"),
            JsonFloat("1540919166796.0"),
            "2018-10-30 17:06:06.796000",
        ),
        (Conversion(time_format="epochsecs"), column("timestamp"), "0", "1970-01-01 00:00:00"),
        (
            Conversion(time_format="auto"),
            column("timestamp"),
            "2018-11-01T20:57:10.796Z",
            "2018-11-01 20:57:10.796000",
        ),
        (
            Conversion(time_format="auto"),
            column("timestamptz"),
            "2018-11-01 20:57:10-08",
            "2018-11-01 20:57:10-08:00",
        ),
    ],
)
def test_conversion_parameter_changes_what_is_stored(
    options: Conversion, target: Column, value: object, stored: str
) -> None:
    assert converter(target, options)(value) == stored


def test_column_type_that_copy_cannot_load_is_refused() -> None:
    with pytest.raises(
        RedshiftError, match="The emulator does not support COPY into a column of type VARBYTE"
    ):
        converter(column("bytea"), DEFAULT)


def test_json_text_keeps_numbers_and_escapes_strings() -> None:
    value = {'a"': ["\n\\\x01é", True, None, 10**20, JsonFloat("1.10")]}
    assert json_text(value) == '{"a\\"":["\\n\\\\\\u0001é",true,null,100000000000000000000,1.10]}'
