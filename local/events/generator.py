"""From a seed to a folder in S3's layout."""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path

from tqdm import tqdm

from local.events.dice import Dice
from local.events.dirt import Dirt, check, soil
from local.events.files import EVENTS_PREFIX, SONGS_PREFIX, write_days, write_song
from local.events.population import MAX_SONGS, Repertoire, Song, catalogue, listeners
from local.events.sessions import activity

RECORD = "generated.json"


@dataclass(frozen=True)
class Generated:
    """What was written: `events` and `songs` before any dirt, and each piece of dirt."""

    events: int
    songs: int
    dirt: tuple[Dirt, ...]

    @property
    def rejected(self) -> frozenset[tuple[str, int]]:
        """The lines that a loader must refuse, as (key, line from 1); all others are good."""
        return frozenset((piece.file, piece.line) for piece in self.dirt if piece.is_rejected)


def generate(
    out: Path,
    *,
    start: date,
    days: int,
    users: int,
    songs: int,
    seed: int = 1,
    dirt: Mapping[str, int] | None = None,
) -> Generated:
    """Write `log_data/` and `song_data/` below `out`, and `generated.json`, which tells of them.

    The same arguments give the same bytes on every version of Python. More days leave the earlier
    days' bytes as they are, and so does dirt but for the files it lies in. An earlier run's folders
    are replaced; memory grows with users and songs, not with days. `dirt` maps kinds (see
    `local.events.dirt`) to how many of each.

    Raises ValueError for a number that makes no sense and FileExistsError when there are folders
    of those names that no earlier run wrote.
    """
    if days < 1 or users < 1 or not 0 <= songs <= MAX_SONGS:
        raise ValueError(f"at least one day and user and 0 to {MAX_SONGS:,} songs are needed")
    dirt = dirt or {}
    check(dirt)
    _make_room(out)
    catalogue_of_songs = list(
        _written_songs(out, catalogue(songs, Dice(seed, "songs")), seed, songs)
    )
    repertoire = Repertoire(catalogue_of_songs, Dice(seed, "repertoire"))
    since = int(datetime.combine(start, time(), UTC).timestamp())
    audience = listeners(users, since, Dice(seed, "listeners"))
    stream = activity(audience, repertoire, since, Dice(seed, "activity"))
    written = 0
    # disable=None: shown only where standard error is a terminal
    with tqdm(total=days, desc="events", unit="day", disable=None) as bar:
        for day, of_day in write_days(out, stream, start, days):
            written += of_day
            bar.update((day - start).days + 1 - bar.n)
            bar.set_postfix(events=f"{written:,}", refresh=False)
    generated = Generated(written, songs, tuple(soil(out, dirt, Dice(seed, "dirt"))))
    (out / RECORD).write_text(json.dumps(asdict(generated), indent=1), encoding="utf-8")
    return generated


def _written_songs(out: Path, songs: Iterable[Song], seed: int, total: int) -> Iterator[Song]:
    """Write each song as it passes by."""
    dice = Dice(seed, "song files")
    for song in tqdm(songs, total=total, desc="songs", unit="song", disable=None):
        write_song(out, song, dice)
        yield song


def _make_room(out: Path) -> None:
    """Remove what an earlier run wrote, and nothing else."""
    old = [folder for name in (EVENTS_PREFIX, SONGS_PREFIX) if (folder := out / name).exists()]
    if old and not (out / RECORD).exists():
        raise FileExistsError(f"{old[0]} holds files that the generator did not write")
    for folder in old:
        shutil.rmtree(folder)
    out.mkdir(parents=True, exist_ok=True)
    (out / RECORD).write_text("{}", encoding="utf-8")
