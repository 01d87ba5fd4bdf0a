"""Turn a seed into a folder with the layout of the source bucket."""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time
from functools import partial
from pathlib import Path

from tqdm import tqdm

from local.events.anomalies import Anomaly, check, inject
from local.events.files import EVENTS_PREFIX, SONGS_PREFIX, write_days, write_song
from local.events.population import MAX_SONGS, Repertoire, Song, catalogue, listeners
from local.events.rng import Rng
from local.events.sessions import activity

RECORD = "generated.json"
# Shown after two seconds, and only where standard error is a terminal (disable=None)
progress = partial(tqdm, disable=None, delay=2)


@dataclass(frozen=True)
class Generated:
    """What was written: the number of clean events and songs, and each anomaly."""

    events: int
    songs: int
    anomalies: tuple[Anomaly, ...]

    @property
    def rejected(self) -> frozenset[tuple[str, int]]:
        """The lines that a loader must reject, as (key, line from 1); all others are valid."""
        return frozenset(
            (anomaly.file, anomaly.line) for anomaly in self.anomalies if anomaly.is_rejected
        )


def generate(
    out: Path,
    *,
    start: date,
    days: int,
    users: int,
    songs: int,
    seed: int = 1,
    anomalies: Mapping[str, int] | None = None,
) -> Generated:
    """Write `log_data/` and `song_data/` below `out`, and a record of them in `generated.json`.

    The same arguments give the same bytes on every version of Python. More days do not change the
    files of earlier days; anomalies change only the files that they are in. Folders of an earlier
    run are replaced. Memory grows with users and songs, not with days. `anomalies` maps each kind
    (see `local.events.anomalies`) to its count.

    Raises ValueError for an impossible number, and FileExistsError when one of the two folders
    exists and the generator did not write it.
    """
    if days < 1 or users < 1 or not 0 <= songs <= MAX_SONGS:
        raise ValueError(f"at least one day and user and 0 to {MAX_SONGS:,} songs are needed")
    anomalies = anomalies or {}
    check(anomalies)
    _make_room(out)
    catalogue_of_songs = list(
        _written_songs(out, catalogue(songs, Rng(seed, "songs")), seed, songs)
    )
    repertoire = Repertoire(catalogue_of_songs, Rng(seed, "repertoire"))
    since = int(datetime.combine(start, time(), UTC).timestamp())
    audience = listeners(users, since, Rng(seed, "listeners"))
    stream = activity(audience, repertoire, since, Rng(seed, "activity"))
    written = 0
    with progress(total=days, desc="events", unit="day") as bar:
        for day, of_day in write_days(out, stream, start, days):
            written += of_day
            bar.update((day - start).days + 1 - bar.n)
            bar.set_postfix(events=f"{written:,}", refresh=False)
    generated = Generated(written, songs, tuple(inject(out, anomalies, Rng(seed, "anomalies"))))
    (out / RECORD).write_text(json.dumps(asdict(generated), indent=1), encoding="utf-8")
    return generated


def _written_songs(out: Path, songs: Iterable[Song], seed: int, total: int) -> Iterator[Song]:
    """Write each song and pass it on."""
    rng = Rng(seed, "song files")
    for song in progress(songs, total=total, desc="songs", unit="song"):
        write_song(out, song, rng)
        yield song


def _make_room(out: Path) -> None:
    """Remove what an earlier run of the generator wrote, and nothing else."""
    old = [folder for name in (EVENTS_PREFIX, SONGS_PREFIX) if (folder := out / name).exists()]
    if old and not (out / RECORD).exists():
        raise FileExistsError(f"{old[0]} holds files that the generator did not write")
    for folder in old:
        shutil.rmtree(folder)
    out.mkdir(parents=True, exist_ok=True)
    (out / RECORD).write_text("{}", encoding="utf-8")
