"""Named faults of real deliveries, put into clean files on request, each told to the caller.

All dirt lies in lines and files that come on top of the clean ones, or moves and repeats clean
lines. So a pipeline that refuses the bad lines and counts each event once ends with the same events
as without the dirt; only `integer_name` adds songs.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.events.dice import Dice
from local.events.files import EVENTS_PREFIX, json_text, write_song
from local.events.population import MAX_SONGS, Song, catalogue_id, track_id


@dataclass(frozen=True)
class Dirt:
    """One piece of dirt. `line` counts from 1; it is 0 when the whole file is meant."""

    kind: str
    file: str
    line: int
    what: str
    is_rejected: bool


@dataclass(frozen=True)
class Line:
    """A line of a file; `kind` and `what` are empty for a clean one."""

    text: bytes
    kind: str = ""
    what: str = ""


def _malformed(event: dict[str, Any], number: int, _dice: Dice) -> tuple[bytes, str]:
    line = json_text(event)
    faults = (
        (line.replace(":", " ", 1), "no colon after the first key"),
        (repr(event), "Python's quotes instead of JSON's"),
        (f"{line[:-1]},}}", "a comma before the closing brace"),
        ("java.lang.OutOfMemoryError: GC overhead limit exceeded", "a message instead of an event"),
    )
    text, what = faults[number % len(faults)]
    return text.encode(), what


def _truncated(event: dict[str, Any], _number: int, dice: Dice) -> tuple[bytes, str]:
    line = json_text(event)
    end = dice.between(len(line) // 4, len(line) * 3 // 4)
    return line[:end].encode(), f"cut after {end} of {len(line)} bytes"


def _wrong_type(event: dict[str, Any], number: int, _dice: Dice) -> tuple[bytes, str]:
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


def _oversize(event: dict[str, Any], _number: int, _dice: Dice) -> tuple[bytes, str]:
    # few enough characters for a column of 512, far too many bytes: Redshift counts bytes
    return json_text({**event, "song": "音" * 400}).encode(), "song has 400 characters, 1,200 bytes"


def _invalid_utf8(event: dict[str, Any], _number: int, _dice: Dice) -> tuple[bytes, str]:
    line = json_text({**event, "song": "Caf?"}).encode()
    return line.replace(b"Caf?", b"Caf\xe9"), "song holds the byte E9, which is not UTF-8"


_BAD_LINES: Mapping[str, Callable[[dict[str, Any], int, Dice], tuple[bytes, str]]] = {
    "malformed": _malformed,
    "truncated": _truncated,
    "wrong_type": _wrong_type,
    "oversize": _oversize,
    "invalid_utf8": _invalid_utf8,
}

KINDS: Mapping[str, str] = {
    "malformed": "a line that is not JSON",
    "truncated": "a line that was cut",
    "wrong_type": "a string where a number belongs",
    "oversize": "more bytes than any text column takes",
    "invalid_utf8": "a byte that is no UTF-8",
    "duplicate_lines": "an event a second time in the same file",
    "duplicate_file": "a file a second time, as an editor's checkpoint",
    "late": "an event in the file of a later day",
    "empty_file": "a file of no bytes",
    "integer_name": "a song whose artist's name and place are integers",
}


def check(dirt: Mapping[str, int]) -> None:
    """Raise ValueError for a kind that does not exist or a negative count."""
    for kind, count in dirt.items():
        if kind not in KINDS:
            raise ValueError(f"no such dirt: {kind}; there is {', '.join(KINDS)}")
        if count < 0:
            raise ValueError(f"{kind}: {count} is no count")


def soil(folder: Path, dirt: Mapping[str, int], dice: Dice) -> list[Dirt]:
    """Put `dirt`, counts by kind, into the files below `folder`; return each piece of it.

    Only the files that get dirt are read, one at a time. Raises ValueError when there are too few
    files or lines for what is asked.
    """
    check(dirt)
    files = sorted(
        path.relative_to(folder).as_posix() for path in (folder / EVENTS_PREFIX).rglob("*.json")
    )
    if not files and any(dirt.values()):
        raise ValueError("there are no events to put dirt into")
    # copies first: an editor's checkpoint is older than what happens to the file
    found = _duplicate_files(folder, files, dirt.get("duplicate_file", 0), dice)
    found += _soil_lines(folder, files, dirt, dice)
    found += _empty_files(folder, files, dirt.get("empty_file", 0), dice)
    found += _integer_names(folder, dirt.get("integer_name", 0), dice)
    return found


def _duplicate_files(folder: Path, files: list[str], count: int, dice: Dice) -> list[Dirt]:
    if count > len(files):
        raise ValueError(f"duplicate_file: {count} asked for, there are {len(files)} files")
    found = []
    for key in sorted(dice.shuffled(files)[:count]):
        original = folder / key
        copy = original.parent / ".ipynb_checkpoints" / f"{original.stem}-checkpoint.json"
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(original.read_bytes())
        copy_key = copy.relative_to(folder).as_posix()
        found.append(Dirt("duplicate_file", copy_key, 0, f"a copy of {key}", is_rejected=False))
    return found


def _empty_files(folder: Path, files: list[str], count: int, dice: Dice) -> list[Dirt]:
    found = []
    for number in range(count):
        key = dice.pick(files).replace("-events", f"-events-part{number + 2}")
        (folder / key).write_bytes(b"")
        found.append(Dirt("empty_file", key, 0, "no bytes", is_rejected=False))
    return found


def _integer_names(folder: Path, count: int, dice: Dice) -> list[Dirt]:
    found = []
    for number in range(MAX_SONGS, MAX_SONGS + count):
        song = Song(
            track_id=track_id(number),
            artist_id=catalogue_id("AR", number),
            artist_latitude=None,
            artist_location=dice.between(10, 199),
            artist_longitude=None,
            artist_name=dice.between(10, 999),
            duration=dice.between(60_00000, 420_00000) / 100_000,
            num_songs=1,
            song_id=catalogue_id("SO", number),
            title=f"Interlude No. {dice.between(1, 99)}",
            year=0,
        )
        what = f"artist_name is {song.artist_name}, artist_location {song.artist_location}"
        found.append(
            Dirt("integer_name", write_song(folder, song, dice), 1, what, is_rejected=False)
        )
    return found


def _soil_lines(folder: Path, files: list[str], dirt: Mapping[str, int], dice: Dice) -> list[Dirt]:
    """Go through the files once, in the order of days, so that late lines move forward only."""
    plan = _plan(files, dirt, dice)
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
            line = lines.pop(dice.between(0, len(lines) - 1))
            arrivals[dice.pick(later)].append(Line(line.text, "late", f"an event of {key}"))
            still_to_leave -= 1
        clean = [line.text for line in lines]
        additions = arrivals.pop(key, [])
        for kind in plan[key]:
            if kind == "duplicate_lines":
                additions.append(
                    Line(dice.pick(clean), kind, "an event that is in the file already")
                )
            elif kind != "late":
                additions.append(_bad_line(kind, dice.pick(clean), made[kind], dice))
                made[kind] += 1
        for line in additions:
            lines.insert(dice.between(0, len(lines)), line)
        (folder / key).write_bytes(b"\n".join(line.text for line in lines))
        found += [
            Dirt(line.kind, key, number, line.what, line.kind in _BAD_LINES)
            for number, line in enumerate(lines, 1)
            if line.kind
        ]
    if still_to_leave:
        raise ValueError(
            f"late: {still_to_leave} more asked for than there are events before the last day"
        )
    return found


def _plan(files: list[str], dirt: Mapping[str, int], dice: Dice) -> dict[str, list[str]]:
    """Return which kinds of line each file gets, or for `late` loses."""
    if dirt.get("late", 0) and len(files) < 2:
        raise ValueError("late: a later day is needed")
    plan: dict[str, list[str]] = {key: [] for key in files}
    for kind in (*_BAD_LINES, "duplicate_lines", "late"):
        for _ in range(dirt.get(kind, 0)):
            plan[dice.pick(files[:-1] if kind == "late" else files)].append(kind)
    return plan


def _bad_line(kind: str, model: bytes, number: int, dice: Dice) -> Line:
    """Return a play that nobody made, with the fault in it: were it loaded, it would be seen."""
    event = json.loads(model) | {"page": "NextSong", "itemInSession": 100_000 + number}
    text, what = _BAD_LINES[kind](event, number, dice)
    return Line(text, kind, what)
