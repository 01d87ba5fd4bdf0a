"""Converts a loaded value to a field of PostgreSQL's text COPY, with the checks of Redshift's COPY.

Rules and codes: Data conversion parameters, Load error reference, Multibyte character load errors
and DATEFORMAT and TIMEFORMAT strings (AWS Database Developer Guide).
"""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from redshift_emulator.errors import RedshiftError

NULL = "\\N"
MAX_VARCHAR_BYTES = 65535


class JsonFloat(str):
    """A JSON number with a fraction or an exponent, as written."""

    __slots__ = ()


@dataclass
class LoadError(Exception):
    """The reason for rejecting a record: `code` and `reason` go to stl_load_errors."""

    code: int
    reason: str


@dataclass(frozen=True)
class Column:
    """A target column. `length` is bytes for text types, the precision for numeric."""

    name: str
    type: str
    length: int = 0
    scale: int = 0
    not_null: bool = False


@dataclass(frozen=True)
class Conversion:
    """COPY's data conversion parameters. `replacement` is the character of ACCEPTINVCHARS."""

    date_format: str = "YYYY-MM-DD"
    time_format: str | None = None
    accept_any_date: bool = False
    replacement: str | None = None
    blanks_as_null: bool = False
    empty_as_null: bool = False
    trim_blanks: bool = False
    truncate: bool = False
    round_decimals: bool = False


Converter = Callable[[object], str]


def converter(column: Column, options: Conversion) -> Converter:
    """Return the function that converts a value, never None, to a field of a COPY row.

    A value is a str or a parsed JSON value: int, JsonFloat, bool, dict, list. The function returns
    NULL when COPY loads null, and raises LoadError when COPY rejects the record. Raises
    RedshiftError for a column type that the emulator does not load.
    """
    match column.type:
        case "varchar" | "text":
            return _varchar(column.length or MAX_VARCHAR_BYTES, options)
        case "bpchar":
            return _char(column.length or 1, options)
        case "int2" | "int4" | "int8":
            return _integer(*INTEGERS[column.type])
        case "float4" | "float8":
            return _float(*FLOATS[column.type])
        case "numeric":
            return _numeric(column.length or 18, column.scale, options.round_decimals)
        case "bool":
            return _boolean
        case "date":
            return _date(options)
        case "timestamp":
            return _timestamp(options, zoned=False)
        case "timestamptz":
            return _timestamp(options, zoned=True)
        case "time":
            return _time(zoned=False)
        case "timetz":
            return _time(zoned=True)
    name = "VARBYTE" if column.type == "bytea" else column.type
    raise RedshiftError("0A000", f"The emulator does not support COPY into a column of type {name}")


def text_of(value: object) -> str:
    """Return `value` as text for a VARCHAR column."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case _:
            return json_text(value)


def json_text(value: object) -> str:
    """Write a JSON value compactly, with its numbers as they were read."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | JsonFloat():
            return str(value)
        case str():
            return _quoted(value)
        case list():
            return "[" + ",".join(map(json_text, value)) + "]"
        case dict():
            members = (f"{_quoted(key)}:{json_text(member)}" for key, member in value.items())
            return "{" + ",".join(members) + "}"
    raise TypeError(value)


_JSON_ESCAPES = {code: f"\\u{code:04x}" for code in range(32)} | {
    ord('"'): '\\"',
    ord("\\"): "\\\\",
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): "\\t",
}


def _quoted(text: str) -> str:
    return f'"{text.translate(_JSON_ESCAPES)}"'


# Text

_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def escape(text: str) -> str:
    """Escape `text` for PostgreSQL's text COPY."""
    return text.translate(_ESCAPES)


def _varchar(limit: int, options: Conversion) -> Converter:
    def convert(value: object) -> str:
        text = _text_or_null(value, options)
        if text is None:
            return NULL
        if options.trim_blanks:
            text = text.rstrip()
        encoded = _utf8(text, options.replacement)
        if len(encoded) > limit:
            if not options.truncate:
                raise LoadError(1204, "String length exceeds DDL length")
            encoded = encoded[:limit]
        return escape(encoded.decode("utf-8", "ignore"))

    return convert


