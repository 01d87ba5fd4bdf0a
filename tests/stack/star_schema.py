"""The expected star schema of a folder of raw files, computed without SQL or the pipeline.

Written from the rules of the design only, so that the marts can be compared with it row for row.
All times are UTC without a zone, as Redshift's TIMESTAMP returns them.
"""

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Rejected = frozenset[tuple[str, int]]

EPOCH = datetime(1970, 1, 1)
BLANKS = " \t\r\n"
EXACT_SECONDS = 1.0
NO_NUMBER = -1


@dataclass(frozen=True)
class Star:
    """Each mart's rows, in no order; a row's keys are the mart's columns."""

    songplays: list[Row]
    users: list[Row]
    songs: list[Row]
    artists: list[Row]
    time: list[Row]
    user_levels: list[Row]


def expected(folder: Path, rejected: Rejected = frozenset()) -> Star:
    """Return the star schema of `log_data/` and `song_data/` below `folder`.

    `rejected` has the (key, line from 1) of each line that the load refuses.
    """
    good_events = filter(is_good_event, map(clean_event, read_events(folder, rejected)))
    good_songs = filter(is_good_song, map(clean_song, read_songs(folder, rejected)))
    events = unique(good_events, event_identity, pick_event)
    songs = unique(good_songs, song_identity, pick_song)
    songplays = make_songplays(events, songs)
    return Star(
        songplays=songplays,
        users=make_users(events),
        songs=[select(song, "song_id title artist_id year duration") for song in songs],
        artists=make_artists(songs),
        time=[make_time(start) for start in {play["start_time"] for play in songplays}],
        user_levels=make_user_levels(events),
    )


# Loading


def read_events(folder: Path, rejected: Rejected = frozenset()) -> Iterator[Row]:
    """Yield the object of each line of all files below `log_data/`, including copies."""
    for key, content in files(folder, "log_data"):
        for number, line in enumerate(content.split(b"\n"), 1):
            if line.strip() and (key, number) not in rejected:
                yield json.loads(line)


def read_songs(folder: Path, rejected: Rejected = frozenset()) -> Iterator[Row]:
    """Yield the object of each file below `song_data/`, on one line or several."""
    keys_rejected = {key for key, _ in rejected}
    for key, content in files(folder, "song_data"):
        if content.strip() and key not in keys_rejected:
            yield json.loads(content)


