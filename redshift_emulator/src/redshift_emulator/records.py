"""Readers that split one object into records: JSON, CSV and delimited text, in constant memory.

A reader yields batches of records, whose values `redshift_emulator.values` converts. Decoding
keeps invalid UTF-8 as lone surrogates: it is checked later, and only where it matters, in text.
Rules: Data format parameters, COPY from JSON format (AWS Database Developer Guide).
"""

import csv
import io
import json
import re
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import IO, NamedTuple, NoReturn

import msgspec
from msgspec.structs import astuple

from redshift_emulator.errors import RedshiftError
from redshift_emulator.values import JsonFloat, LoadError

MAX_RECORD = 4 * 1024 * 1024
MAX_KEYS = 1600  # that a decoder is made for; a table has no more columns
CHUNK_BYTES = 1024 * 1024
BATCH_CHARACTERS, BATCH_RECORDS = 64 * 1024, 500  # whichever comes first

csv.field_size_limit(MAX_RECORD)


class Record(NamedTuple):
    """One record: `line` is its last line, from 1; `values` has one entry per target column.

    `values` is a LoadError instead when the record cannot be read.
    """

    line: int
    raw: str
    values: Sequence[object] | LoadError


class Batch(NamedTuple):
    """Records that follow each other: the values of all; `records` can be read once."""

    values: Sequence[Sequence[object] | LoadError]
    records: Iterable[Record]


Reader = Callable[[IO[bytes]], Iterator[Batch]]


def _in_batches(pieces: Iterable[Record | Batch]) -> Iterator[Batch]:
    """Gather single records; those before a fault come first, as they may end the load."""
    records: list[Record] = []
    size = 0

    def gathered() -> Batch:
        return Batch([record.values for record in records], records)

    try:
        for piece in pieces:
            if isinstance(piece, Record):
                records.append(piece)
                size += len(piece.raw)
            is_full = size >= BATCH_CHARACTERS or len(records) >= BATCH_RECORDS
            if records and (is_full or isinstance(piece, Batch)):
                yield gathered()
                records, size = [], 0
            if isinstance(piece, Batch):
                yield piece
    except Exception:
        yield gathered()
        raise
    yield gathered()


# JSON


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


_decoder = json.JSONDecoder(parse_float=JsonFloat, parse_constant=_no_constant)
_line_decoder = msgspec.json.Decoder(float_hook=JsonFloat)
_not_blank = re.compile(r"[^ \t\n\r]").search
_record_start = re.compile(r"\n(?=[{\[])")


class Mapping:
    """Selects one value per column from a JSON value.

    `select` raises LoadError for a value of a shape that COPY rejects.
    """

    def __init__(self, select: Callable[[object], Sequence[object]]) -> None:
        self.select = select

    def select_each(self, lines: list[str]) -> list[Sequence[object]]:
        """Select from lines that are one JSON value each.

        Raises LoadError like `select`, and what msgspec raises when it cannot decode a line.
        """
        return list(map(self.select, map(_line_decoder.decode, lines)))


class AutoMapping(Mapping):
    """Maps the keys of each object to column names: 'auto' and 'auto ignorecase'.

    Where case is ignored, the last of an object's keys that are alike counts. Lines whose keys
    were all seen before are decoded to tuples, without a dictionary for each.
    """

    def __init__(self, columns: list[str], *, ignore_case: bool) -> None:
        super().__init__(self._select)
        self._fold = str.lower if ignore_case else str
        self._columns = list(map(self._fold, columns))
        self._seen: set[str] = set()
        self._decoder: msgspec.json.Decoder[msgspec.Struct] | None = None

    def _select(self, value: object) -> list[object]:
        if not isinstance(value, dict):
            raise LoadError(1216, "Invalid JSONPath format: Member is not an object.")
        if not self._seen.issuperset(value) and len(self._seen) < MAX_KEYS:
            self._seen.update(value)
            self._decoder = self._decoder_of_seen()
        values = {self._fold(key): item for key, item in value.items()}
        return list(map(values.get, self._columns))

    def select_each(self, lines: list[str]) -> list[Sequence[object]]:
        """Select from lines that are one JSON value each; raises what Mapping raises."""
        if self._decoder:
            objects = map(astuple, map(self._decoder.decode, lines))
            with suppress(msgspec.ValidationError):  # a new key, or no object
                return [values[: len(self._columns)] for values in objects]
        return super().select_each(lines)

    def _decoder_of_seen(self) -> msgspec.json.Decoder[msgspec.Struct] | None:
        """Return a decoder of objects with no key but those seen, and one of those alike.

        Its fields begin with the columns. Return None for keys that msgspec does not take.
        """
        by_column = {self._fold(key): key for key in self._seen}
        keys = [by_column.get(column, column) for column in self._columns]
        keys += [key for key in self._seen if self._fold(key) not in self._columns]
        fields = {f"field{number}": key for number, key in enumerate(keys)}
        try:
            objects = msgspec.defstruct(
                "Object",
                [(field, object, None) for field in fields],
                rename=fields,
                forbid_unknown_fields=True,
                gc=False,
            )
        except ValueError:
            return None
        return msgspec.json.Decoder(objects, float_hook=JsonFloat)


