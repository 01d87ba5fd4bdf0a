"""Splitting bytes into records: start, last line, and the cost of a malformed record."""

import io
import json
from collections.abc import Sequence
from typing import IO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from redshift_emulator import records
from redshift_emulator.errors import RedshiftError
from redshift_emulator.records import (
    MAX_RECORD,
    AutoMapping,
    Mapping,
    Reader,
    Record,
    TextFormat,
    field_position,
    json_reader,
    jsonpaths_mapping,
    text_reader,
)
from redshift_emulator.values import LoadError

AB = AutoMapping(["a", "b"], ignore_case=False)


class OneByteAtATime(io.BytesIO):
    """The worst network: each read returns a single byte."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(1)


def read(reader: Reader, data: bytes) -> list[tuple[int, object]]:
    """Return the line and values of each record, or its error code if it is rejected."""
    return [
        (line, values.code if isinstance(values, LoadError) else list(values))
        for line, _, values in records_of(reader, io.BytesIO(data))
    ]


def records_of(reader: Reader, stream: IO[bytes]) -> list[Record]:
    """Return all records of a stream, their values as lists."""
    return [
        Record(line, raw, list(values) if isinstance(values, Sequence) else values)
        for batch in reader(stream)
        for line, raw, values in batch.records
    ]


@pytest.mark.parametrize("stream", [io.BytesIO, OneByteAtATime])
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a":1}\n{"b":"x"}', [(1, [1, None]), (2, [None, "x"])]),
        (b'{"a":1}{"a":2} {"a":3}', [(1, [1, None]), (1, [2, None]), (1, [3, None])]),
        (b'\n\n{\n "a": 1,\n "b": {"c": []}\n}\n{"a":2}', [(6, [1, {"c": []}]), (7, [2, None])]),
        (b'{"a":"\\ud83d\\ude00 \\u00e9 \\/"}', [(1, ["😀 é /", None])]),
        ('{"a":"é😀"}'.encode(), [(1, ["é😀", None])]),
        (b'{"a":1.50,"b":1540919166796.0}', [(1, ["1.50", "1540919166796.0"])]),
        (b"", []),
        (b" \r\n\t", []),
    ],
)
def test_json_objects_are_found_in_any_layout(
    stream: type[io.BytesIO], data: bytes, expected: list[object]
) -> None:
    found = [(line, values) for line, _, values in records_of(json_reader(AB), stream(data))]
    assert found == expected


@pytest.mark.parametrize("stream", [io.BytesIO, OneByteAtATime])
@pytest.mark.parametrize(
    ("broken", "rejected"),
    [
        (b"not json", 1),
        (b'{"a":1', 1),
        (b'{"a":"unterminated', 1),
        (b'{"a":1,"b":', 1),
        (b'{"a":[', 1),
        (b'{"a":tru}', 1),
        (b'{"a":NaN}', 1),
        (b"{'a':1}", 1),
        (b'{"a":1,}', 1),
        (b'{"a":1},', 1),
        (b"oops\nagain", 2),
        (b"\x1f\x8b{\x00[}\x08", 1),
        (b'\xef\xbb\xbf{"a":1}', 1),
        (b'x {"a":1}{"a":2}', 1),
    ],
)
def test_malformed_line_costs_exactly_one_record(
    stream: type[io.BytesIO], broken: bytes, rejected: int
) -> None:
    data = b'{"a":0}\n' + broken + b'\n{"a":8}\n{"a":9}\n'
    found = records_of(json_reader(AB), stream(data))
    loaded = [record.values for record in found if not isinstance(record.values, LoadError)]
    assert loaded[0] == [0, None]
    assert loaded[-2:] == [[8, None], [9, None]]
    assert [record.line for record in found][-2:] == [2 + rejected, 3 + rejected]
    if broken[:1] not in b"{[":
        assert len(loaded) == 3  # nothing behind the fault is read
    errors = [record for record in found if isinstance(record.values, LoadError)]
    assert len(errors) == rejected
    assert {error.values.code for error in errors if isinstance(error.values, LoadError)} == {1216}


def test_malformed_object_over_several_lines_is_one_rejection() -> None:
    data = b'{\n "a": 1\n "b": [{}]\n}\n{"a":3}'
    assert read(json_reader(AB), data) == [(4, 1216), (5, [3, None])]


def test_json_object_over_four_megabytes_is_rejected() -> None:
    data = json.dumps({"a": "x" * MAX_RECORD}).encode() + b'\n{"a":1}'
    assert read(json_reader(AB), data) == [(1, 1216), (2, [1, None])]


GOOD = [
    *["-0", "7", "1.50", "1E5", "1e400", "-1.2e-2", "12345678901234567890", "1" * 30],
    *["true", "null", "[ ]", '{"b":{},"a":[1,2.0],"b":[]}'],
    *['"é 😀"', '"\x7f\\u0000\\/"', '"\\ud83d\\ude00"'],
]
BAD = [
    *["01", "+1", "1.", "-", "1,", "NaN", "-Infinity", "1" * 5000],
    *["tru", "}", "{}{}", "", " ", "\r", "\ufeff", "[" * 2000],
    *['"', '"\\ud83d"', '"\\x"', '"\x01"', '"\t"', '"\0"', '"\ud800"', '"\udcff"'],
]
LINE = st.sampled_from(
    [
        *['{"a":%s}', '{"b":3,"A":%s}', '{"a":1,"A":%s,"a":2}', ' {"B":1,"c": %s}\r'],
        *['{"a":[%s,2]}{}', "[%s]", "%s", "{%s}", '{"\\u0061":%s,"\\"":3}', '{"\\ud800":%s}'],
    ]
)


@given(
    st.lists(st.builds(str.__mod__, LINE, st.sampled_from(GOOD + BAD))).map("\n".join),
    st.booleans(),
    st.sampled_from([2, records.MAX_KEYS]),
)
@example('{"a":1.50}\r\n{"a":-0,"b":18446744073709551616}\n', False, 2)
@example('{"a":1}{"b":2}\n{"a":3}', False, 2)
def test_lines_are_read_alike_at_once_and_one_by_one(
    text: str, ignore_case: bool, max_keys: int
) -> None:
    data = text.encode("utf-8", "surrogatepass")
    mapping = AutoMapping(["a", "b"], ignore_case=ignore_case)

    def read_with(limit: int) -> list[Record]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(records, "BATCH_CHARACTERS", limit)
            patch.setattr(records, "MAX_KEYS", max_keys)
            return records_of(json_reader(mapping), io.BytesIO(data))

    at_once = read_with(records.BATCH_CHARACTERS)
    once_more = read_with(20)  # with the keys that it has seen, a line or two at a time
    one_by_one = read_with(0)
    assert repr(at_once) == repr(once_more) == repr(one_by_one)


def test_json_header_lines_are_skipped() -> None:
    assert read(json_reader(AB, skipped_lines=2), b'x\n{"a":0}\n{"a":1}') == [(3, [1, None])]


def test_auto_matches_names_case_sensitively_unless_ignorecase() -> None:
    data = b'{"userId":"39","userid":"40"}\n{"USERID":"41"}'
    exact = AutoMapping(["userid"], ignore_case=False)
    ignoring = AutoMapping(["userid"], ignore_case=True)
    assert read(json_reader(exact), data) == [(1, ["40"]), (2, [None])]
    assert read(json_reader(ignoring), data) == [(1, ["40"]), (2, ["41"])]


def jsonpaths(*expressions: object) -> Mapping:
    document = json.dumps({"jsonpaths": expressions}).encode()
    return jsonpaths_mapping(document, [f"c{number}" for number in range(len(expressions))])


def test_jsonpaths_reach_into_objects_and_arrays() -> None:
    data = b'{"a":{"b":[1,{"c":"x"}]},"d e":null}'
    bracket = jsonpaths("$['a']['b'][1]['c']", "$['a']['b']", "$['d e']['f']", "$['z']")
    dotted = jsonpaths("$.a.b[0]", "$.a")
    assert read(json_reader(bracket), data) == [(1, ["x", [1, {"c": "x"}], None, None])]
    assert read(json_reader(dotted), data) == [(1, [1, {"b": [1, {"c": "x"}]}])]


def test_jsonpaths_read_arrays_as_records() -> None:
    mapping = jsonpaths("$[1]", "$[0]")
    assert read(json_reader(mapping), b'[1,"x"]\n[2]') == [(1, ["x", 1]), (2, 1216)]


@pytest.mark.parametrize(
    ("expression", "data", "reason"),
    [
        ("$['a'][1]", b'{"a":[1]}', "Not an array or index out of range."),
        ("$['a'][0]", b'{"a":{}}', "Not an array or index out of range."),
        ("$['a']['b']", b'{"a":1}', "Member is not an object."),
        ("$['a']", b"[1]", "Member is not an object."),
    ],
)
def test_jsonpath_that_does_not_fit_the_data_rejects_the_record(
    expression: str, data: bytes, reason: str
) -> None:
    (record,) = records_of(json_reader(jsonpaths(expression)), io.BytesIO(data))
    assert record.values == LoadError(1216, f"Invalid JSONPath format: {reason}")


@pytest.mark.parametrize(
    "expression", ["", "a", "$", "$..a", "$['a'].b", "$.a['b']", "$['a'", "$[*]", "$[-1]", 1]
)
def test_unknown_jsonpath_syntax_is_refused(expression: object) -> None:
    with pytest.raises(RedshiftError, match="Invalid JSONPath format"):
        jsonpaths(expression)


@pytest.mark.parametrize("document", [b"", b"[]", b'{"jsonpaths": ["$.a"]} x', b'{"jsonpaths":1}'])
def test_malformed_jsonpaths_file_is_refused(document: bytes) -> None:
    with pytest.raises(RedshiftError, match="Invalid JSONPath format"):
        jsonpaths_mapping(document, ["a"])


def test_number_of_jsonpaths_must_match_the_columns() -> None:
    with pytest.raises(RedshiftError) as refusal:
        jsonpaths_mapping(b'{"jsonpaths":["$.a"]}', ["a", "b"])
    assert refusal.value.message == (
        "Number of jsonpaths and the number of columns should match. "
        "JSONPath size: 1, Number of columns in table or column list: 2"
    )


def test_object_without_a_jsonpaths_key_means_auto() -> None:
    assert jsonpaths_mapping(b'{"paths":[]}', ["a"]).select({"a": 1}) == [1]


CSV = TextFormat(2, delimiter=",", quote='"')
PIPES = TextFormat(2)


@pytest.mark.parametrize(
    ("form", "data", "expected"),
    [
        (CSV, b"1,x\r\n2,\n", [(1, ["1", "x"]), (2, ["2", ""])]),
        (CSV, b'1,"a, ""b""\nc"\n2, "y"\n', [(2, ["1", 'a, "b"\nc']), (3, ["2", "y"])]),
        (CSV, b"\\N,1", [(1, [None, "1"])]),
        (CSV, b"1\n1,2,3\n", [(1, 1214), (2, 1202)]),
        (CSV, b"1,2\n\n3,4", [(1, ["1", "2"]), (2, 1214), (3, ["3", "4"])]),
        (
            CSV,
            b'1,a"b\n2,"a"b\n3,"a\\"b"\n4,c\n',
            [*((n, 1214) for n in (1, 2, 3)), (4, ["4", "c"])],
        ),
        (CSV, b'1,"' + b"x" * 1000 + b'"" never closed\n2,y', [(2, 1214)]),
        (TextFormat(2, "|", "^"), b'1|a"b\n2|^a^^|b^\n', [(1, ["1", 'a"b']), (2, ["2", "a^|b"])]),
        (TextFormat(2, ",", "'", null="-"), b"'a,''b',-", [(1, ["a,'b", None])]),
        (PIPES, b"1|x\n2|y|\n", [(1, ["1", "x"]), (2, ["2", "y"])]),
        (PIPES, b"1|x\\\n", [(1, ["1", "x\\"])]),
        (TextFormat(2, fills=True), b"1\n", [(1, ["1", ""])]),
        (TextFormat(2, ignores_blank_lines=True), b"\n1|2\n", [(2, ["1", "2"])]),
        (TextFormat(2, skipped_lines=1), b"a|b\n1|2\n", [(2, ["1", "2"])]),
        (
            TextFormat(2, escapes=True),
            b"1|a\\|b\\\\\\\nc\n2|\\N\n",
            [(2, ["1", "a|b\\\nc"]), (3, ["2", None])],
        ),
        (
            TextFormat(2, removes_quotes=True),
            b"1|'a|b'\n\"2\"|x\n3|'y\n",
            [(1, ["1", "a|b"]), (2, ["2", "x"]), (3, 1214)],
        ),
    ],
)
def test_text_is_split_into_fields(form: TextFormat, data: bytes, expected: list[object]) -> None:
    assert read(text_reader(form), data) == expected


@pytest.mark.parametrize(
    ("form", "raw", "index", "position"),
    [
        (PIPES, "é|1|x", 1, 3),
        (CSV, '"a,b",2', 1, 6),
        (CSV, "1,2", 0, 0),
        (TextFormat(2, escapes=True), "a\\|b|2", 1, 5),
    ],
)
def test_position_is_the_byte_offset_of_the_field(
    form: TextFormat, raw: str, index: int, position: int
) -> None:
    assert field_position(raw, index, form) == position
