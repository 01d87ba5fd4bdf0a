"""Anomalies of real deliveries, injected into clean files on request and reported to the caller.

An anomaly adds a line or a file, or moves or repeats a clean line; it never alters one. A pipeline
that rejects the bad lines and counts each event once therefore ends with the same events as without
anomalies. Only `integer_name` adds songs.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.events.files import EVENTS_PREFIX, json_text, write_song
from local.events.population import MAX_SONGS, Song, catalogue_id, track_id
from local.events.rng import Rng


@dataclass(frozen=True)
class Anomaly:
    """One anomaly. `line` counts from 1; it is 0 when the anomaly is the whole file."""

    kind: str
    file: str
    line: int
    what: str
    is_rejected: bool


@dataclass(frozen=True)
class Line:
    """A line of a file; `kind` and `what` are empty for a clean line."""

    text: bytes
    kind: str = ""
    what: str = ""


def _malformed(event: dict[str, Any], number: int, _rng: Rng) -> tuple[bytes, str]:
    line = json_text(event)
    faults = (
        (line.replace(":", " ", 1), "no colon after the first key"),
        (repr(event), "Python's quotes instead of JSON's"),
        (f"{line[:-1]},}}", "a comma before the closing brace"),
        ("java.lang.OutOfMemoryError: GC overhead limit exceeded", "a message instead of an event"),
    )
    text, what = faults[number % len(faults)]
    return text.encode(), what


def _truncated(event: dict[str, Any], _number: int, rng: Rng) -> tuple[bytes, str]:
    line = json_text(event)
    end = rng.between(len(line) // 4, len(line) * 3 // 4)
    return line[:end].encode(), f"cut after {end} of {len(line)} bytes"


def _wrong_type(event: dict[str, Any], number: int, _rng: Rng) -> tuple[bytes, str]:
    faults: tuple[tuple[str, str], ...] = (
        ("status", "OK"),
        ("length", "3:24"),
        ("ts", "2018-11-05T12:00:00Z"),
        ("itemInSession", "first"),
        ("registration", "yesterday"),
        ("sessionId", "none"),
    )
    field, value = faults[number % len(faults)]
    return json_text({**event, field: value}).encode(), f'{field} is "{value}"'


def _oversize(event: dict[str, Any], _number: int, _rng: Rng) -> tuple[bytes, str]:
    # fits varchar(512) in characters but not in bytes, which is what Redshift counts
    return json_text({**event, "song": "音" * 400}).encode(), "song has 400 characters, 1,200 bytes"


def _invalid_utf8(event: dict[str, Any], _number: int, _rng: Rng) -> tuple[bytes, str]:
    line = json_text({**event, "song": "Caf?"}).encode()
    return line.replace(b"Caf?", b"Caf\xe9"), "song holds the byte E9, which is not UTF-8"


_BAD_LINES: Mapping[str, Callable[[dict[str, Any], int, Rng], tuple[bytes, str]]] = {
    "malformed": _malformed,
    "truncated": _truncated,
    "wrong_type": _wrong_type,
    "oversize": _oversize,
    "invalid_utf8": _invalid_utf8,
}

KINDS: Mapping[str, str] = {
    "malformed": "a line that is not JSON",
    "truncated": "a line that was cut off",
    "wrong_type": "a string where a number belongs",
    "oversize": "more bytes than any text column holds",
    "invalid_utf8": "a byte that is not UTF-8",
    "duplicate_lines": "an event a second time in the same file",
    "duplicate_file": "a file a second time, as an editor's checkpoint",
    "late": "an event in the file of a later day",
    "empty_file": "a file of no bytes",
    "integer_name": "a song whose artist's name and place are integers",
}


def check(anomalies: Mapping[str, int]) -> None:
    """Raise ValueError for an unknown kind or a negative count."""
    for kind, count in anomalies.items():
        if kind not in KINDS:
            raise ValueError(f"unknown anomaly: {kind}; choose from {', '.join(KINDS)}")
        if count < 0:
            raise ValueError(f"{kind}: {count} is not a count")


def inject(folder: Path, anomalies: Mapping[str, int], rng: Rng) -> list[Anomaly]:
    """Inject `anomalies`, counts by kind, into the files below `folder`, and return each of them.

    Only the files that get an anomaly are read, one at a time. Raises ValueError when there are too
    few files or lines for the counts.
    """
    check(anomalies)
    files = sorted(
        path.relative_to(folder).as_posix() for path in (folder / EVENTS_PREFIX).rglob("*.json")
    )
    if not files and any(anomalies.values()):
        raise ValueError("there are no events to inject anomalies into")
    # Copies first: an editor's checkpoint shows the file as it was before the other anomalies.
    found = _duplicate_files(folder, files, anomalies.get("duplicate_file", 0), rng)
    found += _inject_into_lines(folder, files, anomalies, rng)
    found += _empty_files(folder, files, anomalies.get("empty_file", 0), rng)
    found += _integer_names(folder, anomalies.get("integer_name", 0), rng)
    return found


def _duplicate_files(folder: Path, files: list[str], count: int, rng: Rng) -> list[Anomaly]:
    if count > len(files):
        raise ValueError(f"duplicate_file: {count} requested, but there are {len(files)} files")
    found = []
    for key in sorted(rng.shuffled(files)[:count]):
        original = folder / key
        copy = original.parent / ".ipynb_checkpoints" / f"{original.stem}-checkpoint.json"
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(original.read_bytes())
        copy_key = copy.relative_to(folder).as_posix()
        found.append(Anomaly("duplicate_file", copy_key, 0, f"a copy of {key}", is_rejected=False))
    return found


def _empty_files(folder: Path, files: list[str], count: int, rng: Rng) -> list[Anomaly]:
    found = []
    for number in range(count):
        key = rng.pick(files).replace("-events", f"-events-part{number + 2}")
        (folder / key).write_bytes(b"")
        found.append(Anomaly("empty_file", key, 0, "no bytes", is_rejected=False))
    return found


def _integer_names(folder: Path, count: int, rng: Rng) -> list[Anomaly]:
    found = []
    for number in range(MAX_SONGS, MAX_SONGS + count):
        song = Song(
            track_id=track_id(number),
            artist_id=catalogue_id("AR", number),
            artist_latitude=None,
            artist_location=rng.between(10, 199),
            artist_longitude=None,
            artist_name=rng.between(10, 999),
            duration=rng.between(60_00000, 420_00000) / 100_000,
            num_songs=1,
            song_id=catalogue_id("SO", number),
            title=f"Interlude No. {rng.between(1, 99)}",
            year=0,
        )
        what = f"artist_name is {song.artist_name}, artist_location {song.artist_location}"
        found.append(
            Anomaly("integer_name", write_song(folder, song, rng), 1, what, is_rejected=False)
        )
    return found


def _inject_into_lines(
    folder: Path, files: list[str], anomalies: Mapping[str, int], rng: Rng
) -> list[Anomaly]:
    """Process the files once, in the order of days, so that late lines only move forward."""
    plan = _plan(files, anomalies, rng)
    arrivals: dict[str, list[Line]] = defaultdict(list)
    made: Counter[str] = Counter()
    still_to_leave = 0
    found = []
    for position, key in enumerate(files):
        later = files[position + 1 :]
        if not (plan[key] or arrivals[key] or still_to_leave):
            continue
        lines = [Line(text) for text in (folder / key).read_bytes().split(b"\n")]
        still_to_leave += plan[key].count("late")
        while later and still_to_leave and len(lines) > 1:
            line = lines.pop(rng.between(0, len(lines) - 1))
            arrivals[rng.pick(later)].append(Line(line.text, "late", f"an event of {key}"))
            still_to_leave -= 1
        clean = [line.text for line in lines]
        additions = arrivals.pop(key, [])
        for kind in plan[key]:
            if kind == "duplicate_lines":
                additions.append(Line(rng.pick(clean), kind, "an event that the file already has"))
            elif kind != "late":
                additions.append(_bad_line(kind, rng.pick(clean), made[kind], rng))
                made[kind] += 1
        for line in additions:
            lines.insert(rng.between(0, len(lines)), line)
        (folder / key).write_bytes(b"\n".join(line.text for line in lines))
        found += [
            Anomaly(line.kind, key, number, line.what, line.kind in _BAD_LINES)
            for number, line in enumerate(lines, 1)
            if line.kind
        ]
    if still_to_leave:
        raise ValueError(
            f"late: {still_to_leave} more requested than there are events before the last day"
        )
    return found


def _plan(files: list[str], anomalies: Mapping[str, int], rng: Rng) -> dict[str, list[str]]:
    """Return which kinds of line each file gets; for `late`, which files lose one."""
    if anomalies.get("late", 0) and len(files) < 2:
        raise ValueError("late: needs a later day to move events to")
    plan: dict[str, list[str]] = {key: [] for key in files}
    for kind in (*_BAD_LINES, "duplicate_lines", "late"):
        for _ in range(anomalies.get(kind, 0)):
            plan[rng.pick(files[:-1] if kind == "late" else files)].append(kind)
    return plan


def _bad_line(kind: str, model: bytes, number: int, rng: Rng) -> Line:
    """Return a faulty play that nobody made, so that loading it by mistake changes the marts."""
    event = json.loads(model) | {"page": "NextSong", "itemInSession": 100_000 + number}
    text, what = _BAD_LINES[kind](event, number, rng)
    return Line(text, kind, what)