def _char(limit: int, options: Conversion) -> Converter:
    def convert(value: object) -> str:
        text = _text_or_null(value, options)
        if text is None:
            return NULL
        if not text.isascii():
            wide = next(char for char in text if not char.isascii())
            raise LoadError(
                1220,
                "Multibyte character not supported for CHAR (Hint: try using VARCHAR). "
                f"Invalid char: {_raw(wide).hex(' ')}",
            )
        if len(text.rstrip(" ")) > limit and not options.truncate:
            raise LoadError(1204, "Char length exceeds DDL length")
        return escape(_utf8(text, None).decode()[:limit])

    return convert


def _text_or_null(value: object, options: Conversion) -> str | None:
    text = text_of(value)
    if options.empty_as_null and not text:
        return None
    if options.blanks_as_null and not text.strip():
        return None
    return text


_NONCHARACTERS = "\ufdd0-\ufdef" + "".join(
    chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF)
)
_INVALID = re.compile(f"[\0\ud800-\udfff{_NONCHARACTERS}]")
is_invalid = _INVALID.search
"""Find what ACCEPTINVCHARS replaces in a text column, even noncharacters, which load without it."""


def _utf8(text: str, replacement: str | None) -> bytes:
    """Encode `text`; reject or replace each invalid byte, lone surrogates and NUL among them."""
    if replacement is not None:
        return _INVALID.sub(lambda found: replacement * len(_raw(found[0])), text).encode()
    try:
        encoded = text.encode()
    except UnicodeEncodeError as error:
        bad = text[error.start]
        if _is_byte(bad):
            raw = b"".join(map(_raw, text[error.start : error.start + 4]))
            raise LoadError(1220, _invalid_utf8(*_broken_sequence(raw))) from None
        raise LoadError(1220, _invalid_utf8(_raw(bad), 5)) from None
    if b"\0" in encoded:
        raise LoadError(1220, _invalid_utf8(b"\0", 3))
    return encoded


def _is_byte(char: str) -> bool:
    """Tell whether surrogateescape made the character of a byte that it could not decode."""
    return "\udc80" <= char <= "\udcff"


def _raw(char: str) -> bytes:
    """Return the bytes of any character, even of a lone surrogate."""
    return char.encode("utf-8", "surrogateescape" if _is_byte(char) else "surrogatepass")