def json_reader(mapping: Mapping, skipped_lines: int = 0, encoding: str = "utf-8") -> Reader:
    """Read a sequence of objects or arrays, with or without white space between them.

    A malformed line is one error, however many malformed pieces it has.
    """

    def read(stream: IO[bytes]) -> Iterator[Record | Batch]:
        decode = getincrementaldecoder(encoding)("surrogateescape").decode
        text, position, line, final = "", 0, 1, False
        malformed_line = 0
        to_skip = skipped_lines
        while not final:
            chunk = stream.read(CHUNK_BYTES)
            final = not chunk
            text, position = text[position:] + decode(chunk, final), 0
            while to_skip and (end := text.find("\n", position) + 1):
                position, line, to_skip = end, line + 1, to_skip - 1
            if to_skip:
                continue
            tried = 0  # up to here, the text was tried as lines of one record each
            while found := _not_blank(text, position):
                start = found.start()
                line += text.count("\n", position, start)
                position = start
                if start >= tried:
                    tried = _end_of_lines(text, start)
                    if tried == len(text) <= start + BATCH_CHARACTERS and not final:
                        break  # the line may go on
                    if batch := _batch_of_lines(text[start:tried], line, mapping):
                        yield batch
                        position, line = tried, line + len(batch.values) - 1
                        continue
                values: Sequence[object] | LoadError
                malformed = False
                try:
                    value, end = _decoder.raw_decode(text, start)
                    if end - start > MAX_RECORD:
                        raise LoadError(1216, f"JSON object exceeds the max size of {MAX_RECORD}")
                    values = mapping.select(value)
                except LoadError as error:
                    values = error
                except (ValueError, RecursionError) as error:
                    end = _end_of_malformed(text, start, error, final)
                    if not end:
                        break
                    values, malformed = LoadError(1216, "Invalid value."), True
                line += text.count("\n", start, end)
                position = end
                if malformed:
                    if line == malformed_line:
                        continue
                    malformed_line = line
                yield Record(line, text[start:end], values)

    return lambda stream: _in_batches(read(stream))


def _end_of_lines(text: str, start: int) -> int:
    """Return the end of some lines from `start` on, or of one that is long."""
    end = text.rfind("\n", start, start + BATCH_CHARACTERS)
    if end < 0:
        end = text.find("\n", start)
    return len(text) if end < 0 else end


def _batch_of_lines(text: str, line: int, mapping: Mapping) -> Batch | None:
    """Read lines that are one record each, the first of number `line`; return None for others.

    msgspec takes a fraction of the time of Python's decoder, and no JSON that this one refuses.
    """
    if len(text) > BATCH_CHARACTERS:
        return None
    lines = text.split("\n")
    try:
        values = mapping.select_each(lines)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError, LoadError):
        return None
    return Batch(values, map(Record, count(line), map(str.strip, lines), values))


