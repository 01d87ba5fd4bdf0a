"""The catalogue's songs, the tracks that the app plays, and the listeners."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from local.events import words
from local.events.rng import Rng

DAY = 86_400
MAX_SONGS = 10_000_000
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SONGS_PER_FOLDER = 100
_SPELLINGS: tuple[Callable[[str], str], ...] = (str.upper, str.lower, "{} ".format, " {}".format)


@dataclass(frozen=True, slots=True)
class Song:
    """One file of the catalogue: the ten keys in alphabetical order, and the file's name.

    `duration` is in seconds, `year` 0 when unknown; names that are all digits are integers in JSON.
    """

    track_id: str
    artist_id: str
    artist_latitude: float | None
    artist_location: str | int
    artist_longitude: float | None
    artist_name: str | int
    duration: float
    num_songs: int
    song_id: str
    title: str
    year: int


class Track(NamedTuple):
    """What the event of a play says: artist, title, and the length in seconds."""

    artist: str
    song: str
    length: float


@dataclass(slots=True)
class Listener:
    """One user; `level` changes as they upgrade and downgrade.

    `registered` is in seconds since 1970; `days_between_visits` is an average.
    """

    user_id: int
    first_name: str
    last_name: str
    gender: str
    location: str
    user_agent: str
    registered: int
    level: str
    days_between_visits: float


def letters(number: int, length: int) -> str:
    """Return the last `length` digits of `number` in base 26, with A to Z as digits."""
    text = ""
    for _ in range(length):
        number, digit = divmod(number, 26)
        text = _LETTERS[digit] + text
    return text


def catalogue_id(prefix: str, number: int) -> str:
    """Return an id of 18 characters, unique per prefix for numbers below 26 ** 5."""
    number += 1  # zero does not look like an id
    scattered = number * 7_654_321 % 26**5  # the factor is coprime with 26: no two ids collide
    return f"{prefix}{letters(scattered, 5)}12{number * 2_654_435_761 % 16**9:09X}"


def track_id(number: int) -> str:
    """Return the name of a song's file; the third to fifth letters are its folders."""
    folder = letters(number // _SONGS_PER_FOLDER, 3)
    return f"TR{folder}{letters(number * 7_129, 3)}128F{(number + 1) * 40_503 % 16**6:06X}"


def catalogue(count: int, rng: Rng) -> Iterator[Song]:
    """Yield `count` songs.

    An artist_id may have several names, a name several ids, and a title by an artist several songs.
    """
    artists: list[Song] = []
    song: Song | None = None
    for number in range(count):
        if not artists or rng.chance(0.8):
            artists.append(_artist(artists, rng))
            artist = artists[-1]
        else:
            artist = rng.pick(artists)
            if rng.chance(0.15):
                artist = replace(
                    artist, artist_name=f"{artist.artist_name} feat. {words.artist_name(rng)}"
                )
            if rng.chance(0.1):
                artist = replace(artist, artist_location="")
        duration = rng.between(60_00000, 420_00000)
        title = words.song_title(rng)
        if song and rng.chance(0.04):
            # another recording of the previous song, slightly or much longer
            artist, title = song, song.title
            duration = round(song.duration * 100_000) + rng.pick((40_000, 90_000, 31_00000))
        song = replace(
            artist,
            track_id=track_id(number),
            song_id=catalogue_id("SO", number),
            title=title,
            duration=duration / 100_000,
            year=0 if rng.chance(0.3) else rng.between(1955, 2010),
        )
        yield song


def _artist(others: Sequence[Song], rng: Rng) -> Song:
    """Return a new artist: a song without the fields that are the song's own."""
    name = (
        str(rng.pick(others).artist_name) if others and rng.chance(0.02) else words.artist_name(rng)
    )
    located = rng.chance(0.36)
    location: str | int = rng.pick(words.LOCATIONS) if located or rng.chance(0.25) else ""
    return Song(
        track_id="",
        artist_id=catalogue_id("AR", len(others)),
        artist_latitude=rng.between(-55_00000, 70_00000) / 100_000 if located else None,
        artist_location=rng.between(10, 199) if rng.chance(0.003) else location,
        artist_longitude=rng.between(-180_00000, 180_00000) / 100_000 if located else None,
        artist_name=int(name) if name.isdigit() else name,
        duration=0.0,
        num_songs=1,
        song_id="",
        title="",
        year=0,
    )


class Repertoire:
    """What the app plays: far more than the catalogue has, and not always in its spelling."""

    catalogue_share = 0.27

    def __init__(self, songs: Sequence[Song], rng: Rng) -> None:
        self._known = [
            Track(_mojibake(str(song.artist_name)), _mojibake(song.title), song.duration)
            for song in songs
        ]
        self._unknown = [
            Track(
                _mojibake(words.artist_name(rng)),
                _mojibake(words.song_title(rng)),
                rng.between(60_00000, 420_00000) / 100_000,
            )
            for _ in range(max(1000, 4 * len(songs)))
        ]

    def choose(self, rng: Rng) -> Track:
        """Return the next track to play."""
        if not self._known or not rng.chance(self.catalogue_share):
            return rng.favour(self._unknown)
        track = rng.favour(self._known)
        if rng.chance(0.3):
            # not the catalogue's recording: slightly or much longer
            length = round(track.length * 100_000) + rng.pick((50_000, 99_000, 2_50000, 24_00000))
            track = track._replace(length=length / 100_000)
        if rng.chance(0.1):
            spell = rng.pick(_SPELLINGS)
            track = track._replace(song=spell(track.song), artist=spell(track.artist))
        return track


def _mojibake(text: str) -> str:
    """Return `text` as the app logs it: encoded as UTF-8 two times too often."""
    if text.isascii():
        return text
    for _ in range(2):
        text = text.encode("utf-8").decode("latin-1")
    return text


def listeners(count: int, start: int, rng: Rng) -> list[Listener]:
    """Return `count` users; a fifth of them register in the month after `start` (seconds)."""
    return [_listener(user_id, start, rng) for user_id in range(1, count + 1)]


def _listener(user_id: int, start: int, rng: Rng) -> Listener:
    gender = rng.pick("FM")
    registered = start + rng.between(-120 * DAY, 30 * DAY)
    is_paying = registered < start and rng.chance(0.25)
    return Listener(
        user_id=user_id,
        first_name=rng.pick(words.FIRST_NAMES[gender]),
        last_name=rng.pick(words.LAST_NAMES),
        gender=gender,
        location=rng.pick(words.LOCATIONS),
        user_agent=words.user_agent(rng),
        registered=registered,
        level="paid" if is_paying else "free",
        days_between_visits=1 + rng.skewed() * (9 if is_paying else 24),
    )
