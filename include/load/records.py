"""What the objects themselves say: JSON records by line, their keys, the shape of a file."""

import json
import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from itertools import islice

from include.load.partitions import Partition
from include.load.source import Source

SAMPLE_BYTES = 64 * 1024
LONGEST_RECORD = 4 * 1024 * 1024  # of a JSON object: "Copying from JSON format"
LOOK_AHEAD = 64 * 1024

_decoder = json.JSONDecoder()
_record_start = re.compile(r"^[ \t]*(?=[{\[])", re.MULTILINE)

# How a file begins that is no text, and what it is then
SIGNATURES = {
    b"\x1f\x8b": "a gzip file: unpack it, or load it with the COPY option gzip",
    b"BZh": "a bzip2 file: unpack it, or load it with the COPY option bzip2",
    b"\x28\xb5\x2f\xfd": "a zstd file: unpack it, or load it with the COPY option zstd",
    b"PK\x03\x04": "a zip file: unpack it",
    b"PAR1": "a Parquet file",
    b"\xff\xfe": "UTF-16 text: COPY reads UTF-8",
    b"\xfe\xff": "UTF-16 text: COPY reads UTF-8",
    b"[": "one JSON array: COPY reads one object after the other, without brackets around them",
    b"<": "XML or HTML",
}


def json_records(text: str) -> Iterator[tuple[int, int, object]]:
    """Yield (start, end, value) of each JSON object or array that begins a line."""
    position = 0
    while found := _record_start.search(text, position):
        try:
            value, position = _decoder.raw_decode(text, found.end())
        except (ValueError, RecursionError):
            position = found.end() + 1
        else:
            yield found.end(), position, value


def sample_keys(
    source: Source, bucket: str, partition: Partition, compression: str = ""
) -> set[str]:
    """Return the keys of the JSON objects at the start of the partition's first and last file."""
    files = [item for item in partition.objects if item.size]
    keys: set[str] = set()
    for item in {file.key: file for file in (files[:1] + files[-1:])}.values():
        start = source.read_start(bucket, item.key, SAMPLE_BYTES, compression)
        text = start.decode(errors="replace")
        for _, _, value in json_records(text):
            if isinstance(value, dict):
                keys.update(value)
    return keys


def describe_shape(start: bytes) -> str | None:
    """Return what a file is that begins so and is no series of JSON objects, or None."""
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"{"):
        return "UTF-16 text: COPY reads UTF-8" if b"\0" in text[:4] else None
    for signature, description in SIGNATURES.items():
        if text.startswith(signature):
            return description
    return "not JSON: COPY reads one object after the other"


def records_at(lines: Iterable[bytes], numbers: Collection[int]) -> dict[int, str]:
    """Return, for each of these line numbers (from 1), the text of the record that stands there.

    A record over several lines counts as one and is whole; what is no JSON counts line by line.
    """
    found: dict[int, str] = {}
    numbered = enumerate((line.decode(errors="replace") for line in lines), start=1)
    behind: deque[str] = deque()
    size = 0
    ahead: deque[tuple[int, str]] = deque()
    last = max(numbers)
    while ahead or (ahead := deque(islice(numbered, 1))):
        number, line = ahead.popleft()
        if number in numbers:
            if is_object(line):
                found[number] = line
            else:
                ahead.extend(take(numbered, LOOK_AHEAD - sum(len(text) for _, text in ahead)))
                found[number] = record_around(behind, line, [text for _, text in ahead])
        if number == last:
            break
        behind.append(line)
        size += len(line)
        while size > LONGEST_RECORD:
            size -= len(behind.popleft())
    return found


def record_around(before: Iterable[str], line: str, after: Iterable[str]) -> str:
    """Return the JSON record that `line` is a part of, or the line itself."""
    head = "".join(f"{text}\n" for text in before)
    text = "\n".join([head + line, *after])
    for start, end, _ in json_records(text):
        if start > len(head) + len(line):
            break
        if end > len(head):
            return text[start:end]
    return line


def is_object(line: str) -> bool:
    """Whether the line is one whole JSON object."""
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def take(lines: Iterator[tuple[int, str]], characters: int) -> Iterator[tuple[int, str]]:
    """Yield lines until they have as many characters."""
    while characters > 0 and (line := next(lines, None)):
        characters -= len(line[1]) + 1
        yield line