def _end_of_malformed(text: str, start: int, error: Exception, final: bool) -> int:
    """Return the end of the malformed record at `start`, or 0 when more text may complete it.

    Reading continues at the next line, or, behind an object over several lines, at the next one
    that opens with a brace or bracket. So a malformed line or object costs one record, whole.
    """
    fault = error.pos if isinstance(error, json.JSONDecodeError) else start
    end_of_line = text.find("\n", fault)
    more_may_come = not final and len(text) - start <= MAX_RECORD
    if end_of_line < 0:
        if more_may_come:
            return 0
        end_of_line = len(text)
    if text[start] not in "{[":
        return end_of_line
    if boundary := _record_start.search(text, start, fault + 1):
        return boundary.start()
    if "\n" not in text[start:fault]:
        return end_of_line
    if boundary := _record_start.search(text, fault):
        return boundary.start()
    return 0 if more_may_come else len(text)


_STEP = re.compile(r"\.([^.'\[\]]+)|\['((?:[^'\\]|\\.)+)'\]|\[(\d+)\]")
Path = tuple[str | int, ...]


def jsonpaths_mapping(document: bytes, columns: list[str]) -> Mapping:
    """Select values with the expressions of a JSONPaths file, one per column, in column order.

    Falls back to 'auto' when the object has no key "jsonpaths". Raises RedshiftError for a file
    that COPY refuses.
    """
    try:
        content = json.loads(document)
    except ValueError:
        raise RedshiftError(
            "XX000", "Invalid JSONPath format: the file is not a valid JSON object."
        ) from None
    if not isinstance(content, dict):
        raise RedshiftError("XX000", "Invalid JSONPath format: Member is not an object.")
    if "jsonpaths" not in content:
        return AutoMapping(columns, ignore_case=False)
    expressions = content["jsonpaths"]
    if not isinstance(expressions, list):
        raise RedshiftError("XX000", "Invalid JSONPath format: Not an array.")
    paths = [_path(expression) for expression in expressions]
    if len(paths) != len(columns):
        raise RedshiftError(
            "XX000",
            "Number of jsonpaths and the number of columns should match. "
            f"JSONPath size: {len(paths)}, "
            f"Number of columns in table or column list: {len(columns)}",
        )
    if any(len(path) > 1 or isinstance(path[0], int) for path in paths):
        return Mapping(lambda value: [_follow(value, path) for path in paths])
    keys = [str(path[0]) for path in paths]
    return Mapping(
        lambda value: (
            list(map(value.get, keys))
            if isinstance(value, dict)
            else [_follow(value, path) for path in paths]
        )
    )


def _path(expression: object) -> Path:
    if not isinstance(expression, str) or not expression.startswith("$"):
        raise RedshiftError("XX000", f"Invalid JSONPath format: {expression}")
    steps, position = list(_STEP.finditer(expression, 1)), 1
    for step in steps:
        if step.start() != position:
            break
        position = step.end()
    notations = {step.lastindex for step in steps} - {3}
    if position != len(expression) or len(notations) > 1 or not steps:
        raise RedshiftError("XX000", f"Invalid JSONPath format: {expression}")
    return tuple(int(step[3]) if step[3] else step[1] or step[2] for step in steps)


def _follow(value: object, path: Path) -> object:
    for step in path:
        if value is None:
            return None
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                raise LoadError(
                    1216, "Invalid JSONPath format: Not an array or index out of range."
                )
            value = value[step]
        else:
            if not isinstance(value, dict):
                raise LoadError(1216, "Invalid JSONPath format: Member is not an object.")
            value = value.get(step)
    return value


# Text


@dataclass(frozen=True)
class TextFormat:
    """The format of CSV or delimited text. `quote` is None for delimited text."""

    columns: int
    delimiter: str = "|"
    quote: str | None = None
    escapes: bool = False
    removes_quotes: bool = False
    null: str = "\\N"
    fills: bool = False
    ignores_blank_lines: bool = False
    skipped_lines: int = 0
    encoding: str = "utf-8"


def text_reader(form: TextFormat) -> Reader:
    """Read one record per line, or per several lines when the line ends are quoted or escaped."""
    split = _csv_records if form.quote else _delimited_records

    def read(stream: IO[bytes]) -> Iterator[Record]:
        text = io.TextIOWrapper(stream, form.encoding, "surrogateescape", newline="\n")
        lines = iter(lambda: text.readline(MAX_RECORD), "")
        for _ in range(form.skipped_lines):
            next(lines, None)
        for line, raw, fields in split(lines, form):
            if form.ignores_blank_lines and raw in ("\n", "\r\n"):
                continue
            values = fields if isinstance(fields, LoadError) else _arrange(fields, form)
            yield Record(line + form.skipped_lines, raw.rstrip("\r\n"), values)

    return lambda stream: _in_batches(read(stream))