def files(folder: Path, prefix: str) -> Iterator[tuple[str, bytes]]:
    """Yield the key and content of everything that a COPY of the prefix reads."""
    for path in sorted((folder / prefix).rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()


# Cleaning


def clean_event(raw: Row) -> Row:
    """Return an event with trimmed text and repaired encoding."""
    return {
        "artist": text(repaired(raw["artist"])),
        "auth": text(raw["auth"]),
        "first_name": text(repaired(raw["firstName"])),
        "gender": text(raw["gender"]),
        "item_in_session": raw["itemInSession"],
        "last_name": text(repaired(raw["lastName"])),
        "length": raw["length"],
        "level": text(raw["level"]),
        "location": text(repaired(raw["location"])),
        "method": text(raw["method"]),
        "page": text(raw["page"]),
        "registration": raw["registration"],
        "session_id": raw["sessionId"],
        "song": text(repaired(raw["song"])),
        "status": raw["status"],
        "ts": raw["ts"],
        "user_agent": unquoted(text(raw["userAgent"])),
        "user_id": number(text(raw["userId"])),
    }


def clean_song(raw: Row) -> Row:
    """Return a song with trimmed text; a name or place that is a JSON integer is its digits."""
    return {
        "num_songs": raw["num_songs"],
        "artist_id": text(raw["artist_id"]),
        "artist_latitude": raw["artist_latitude"],
        "artist_longitude": raw["artist_longitude"],
        "artist_location": text(repaired(raw["artist_location"])),
        "artist_name": text(repaired(raw["artist_name"])),
        "song_id": text(raw["song_id"]),
        "title": text(repaired(raw["title"])),
        "duration": raw["duration"],
        "year": raw["year"] or None,
    }


def text(value: object) -> str | None:
    """Trim blanks at both ends; empty text is None."""
    return None if value is None else str(value).strip(BLANKS) or None


def repaired(value: object) -> object:
    """Return the text as it was before it was encoded as UTF-8 twice too often, through Latin-1."""
    if not isinstance(value, str):
        return value
    result = value
    for _ in range(2):
        try:
            result = result.encode("latin-1").decode("utf-8")
        except UnicodeError:
            return value
    return result


def unquoted(value: str | None) -> str | None:
    """Return the text without the pair of quotes around it, when there is one."""
    if value is None or len(value) < 2 or not value[0] == value[-1] == '"':
        return value
    return text(value[1:-1])


def is_good_event(event: Row) -> bool:
    """Whether the event has no fault of its own, for which it would be quarantined."""
    return (
        is_time(event["ts"])
        and event["user_id"] != NO_NUMBER
        and (event["registration"] is None or is_time(event["registration"]))
        and event["level"] in ("free", "paid")
        and None not in (event["page"], event["session_id"], event["item_in_session"])
        and (event["length"] is None or 0 <= event["length"] <= 86_400)
        and (event["page"] != "NextSong" or None not in (event["song"], event["artist"]))
    )


def is_good_song(song: Row) -> bool:
    """Whether the song has no fault of its own, for which it would be quarantined."""
    return (
        re.fullmatch(r"SO[0-9A-Z]{16}", song["song_id"] or "") is not None
        and re.fullmatch(r"AR[0-9A-Z]{16}", song["artist_id"] or "") is not None
        and None not in (song["title"], song["artist_name"], song["duration"])
        and 0 <= song["duration"] <= 86_400
        and (song["year"] is None or 1850 <= song["year"] <= 2100)
        and abs(song["artist_latitude"] or 0) <= 90
        and abs(song["artist_longitude"] or 0) <= 180
    )


def is_time(milliseconds: float | None) -> bool:
    """Whether it is a time in milliseconds from 2000 to 2099."""
    return milliseconds is not None and 946_684_800_000 <= milliseconds < 4_102_444_800_000


def number(value: str | None) -> int | None:
    """Return a user id of 1 to 18 digits, None for no text, and NO_NUMBER for any other text."""
    if value is None:
        return None
    return int(value) if re.fullmatch(r"[0-9]{1,18}", value) else NO_NUMBER


def moment(milliseconds: float) -> datetime:
    return EPOCH + timedelta(milliseconds=int(milliseconds))


def select(row: Row, columns: str) -> Row:
    return {column: row[column] for column in columns.split()}


# Deduplication


def unique(
    rows: Iterable[Row], identity: Callable[[Row], object], pick: Callable[[list[Row]], Row]
) -> list[Row]:
    """Return one row per identity: `pick` chooses among its copies."""
    copies = defaultdict(list)
    for row in rows:
        copies[identity(row)].append(row)
    return [pick(rows_of_one) for rows_of_one in copies.values()]


def event_identity(event: Row) -> tuple[int | None, int, int, int]:
    """Return what identifies the event; its copies may differ in all else."""
    return event["user_id"], event["session_id"], event["item_in_session"], event["ts"]


def song_identity(song: Row) -> object:
    return song["song_id"]


def pick_event(copies: list[Row]) -> Row:
    """Return the greatest copy, so that the order of loads does not matter.

    The first field that differs decides, in the order in which staging describes them.
    """
    fields = (
        *("artist", "song", "first_name", "last_name", "gender", "level", "location", "user_agent"),
        *("auth", "method", "page", "length", "status", "registration"),
    )
    return greatest(copies, fields)


def pick_song(copies: list[Row]) -> Row:
    """Return the greatest copy, as for events."""
    fields = (
        *("artist_id", "title", "artist_name", "artist_location", "artist_latitude"),
        *("artist_longitude", "duration", "year", "num_songs"),
    )
    return greatest(copies, fields)


def greatest(rows: list[Row], fields: tuple[str, ...]) -> Row:
    """Compare field by field: numbers by value, text by code point (as UTF-8 bytes), None least."""
    return max(rows, key=lambda row: [(row[field] is not None, row[field]) for field in fields])


# The marts


def make_songplays(events: list[Row], songs: list[Row]) -> list[Row]:
    """Return one row per play, with or without a user, and its song if the catalogue has it."""
    candidates = defaultdict(list)
    for song in songs:
        if song["title"] and song["artist_name"]:
            candidates[song["title"].lower(), song["artist_name"].lower()].append(song)
    return [
        make_songplay(event, candidates[played_key(event)])
        for event in events
        if event["page"] == "NextSong"
    ]


def played_key(event: Row) -> tuple[str, str]:
    return (event["song"] or "").lower(), (event["artist"] or "").lower()


def make_songplay(event: Row, candidates: list[Row]) -> Row:
    def seconds_apart(song: Row) -> float:
        if song["duration"] is None or event["length"] is None:
            return float("inf")
        return abs(float(song["duration"] - event["length"]))

    song = min(candidates, key=lambda each: (seconds_apart(each), each["song_id"]), default=None)
    how = None
    if song:
        how = "exact" if seconds_apart(song) <= EXACT_SECONDS else "title_artist"
    identity = "|".join("" if part is None else str(part) for part in event_identity(event))
    return {
        "songplay_id": hashlib.md5(identity.encode(), usedforsecurity=False).hexdigest(),
        "start_time": moment(event["ts"]),
        "user_id": event["user_id"],
        "level": event["level"],
        "song_id": song["song_id"] if song else None,
        "artist_id": song["artist_id"] if song else None,
        "session_id": event["session_id"],
        "location": event["location"],
        "user_agent": event["user_agent"],
        "item_in_session": event["item_in_session"],
        "song_title": event["song"],
        "artist_name": event["artist"],
        "song_match": how,
    }


def make_artists(songs: list[Row]) -> list[Row]:
    """Return one row per artist_id: one whole spelling, the best by `spelling_rank`."""
    spellings: defaultdict[str, Counter[tuple[Any, ...]]] = defaultdict(Counter)
    for song in songs:
        if song["artist_id"]:
            spelling = select(
                song, "artist_name artist_location artist_latitude artist_longitude"
            ).values()
            spellings[song["artist_id"]][tuple(spelling)] += 1
    artists = []
    for artist_id, counts in spellings.items():
        name, location, latitude, longitude = min(counts, key=spelling_rank(counts))
        artists.append(
            {
                "artist_id": artist_id,
                "name": name,
                "location": location,
                "latitude": latitude,
                "longitude": longitude,
            }
        )
    return artists


def spelling_rank(
    counts: Counter[tuple[Any, ...]],
) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """Rank by songs, then having coordinates, then having a place, then the smallest, None last."""

    def rank(spelling: tuple[Any, ...]) -> tuple[Any, ...]:
        _, location, latitude, _ = spelling
        in_order = [(part is None, part or 0) for part in spelling]
        return -counts[spelling], latitude is None, location is None, *in_order

    return rank


def make_time(start: datetime) -> Row:
    return {
        "start_time": start,
        "hour": start.hour,
        "day": start.day,
        "week": start.isocalendar().week,
        "month": start.month,
        "year": start.year,
        "weekday": start.isoweekday() % 7,  # Sunday is 0
    }


def events_by_user(events: list[Row]) -> Iterator[tuple[int, list[Row]]]:
    """Yield each user's events, all pages, by time, session and item."""
    of_users = [event for event in events if event["user_id"] is not None]
    of_users.sort(key=lambda event: event["user_id"])
    for user_id, of_user in groupby(of_users, key=lambda event: event["user_id"]):
        yield (
            user_id,
            sorted(
                of_user,
                key=lambda event: (event["ts"], event["session_id"], event["item_in_session"]),
            ),
        )


def make_users(events: list[Row]) -> list[Row]:
    """Return one row per user id, with the details of the user's latest event."""
    users = []
    for user_id, of_user in events_by_user(events):
        first, last = of_user[0], of_user[-1]
        registration = last["registration"]
        users.append(
            {
                "user_id": user_id,
                **select(last, "first_name last_name gender level"),
                "registered_at": None if registration is None else moment(registration),
                "first_seen_at": moment(first["ts"]),
                "last_seen_at": moment(last["ts"]),
            }
        )
    return users


def make_user_levels(events: list[Row]) -> list[Row]:
    """Return one row per user and unbroken run of events on one level.

    Of events in the same millisecond the last counts, so that no period has zero length.
    """
    periods = []
    for user_id, of_user in events_by_user(events):
        last_of_each_moment = {event["ts"]: event["level"] for event in of_user}
        runs = [
            (level, moment(next(run)[0]))
            for level, run in groupby(last_of_each_moment.items(), key=lambda item: item[1])
        ]
        ends = [began for _, began in runs[1:]]
        for (level, began), ended in zip(runs, [*ends, None], strict=True):
            periods.append(
                {
                    "user_id": user_id,
                    "level": level,
                    "valid_from": began,
                    "valid_to": ended,
                    "is_current": ended is None,
                }
            )
    return periods
