"""Keys and files of events and songs in S3, byte by byte as the app writes them."""

import json
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import lru_cache
from itertools import groupby, takewhile
from pathlib import Path

from local.events.population import Song
from local.events.rng import Rng
from local.events.sessions import Event

EVENTS_PREFIX = "log_data"
SONGS_PREFIX = "song_data"
_EPOCH = date(1970, 1, 1)
_MS_PER_DAY = 86_400_000
_SONG_KEYS = tuple(field for field in Song.__dataclass_fields__ if field != "track_id")
# the order in which the Million Song Dataset's subset was first published
_SONG_KEYS_AS_PUBLISHED = (
    *("num_songs", "artist_id", "artist_latitude", "artist_longitude", "artist_location"),
    *("artist_name", "song_id", "title", "duration", "year"),
)


def event_key(day: date) -> str:
    """Return the key of the file of a day's events."""
    return f"{EVENTS_PREFIX}/{day:%Y/%m/%Y-%m-%d}-events.json"


def song_key(track_id: str) -> str:
    """Return the key of a song: three folders, named by the third to fifth letters of its id."""
    return f"{SONGS_PREFIX}/{'/'.join(track_id[2:5])}/{track_id}.json"


def json_text(value: object, separators: tuple[str, str] = (",", ":")) -> str:
    r"""Return JSON in ASCII with `\/` for a slash, which occurs in strings only."""
    return json.dumps(value, separators=separators).replace("/", r"\/")


_quoted = lru_cache(maxsize=1 << 17)(json_text)


def event_line(event: Event) -> str:
    """Return the line of an event, without a line end."""
    return (
        f'{{"artist":{_quoted(event.artist)},"auth":"{event.auth}",'
        f'"firstName":{_quoted(event.first_name)},"gender":{_quoted(event.gender)},'
        f'"itemInSession":{event.item_in_session},"lastName":{_quoted(event.last_name)},'
        f'"length":{_number(event.length)},"level":"{event.level}",'
        f'"location":{_quoted(event.location)},"method":"{event.method}","page":"{event.page}",'
        f'"registration":{_number(event.registration)},"sessionId":{event.session_id},'
        f'"song":{_quoted(event.song)},"status":{event.status},"ts":{event.ts},'
        f'"userAgent":{_quoted(event.user_agent)},"userId":"{event.user_id}"}}'
    )


def _number(value: float | None) -> str:
    return "null" if value is None else repr(value)


def song_document(song: Song, rng: Rng) -> str:
    """Return the text of a song's file; key order and white space vary from file to file."""
    style = rng.between(1, 200)
    if style == 1:
        return json.dumps({key: getattr(song, key) for key in _SONG_KEYS}, indent=4)
    if style <= 60:
        as_published = {key: getattr(song, key) for key in _SONG_KEYS_AS_PUBLISHED}
        return json_text(as_published, (", ", ": "))
    return json_text({key: getattr(song, key) for key in _SONG_KEYS})


def write_days(
    folder: Path, events: Iterable[Event], start: date, days: int
) -> Iterator[tuple[date, int]]:
    """Write one file per day from `start` on; yield each day and its number of events.

    `events` are in the order of time and may be endless. A day without events has no file.
    """
    end = (start - _EPOCH).days + days
    # reads one event beyond each day, never more
    in_time = takewhile(lambda event: event.ts // _MS_PER_DAY < end, events)
    for number, of_day in groupby(in_time, key=lambda event: event.ts // _MS_PER_DAY):
        day = _EPOCH + timedelta(number)
        yield day, write_lines(folder / event_key(day), of_day)


def write_lines(path: Path, events: Iterable[Event]) -> int:
    """Write one line per event, without a line end after the last; return the number of lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with path.open("w", encoding="ascii", newline="") as file:
        for event in events:
            if written:
                file.write("\n")
            file.write(event_line(event))
            written += 1
    return written


def write_song(folder: Path, song: Song, rng: Rng) -> str:
    """Write a song's file and return its key."""
    key = song_key(song.track_id)
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(song_document(song, rng), encoding="ascii", newline="")
    return key
