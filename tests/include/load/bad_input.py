"""Lines and files as no app should write them, and what must become of each.

`judge` says, without COPY and without SQL, what happens to a line: it is a row, it is rejected, or
it is quarantined for a reason. It knows the columns of `raw`, what AWS says of COPY from JSON
("COPY from JSON format", "Preparing your input data", "Load error reference", "Multibyte character
load errors") and the rules of quarantine. Where AWS says nothing (a fraction for an integer, `NaN`
in quotes), it gives no judgement: then any one fate will do.
"""

import json
import math
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.sparkify_data import event, song

ROW, REJECTED = "row", "rejected"
INTEGER, BIGINT, DOUBLE = 2**31 - 1, 2**63 - 1, math.inf
RECORD_BYTES = 4 * 1024 * 1024
BLANKS = " \t\r\n"
# From 2000-01-01 to 2100-01-01
MILLISECONDS = (946_684_800_000, 4_102_444_800_000)


class UnknownFateError(Exception):
    """AWS does not say what COPY does with such a value."""


class RejectedError(Exception):
    """COPY rejects a line with such a value."""


class Number(str):
    """A number as the line spells it."""


class Members(list[tuple[str, Any]]):
    """The members of an object, each as often as the line has it."""


# What raw keeps: the bytes of a text, the greatest integer, or DOUBLE.
EVENT_COLUMNS: dict[str, tuple[str, float]] = {
    "artist": ("text", 512),
    "auth": ("text", 32),
    "firstname": ("text", 256),
    "gender": ("text", 16),
    "iteminsession": ("integer", INTEGER),
    "lastname": ("text", 256),
    "length": ("double", DOUBLE),
    "level": ("text", 16),
    "location": ("text", 512),
    "method": ("text", 16),
    "page": ("text", 64),
    "registration": ("double", DOUBLE),
    "sessionid": ("integer", BIGINT),
    "song": ("text", 512),
    "status": ("integer", INTEGER),
    "ts": ("integer", BIGINT),
    "useragent": ("text", 1024),
    "userid": ("text", 64),
}
SONG_COLUMNS: dict[str, tuple[str, float]] = {
    "num_songs": ("integer", INTEGER),
    "artist_id": ("text", 64),
    "artist_latitude": ("double", DOUBLE),
    "artist_longitude": ("double", DOUBLE),
    "artist_location": ("text", 512),
    "artist_name": ("text", 512),
    "song_id": ("text", 64),
    "title": ("text", 512),
    "duration": ("double", DOUBLE),
    "year": ("integer", INTEGER),
}

Values = Mapping[str, Any]


def clean(text: str | None) -> str | None:
    return (text or "").strip(BLANKS) or None


def event_fault(row: Values) -> str | None:
    """Return why an event is quarantined, or None."""
    in_range = "no time in milliseconds from 2000 to 2099"
    user = clean(row["userid"])
    rules = [
        (row["ts"] is None or not is_plausible(row["ts"]), f"ts: {in_range}"),
        (
            user is not None and not re.fullmatch("[0-9]{1,18}", user),
            "userId: no number of 1 to 18 digits",
        ),
        (
            row["registration"] is not None and not is_plausible(row["registration"]),
            f"registration: {in_range}",
        ),
        (clean(row["level"]) not in ("free", "paid"), "level: neither free nor paid"),
        (clean(row["page"]) is None, "page: missing"),
        (row["sessionid"] is None, "sessionId: missing"),
        (row["iteminsession"] is None, "itemInSession: missing"),
        (
            row["length"] is not None and not 0 <= row["length"] <= 86_400,
            "length: not from 0 to 86,400 seconds",
        ),
        (
            clean(row["page"]) == "NextSong" and not (clean(row["song"]) and clean(row["artist"])),
            "song, artist: missing from a play",
        ),
    ]
    return next((reason for broken, reason in rules if broken), None)


def song_fault(row: Values) -> str | None:
    """Return why a song is quarantined, or None."""
    latitude, longitude, year = row["artist_latitude"], row["artist_longitude"], row["year"]
    rules = [
        (
            not re.fullmatch("SO[0-9A-Z]{16}", clean(row["song_id"]) or ""),
            "song_id: not SO and 16 letters or digits",
        ),
        (
            not re.fullmatch("AR[0-9A-Z]{16}", clean(row["artist_id"]) or ""),
            "artist_id: not AR and 16 letters or digits",
        ),
        (clean(row["title"]) is None, "title: missing"),
        (clean(row["artist_name"]) is None, "artist_name: missing"),
        (
            row["duration"] is None or not 0 <= row["duration"] <= 86_400,
            "duration: not from 0 to 86,400 seconds",
        ),
        (year not in (None, 0) and not 1850 <= year <= 2100, "year: not from 1850 to 2100"),
        (
            latitude is not None and not -90 <= latitude <= 90,
            "artist_latitude: not from -90 to 90",
        ),
        (
            longitude is not None and not -180 <= longitude <= 180,
            "artist_longitude: not from -180 to 180",
        ),
    ]
    return next((reason for broken, reason in rules if broken), None)


