"""Records in S3: read whole, by line number; and the format of a file that has none."""

import gzip
import json

import pytest

from include.load.records import describe_shape, records_at

PRETTY = json.dumps({"a": {"b": [1, 2]}, "c": "}"}, indent=2)


def at(text: str, *numbers: int) -> dict[int, str]:
    return records_at(text.encode().split(b"\n"), set(numbers))


def test_a_record_of_one_line_is_its_line() -> None:
    text = '{"a": 1}\n{"a": 2}\n{broken\n{"a": 3}'
    assert at(text, 1, 3, 4) == {1: '{"a": 1}', 3: "{broken", 4: '{"a": 3}'}


def test_a_record_over_several_lines_is_whole_wherever_it_is_reported() -> None:
    lines = PRETTY.count("\n") + 1
    text = "\n".join(['{"a": 0}', PRETTY, PRETTY, '{"a": 2}'])
    for number in range(2, 2 + lines):
        assert at(text, number) == {number: PRETTY}
    both = at(text, 1 + lines, 1 + 2 * lines)
    assert both == {1 + lines: PRETTY, 1 + 2 * lines: PRETTY}


def test_an_array_is_one_record() -> None:
    text = '[\n{"a": 1},\n{"a": 2}\n]'
    assert at(text, 4) == {4: text}


def test_text_that_is_not_json_is_read_line_by_line() -> None:
    assert at("# Logs\n\nhas {logs} in [json].\n", 1, 3) == {
        1: "# Logs",
        3: "has {logs} in [json].",
    }


def test_a_line_after_the_last_has_no_record() -> None:
    assert at('{"a": 1}', 2) == {}


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (b'{"a": 1}', None),
        (b'\xef\xbb\xbf {"a": 1}', None),
        (b'[{"a": 1}]', "one JSON array"),
        (gzip.compress(b"{}", mtime=0), "gzip"),
        ('{"a": 1}'.encode("utf-16"), "UTF-16"),
        ('{"a": 1}'.encode("utf-16-le"), "UTF-16"),
        (b"<html>", "XML"),
        (b"# Logs", "not JSON"),
        (b"PAR1", "Parquet"),
    ],
)
def test_a_file_of_another_format_is_named(start: bytes, expected: str | None) -> None:
    found = describe_shape(start)
    assert found is None if expected is None else expected in str(found)