def _broken_sequence(raw: bytes) -> tuple[bytes, int]:
    """Return the first invalid byte sequence of `raw` and COPY's number for the error."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        if error.reason == "invalid start byte":
            return raw[error.start : error.start + 1], 3
        return raw[error.start : error.end + 1], 2 if "end of data" in error.reason else 4
    return raw, 1


def _invalid_utf8(raw: bytes, fault: int) -> str:
    return (
        "String contains invalid or unsupported UTF8 codepoints. "
        f"Bad UTF8 hex sequence: {raw.hex(' ')} (error {fault})"
    )


# Numbers

# Each type's name in errors, its least and its greatest value
INTEGERS = {
    "int2": ("Short", -(2**15), 2**15 - 1),
    "int4": ("Integer", -(2**31), 2**31 - 1),
    "int8": ("Long", -(2**63), 2**63 - 1),
}
# The same of normal numbers above 0: a cluster takes no smaller one, unless it is 0.
FLOATS = {
    "float4": ("Float", 2.0**-126, (2 - 2.0**-23) * 2.0**127),
    "float8": ("Double", sys.float_info.min, sys.float_info.max),
}
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_SIGN = re.compile(r"[+-]?")


def _invalid_digit(text: str, valid: int, type_name: str) -> LoadError:
    value = text[valid] if valid < len(text) else " "
    return LoadError(1207, f"Invalid digit, Value '{value}', Pos {valid}, Type: {type_name}")


def _valid_length(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.match(text) or _SIGN.match(text)
    return found.end() if found else 0


def _integer(type_name: str, low: int, high: int) -> Converter:
    def convert(value: object) -> str:
        if type(value) is int:
            number = value
        else:
            text = text_of(value)
            if not text.strip():
                return NULL
            if isinstance(value, JsonFloat):
                text = _whole(text)
            if not _INTEGER.fullmatch(text):
                raise _invalid_digit(text, _valid_length(_INTEGER, text), type_name)
            number = int(text)
        if not low <= number <= high:
            raise LoadError(1222, f"Overflow ({type_name} valid range {low} to {high})")
        return str(number)

    return convert


def _whole(text: str) -> str:
    """Drop the fraction of a JSON number when it is zero: 1540919166796.0 is an integer.

    COPY reads JSON numbers as numbers, so BIGINT columns accept them. In text and CSV the point is
    only a character, so COPY rejects them there.
    """
    number = Decimal(text)
    if number.adjusted() < 20 and number == number.to_integral_value():
        return str(int(number))
    return text


def _float(type_name: str, least: float, greatest: float) -> Converter:
    def convert(value: object) -> str:
        text = str(value) if value.__class__ is int else text_of(value)
        if _FLOAT.fullmatch(text):
            size = abs(float(text))
            if size > greatest:
                raise LoadError(1204, f"Overflow for {type_name}")
            if size < least and (size or Decimal(text)):
                raise LoadError(1204, f"Underflow for {type_name}")
            return text
        if not text.strip():
            return NULL
        raise _invalid_digit(text, _valid_length(_FLOAT, text), type_name)

    return convert


def _numeric(precision: int, scale: int, rounds: bool) -> Converter:
    unit = Decimal(1).scaleb(-scale)
    limit = Decimal(10) ** (precision - scale)
    rounding = ROUND_HALF_UP if rounds else ROUND_DOWN

    def convert(value: object) -> str:
        text = str(value) if value.__class__ is int else text_of(value)
        if not text.strip():
            return NULL
        if not _FLOAT.fullmatch(text):
            raise _invalid_digit(text, _valid_length(_FLOAT, text), "Decimal")
        number = Decimal(text)
        if number.adjusted() < precision:
            number = number.quantize(unit, rounding)
        if abs(number) >= limit:
            raise LoadError(1204, f"Overflow for NUMERIC({precision},{scale})")
        return f"{number:f}"

    return convert


_BOOLEANS = {
    **dict.fromkeys(("1", "t", "true", "y", "yes"), "t"),
    **dict.fromkeys(("0", "f", "false", "n", "no"), "f"),
}


def _boolean(value: object) -> str:
    text = text_of(value)
    if not text.strip():
        return NULL
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise LoadError(1210, "Unknown boolean format") from None


# Dates and times

_PARTS = {
    "YYYY": r"(?P<year>\d{4})",
    "YY": r"(?P<short_year>\d{2})",
    "MON": r"(?P<month_name>[A-Za-z]{3})",
    "MM": r"(?P<month>\d{1,2})",
    "DD": r"(?P<day>\d{1,2})",
    "HH24": r"(?P<hour>\d{1,2})",
    "HH12": r"(?P<hour>\d{1,2})",
    "HH": r"(?P<hour>\d{1,2})",
    "MI": r"(?P<minute>\d{2})",
    "SS": r"(?P<second>\d{2})(?:\.(?P<fraction>\d{1,6})\d*)?",
    "AM": r"(?P<half>[AaPp][Mm])",
    "PM": r"(?P<half>[AaPp][Mm])",
}
_PART = re.compile("|".join(sorted(_PARTS, key=len, reverse=True)), re.IGNORECASE)
_ZONE = r"(?: ?(?P<zone>[Zz]|UTC|[+-]\d{2}(?::?\d{2})?))?"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIMESTAMP_FORMAT = "YYYY-MM-DD HH24:MI:SS"
# The formats of "Using automatic recognition" that have a year
_DATES = ("YYYY-MM-DD", "YYYY/MM/DD", "MM/DD/YYYY", "DD.MM.YYYY", "DD MON YYYY", "YYYYMMDD")
_TIMES = (" HH24:MI:SS", "THH24:MI:SS", " HH24:MI", " HH24MISS", "")
_OTHERS = ("MON-DD-YYYY", "DD-MON-YYYY", "DD MON HH24:MI:SS YYYY")
_AUTOMATIC = (*(date + time for date in _DATES for time in _TIMES), *_OTHERS)
_EPOCHS = {"epochsecs": 1, "epochmillisecs": 1000}


def _pattern(time_format: str, zoned: bool) -> re.Pattern[str]:
    expression, end = "", 0
    for part in _PART.finditer(time_format):
        expression += re.escape(time_format[end : part.start()]) + _PARTS[part[0].upper()]
        end = part.end()
    expression += re.escape(time_format[end:])
    return re.compile(expression + (_ZONE if zoned else ""), re.ASCII)


def _parse(patterns: tuple[re.Pattern[str], ...], text: str) -> datetime | None:
    """Return the date and time in `text`, with its time zone if it has one, or None."""
    for pattern in patterns:
        if found := pattern.fullmatch(text):
            try:
                return _moment(found.groupdict())
            except ValueError:
                continue
    return None


def _moment(parts: dict[str, str | None]) -> datetime:
    year = int(parts.get("year") or 1)
    if short := parts.get("short_year"):
        year = int(short) + (1900 if int(short) >= 70 else 2000)
    month = int(parts.get("month") or 1)
    if name := parts.get("month_name"):
        month = _MONTHS.index(name.lower()) + 1
    hour = int(parts.get("hour") or 0)
    if half := parts.get("half"):
        hour = hour % 12 + (12 if half.lower() == "pm" else 0)
    moment = datetime(
        year,
        month,
        int(parts.get("day") or 1),
        hour,
        int(parts.get("minute") or 0),
        int(parts.get("second") or 0),
        int((parts.get("fraction") or "0").ljust(6, "0")),
    )
    zone = parts.get("zone")
    if zone and zone[0] in "+-":
        hours, minutes = int(zone[1:3]), int(zone[-2:] if len(zone) > 3 else 0)
        offset = timedelta(hours=hours, minutes=minutes)
        return moment.replace(tzinfo=timezone(offset if zone[0] == "+" else -offset))
    return moment.replace(tzinfo=UTC) if zone else moment


def _date(options: Conversion) -> Converter:
    automatic = options.date_format == "auto"
    formats = _AUTOMATIC if automatic else (options.date_format,)
    patterns = tuple(_pattern(each, zoned=automatic) for each in formats)

    def convert(value: object) -> str:
        text = text_of(value)
        if not text.strip():
            return NULL
        if moment := _parse(patterns, text):
            return moment.date().isoformat()
        if options.accept_any_date:
            return NULL
        if len(text) < 10 and options.date_format == "YYYY-MM-DD":
            raise LoadError(1205, "Invalid Date Format - length must be 10 or more")
        raise LoadError(1205, f"Invalid date format or value [{options.date_format}]")

    return convert


def _timestamp(options: Conversion, *, zoned: bool) -> Converter:
    time_format = options.time_format or _TIMESTAMP_FORMAT
    ticks = _EPOCHS.get(time_format)
    automatic = time_format == "auto"
    has_zone = automatic or (zoned and options.time_format is None)
    formats = _AUTOMATIC if automatic else (time_format,)
    patterns = () if ticks else tuple(_pattern(each, has_zone) for each in formats)

    def convert(value: object) -> str:
        text = str(value) if value.__class__ is int else text_of(value)
        if not text.strip():
            return NULL
        moment = _epoch(text, ticks) if ticks else _parse(patterns, text)
        if moment is None:
            if options.accept_any_date:
                return NULL
            raise LoadError(1206, f"Invalid timestamp format or value [{time_format}]")
        if not zoned:
            return moment.replace(tzinfo=None).isoformat(" ")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat(" ")

    return convert


def _time(*, zoned: bool) -> Converter:
    patterns = (_pattern("HH24:MI:SS", zoned),)

    def convert(value: object) -> str:
        text = text_of(value)
        if not text.strip():
            return NULL
        if moment := _parse(patterns, text):
            return moment.timetz().isoformat()
        raise LoadError(1206, "Invalid time format or value [HH24:MI:SS]")

    return convert


def _epoch(text: str, ticks: int) -> datetime | None:
    if not _FLOAT.fullmatch(text):
        return None
    try:
        microseconds = int(Decimal(text) * (1_000_000 // ticks))
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    except (ArithmeticError, ValueError):
        return None