Split = tuple[int, str, list[str] | LoadError]


def _csv_records(lines: Iterator[str], form: TextFormat) -> Iterator[Split]:
    raw: list[str] = []

    def remembered() -> Iterator[str]:
        for line in lines:
            raw.append(line)
            yield line

    assert form.quote
    quote, delimiter = re.escape(form.quote), re.escape(form.delimiter)
    field = f"(?: *{quote}(?:[^{quote}]++|{quote}{quote})*+{quote}|[^{quote}{delimiter}]*+)"
    well_formed = re.compile(f"{field}(?:{delimiter}{field})*+").fullmatch
    reader = csv.reader(
        remembered(), delimiter=form.delimiter, quotechar=form.quote, skipinitialspace=True
    )
    while True:
        fields: list[str] | LoadError
        try:
            fields = next(reader) or [""]
        except StopIteration:
            return
        except csv.Error:
            fields = LoadError(1216, "Invalid input line.")
        text = "".join(raw)
        if form.quote in text and not well_formed(text.rstrip("\r\n")):
            fields = LoadError(1214, "Invalid quote formatting for CSV")
        yield reader.line_num, text, fields
        raw.clear()


def _delimited_records(lines: Iterator[str], form: TextFormat) -> Iterator[Split]:
    quotes = "'\"" if form.removes_quotes else ""
    number = 0
    for raw in lines:
        number += 1
        if form.escapes:
            while _ends_escaped(raw) and (continued := next(lines, "")):
                raw += continued
                number += 1
        body = raw.rstrip("\n").removesuffix("\r")
        if not (quotes or form.escapes):
            yield number, raw, body.split(form.delimiter)
            continue
        try:
            yield number, raw, _split_fields(body, form, quotes)
        except LoadError as error:
            yield number, raw, error


def _ends_escaped(line: str) -> bool:
    body = line.removesuffix("\n")
    return line.endswith("\n") and (len(body) - len(body.rstrip("\\"))) % 2 == 1


def _split_fields(line: str, form: TextFormat, quotes: str) -> list[str]:
    """Split at delimiters that are neither escaped nor quoted; drop escapes and quotes."""
    fields, field, quote, start, characters = [], "", "", True, iter(line)
    for char in characters:
        if form.escapes and char == "\\":
            following = next(characters, "")
            null = start and form.null == "\\N" and following == "N"
            field += "\\N" if null else following
        elif quote:
            field, quote = (field, "") if char == quote else (field + char, quote)
        elif start and char in quotes:
            quote = char
        elif char == form.delimiter:
            fields.append(field)
            field, start = "", True
            continue
        else:
            field += char
        start = False
    if quote:
        raise LoadError(1214, "Delimited value missing end quote")
    return [*fields, field]


def _arrange(fields: list[str], form: TextFormat) -> list[object] | LoadError:
    """Fit `fields` to the columns; a field that equals NULL AS becomes null."""
    if len(fields) == form.columns + 1 and not fields[-1] and form.quote is None:
        fields.pop()  # a delimiter may also end the line
    if len(fields) > form.columns:
        return LoadError(1202, "Extra column(s) found")
    if len(fields) < form.columns:
        if not form.fills:
            return LoadError(1214, "Delimiter not found")
        fields = fields + [""] * (form.columns - len(fields))
    null = form.null
    return [None if field == null else field for field in fields]


def field_position(raw: str, index: int, form: TextFormat) -> int:
    """Return the byte offset in `raw` where field `index` (from 0) begins."""
    quoted, escaped, fields = "", False, 0
    quotes = form.quote or ("'\"" if form.removes_quotes else "")
    for offset, char in enumerate(raw):
        if fields == index:
            return len(raw[:offset].encode("utf-8", "surrogatepass"))
        if escaped:
            escaped = False
        elif form.escapes and char == "\\":
            escaped = True
        elif quoted:
            quoted = "" if char == quoted else quoted
        elif char in quotes:
            quoted = char
        elif char == form.delimiter:
            fields += 1
    return len(raw.encode("utf-8", "surrogatepass"))