def is_plausible(epoch_ms: float) -> bool:
    return MILLISECONDS[0] <= epoch_ms < MILLISECONDS[1]


@dataclass(frozen=True)
class Kind:
    """A kind of file: how its lines are made, loaded and judged."""

    make: Callable[..., dict[str, Any]]
    columns: Mapping[str, tuple[str, float]]
    fault: Callable[[Values], str | None]
    ignores_case: bool

    def judge(self, line: bytes) -> str | None:
        """Return what becomes of a line, or None where AWS does not say."""
        text = line.decode("utf-8", "surrogateescape").strip(BLANKS)
        try:
            pairs, end = DECODER.raw_decode(text)
        except (ValueError, RecursionError):
            return REJECTED
        if not isinstance(pairs, Members) or len(line) > RECORD_BYTES:
            return REJECTED
        if self.ignores_case:
            pairs = Members((key.lower(), value) for key, value in pairs)
        value = dict(pairs)
        # different values for one column, more behind the object, bytes that are no UTF-8
        unknown = len(set(map(repr, pairs))) > len(value) or end < len(text) or not is_utf8(text)
        row = {}
        for column, (type_, limit) in self.columns.items():
            try:
                row[column] = CONVERSIONS[type_](value.get(column), limit)
            except UnknownFateError:
                unknown = True
            except RejectedError:
                return REJECTED
        return None if unknown else self.fault(row) or ROW


def refuse(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


DECODER = json.JSONDecoder(
    object_pairs_hook=Members, parse_int=Number, parse_float=Number, parse_constant=refuse
)


def is_utf8(text: str) -> bool:
    return not re.search("[\ud800-\udfff]", text)


def to_text(value: Any, limit: float) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        # so short, or long, that blanks in it do not matter
        value = json.dumps(dict(value) if isinstance(value, Members) else value)
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        raise RejectedError from error
    if "\0" in value or size > limit:
        raise RejectedError
    return str(value)


def to_integer(value: Any, limit: float) -> int | None:
    text = number_of(value)
    if text is None:
        return None
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        if isinstance(value, Number):  # a fraction or an exponent
            raise UnknownFateError
        raise RejectedError
    if not -limit - 1 <= int(text) <= limit:
        raise RejectedError
    return int(text)


def to_double(value: Any, _: float) -> float | None:
    text = number_of(value)
    if text is None:
        return None
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text):
        raise RejectedError
    number = float(text)
    if math.isinf(number):
        raise RejectedError
    if abs(number) < sys.float_info.min and re.search("[1-9]", re.split("[eE]", text)[0]):
        raise UnknownFateError  # 0 or out of range
    return number


def number_of(value: Any) -> str | None:
    """Return the text of a number, None of what loads as null."""
    if value is None or (isinstance(value, str) and not value.strip(BLANKS)):
        return None
    if not isinstance(value, str):
        raise RejectedError
    if value != value.strip() or re.fullmatch("[+-]?(nan|inf(inity)?)", value, re.IGNORECASE):
        raise UnknownFateError
    return value


CONVERSIONS: dict[str, Callable[[Any, float], Any]] = {
    "text": to_text,
    "integer": to_integer,
    "double": to_double,
}

EVENTS_FILE = Kind(event, EVENT_COLUMNS, event_fault, ignores_case=True)
SONGS_FILE = Kind(song, SONG_COLUMNS, song_fault, ignores_case=False)

NOON = 1541419200
HARD_TEXTS = (
    *("", " ", "\t", "7 ", "\n7", "007", "-7", "+7", "7.0", "1e5", "0x10", "٣", "1,000", "½"),
    *("NaN", "nan", "Infinity", "-inf", "null", "None", "true", "\\N", "\\", "\\\\", "a\\", "'"),
    *("''", "';", "\\'; drop schema raw; --", '"', '""', "$$", "%s", "%", "%%", "{{ 1 }}", "{%"),
    *("a\tb", "a\nb", "a\r\nb", "\0", "a\0b", "\ud800", "\udfff\ud800", "\ufeff", "\ufffe"),
    *("\U0001f600", "e\u0301", "\u202e", "\u2028", "Ã©", "\x85", "\x1f", "NextSong", "paid"),
)
TIMES = (
    *(NOON, NOON * 1000, NOON * 10**6, NOON * 10**9, -NOON, -NOON * 1000, 0, 1, -1),
    *(32503680000000, 253402300800000, *MILLISECONDS, MILLISECONDS[0] - 1, MILLISECONDS[1] - 1),
)
NUMBERS = st.one_of(
    st.integers(),
    st.sampled_from(
        [sign * 2**bits + more for bits in (15, 31, 63, 64) for sign in (1, -1) for more in (-1, 0)]
    ),
    st.sampled_from([*TIMES, 10**30, 1850, 2101, 86_400, 86_401, 90, -181]),
    st.floats(),
    st.sampled_from([1e308, 5e-324, float("nan"), float("-inf"), 7.0, -0.0, 1540919166796.0]),
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    NUMBERS,
    NUMBERS.map(str),
    st.text(st.characters(exclude_categories=())),
    st.sampled_from(HARD_TEXTS),
    st.sampled_from([[], {}, [1], {"a": 1}, ["x" * 2000]]),
)


@st.composite
def lines(draw: st.DrawFn, kind: Kind) -> bytes:
    """Draw a line that began as a good one: values, keys, spelling or bytes of it are changed."""
    members = list(kind.make(draw(st.integers(0, 10_000))).items())
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(members) - 1)) if members else 0
        key = members[at][0] if members else "ts"
        change = draw(st.sampled_from(["value", "width", "drop", "case", "twice", "new"]))
        if change == "value":
            members[at : at + 1] = [(key, draw(VALUES))]
        elif change == "width" and kind.columns.get(key.lower(), ("",))[0] == "text":
            letter = draw(st.sampled_from(["a", "é", "€", "😀"]))
            around = int(kind.columns[key.lower()][1]) // len(letter.encode())
            members[at : at + 1] = [(key, letter * (around + draw(st.integers(-1, 1))))]
        elif change == "drop":
            del members[at : at + 1]
        elif change == "case" and kind.ignores_case and members:
            members[at] = (key.swapcase(), members[at][1])
        elif change == "twice" and members:
            members.append(members[at])
        elif change == "new":
            members.append((draw(st.text(max_size=5)) + "_new", draw(VALUES)))
    text = spell(
        members, ascii_only=draw(st.booleans()), gap=draw(st.sampled_from(["", " ", "\t"]))
    )
    line = text.encode("utf-8", "surrogatepass")
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        at = draw(st.integers(1, len(line) - 1))
        some = draw(st.sampled_from(BYTES))
        gone = draw(st.sampled_from([0, 1, len(some)]))
        line = line[:at] + some + line[at + gone :]
    return draw(
        st.sampled_from([line] * 20 + [line[: len(line) // 2], line + b"\r", line + b" \t"])
    )


# Never a line's end, which would make it two, nor what could begin a second record in the line.
BYTES = (
    *(b"\0", b"\xff", b"\xfe", b"\x80", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80"),
    *(
        b"\xe2\x82",
        b"\xef\xbb\xbf",
        b"\\",
        b'"',
        b"'",
        b":",
        b",",
        b"\x1f\x8b",
        b"\x07",
        b"0",
        b"-",
    ),
    *(b"NaN", b"//", b"\\u0000", b"\\ud83d", b"\\x", b"1e999", b"e-999", b"\t", b" "),
)


def spell(members: list[tuple[str, Any]], *, ascii_only: bool, gap: str) -> str:
    """Write an object whose keys may repeat."""
    parts = (
        f"{json.dumps(key, ensure_ascii=ascii_only)}:{gap}"
        f"{json.dumps(value, ensure_ascii=ascii_only)}"
        for key, value in members
    )
    return "{" + f",{gap}".join(parts) + "}"


# Parts of S3 keys: what literals, patterns, URLs, templates and formats treat in a way of its own.
HARD_NAMES = (
    *(" ", "  ", "+", "%", "%20", "%2B", "%s", "%(a)s", "%%", "'", "''", "';--", '"', "\\", "\\'"),
    *("\\\\", "a\\", "_", "*", "?", "#", "&", "=", ";", ":", "@", "|", "~", "^", "`", "$", "$1"),
    *(
        "{",
        "}",
        "{{ 1 }}",
        "[",
        "]",
        "<",
        ">",
        "é",
        "e\u0301",
        "😀",
        "日本",
        "\u00a0",
        "\u2028",
        "-",
    ),
)


@st.composite
def names(draw: st.DrawFn) -> str:
    """Draw a part of a key, without slashes."""
    ordinary = st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/")
    part = st.one_of(st.sampled_from(HARD_NAMES), st.text(ordinary, max_size=3))
    return "".join(draw(st.lists(part, min_size=1, max_size=4)))
