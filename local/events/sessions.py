"""An endless stream of what listeners do: sessions of pages and plays, in the order of time."""

import heapq
from collections.abc import Iterator, Sequence
from itertools import count
from operator import attrgetter
from typing import NamedTuple

from local.events.population import DAY, Listener, Repertoire, Track
from local.events.rng import Rng

MILLISECONDS = 796  # of every time in the logs: the app's clock counts whole seconds
HALF_HOUR = 1800
_NO_TRACK = (None, None, None)
_POSTED = {"NextSong", "Login", "Logout", "Save Settings", "Submit Upgrade", "Submit Downgrade"}
_STATUS = {"NextSong": 200, "Error": 404}
_PAGES = {
    level: ("Home",) * 12 + ("Settings",) * 3 + ("Help", "About", "Error", "Logout", change, change)
    for level, change in (("free", "Upgrade"), ("paid", "Downgrade"))
}


class Event(NamedTuple):
    """A line of the log, with its fields in order; those of the user are null when logged out.

    `ts` and `registration` are milliseconds since 1970, `length` is in seconds.
    """

    artist: str | None
    auth: str
    first_name: str | None
    gender: str | None
    item_in_session: int
    last_name: str | None
    length: float | None
    level: str
    location: str | None
    method: str
    page: str
    registration: float | None
    session_id: int
    song: str | None
    status: int
    ts: int
    user_agent: str | None
    user_id: str


def activity(
    listeners: Sequence[Listener], repertoire: Repertoire, start: int, rng: Rng
) -> Iterator[Event]:
    """Yield the events of all listeners from `start` (seconds) on, by time, forever."""
    session_ids = count(len(listeners) + 1)  # so that no session id is also a user id
    lives = [_life(listener, repertoire, session_ids, start, rng) for listener in listeners]
    return heapq.merge(*lives, key=attrgetter("ts"))


def _life(
    listener: Listener, repertoire: Repertoire, session_ids: Iterator[int], start: int, rng: Rng
) -> Iterator[Event]:
    if listener.registered < start:
        now = _next_arrival(start - HALF_HOUR, listener, rng)
    else:
        now = listener.registered + rng.between(1, 600)
    while True:
        visit = Visit(listener, next(session_ids), now, rng)
        yield from visit.events(repertoire)
        now = _next_arrival(visit.now, listener, rng)


def _next_arrival(left: int, listener: Listener, rng: Rng) -> int:
    """Return when the listener comes back: more by day than by night, less at weekends."""
    day = left // DAY + int(rng.random() * 2 * listener.days_between_visits)
    if (day + 3) % 7 >= 5 and rng.chance(0.4):  # 1970-01-01 was a Thursday
        day += 2
    # the sum of two draws peaks in the middle: from 05:00 to 05:00 UTC, most often at 17:00
    arrival = day * DAY + 5 * 3600 + int((rng.random() + rng.random()) * 12 * 3600)
    return arrival if arrival >= left + HALF_HOUR else arrival + DAY


class Visit:
    """One session of a listener; `now` is its clock in seconds."""

    def __init__(self, listener: Listener, session_id: int, now: int, rng: Rng) -> None:
        self.listener = listener
        self.session_id = session_id
        self.now = now
        self.rng = rng
        self.item = 0
        self.is_over = False

    def events(self, repertoire: Repertoire) -> Iterator[Event]:
        """Yield the session, until the last song or until the listener logs out or leaves."""
        rng = self.rng
        if rng.chance(0.08):
            yield from self._arrive_logged_out()
        elif rng.chance(0.4):
            yield self._ask("Home")
            self._wait(1, 60)
        keenness = 55 if self.listener.level == "paid" else 20
        plays_left = 1 + int(rng.skewed() * keenness)
        while plays_left and not self.is_over:
            track = repertoire.choose(rng)
            song_ends = self.now + int(track.length)
            yield self._ask("NextSong", track)
            if rng.chance(0.12):
                yield from self._browse()
            self.now = max(self.now, song_ends)
            plays_left -= 1

    def _arrive_logged_out(self) -> Iterator[Event]:
        if self.rng.chance(0.6):
            yield self._ask("Home", logged_in=False)
            if self.rng.chance(0.6):
                self.is_over = True
                return
            self._wait(1, 30)
        yield from self._log_in()

    def _log_in(self) -> Iterator[Event]:
        yield self._ask("Login", logged_in=False)
        self._wait(1, 60)
        yield self._ask("Home")
        self._wait(1, 30)

    def _browse(self) -> Iterator[Event]:
        """Open a page while the song plays; some pages lead to others."""
        self._wait(0, 90)
        page = self.rng.pick(_PAGES[self.listener.level])
        yield self._ask(page)
        match page:
            case "Home" if self.rng.chance(0.1):
                yield self._ask("Settings")  # in the same second
            case "Settings" if self.rng.chance(0.2):
                yield from self._submit("Save Settings")
            case "Upgrade" if self.rng.chance(0.3):
                yield from self._change_level()
            case "Downgrade" if self.rng.chance(0.2):
                yield from self._change_level()
                if self.rng.chance(0.4):
                    # changed their mind: free for a few minutes only
                    self._wait(20, 200)
                    yield self._ask("Upgrade")
                    yield from self._change_level()
            case "Logout":
                yield from self._log_out()

    def _change_level(self) -> Iterator[Event]:
        """Change the level; the new one shows from the next event on."""
        new_level, page = {
            "free": ("paid", "Submit Upgrade"),
            "paid": ("free", "Submit Downgrade"),
        }[self.listener.level]
        submit = self._submit(page)
        yield next(submit)
        self.listener.level = new_level
        yield from submit

    def _submit(self, page: str) -> Iterator[Event]:
        self._wait(1, 20)
        yield self._ask(page)
        self._wait(1, 30)
        yield self._ask("Home")

    def _log_out(self) -> Iterator[Event]:
        self.is_over = True
        if self.rng.chance(0.7):
            self._wait(1, 20)
            yield self._ask("Home", logged_in=False)
            if self.rng.chance(0.4):
                self.is_over = False
                self._wait(1, 20)
                yield from self._log_in()

    def _wait(self, low: int, high: int) -> None:
        self.now += self.rng.between(low, high)

    def _ask(self, page: str, track: Track | None = None, *, logged_in: bool = True) -> Event:
        """Return the event of requesting `page` now."""
        artist, song, length = track or _NO_TRACK
        listener = self.listener
        item, self.item = self.item, self.item + 1
        is_posted = page in _POSTED
        return Event(
            artist,
            "Logged In" if logged_in else "Logged Out",
            listener.first_name if logged_in else None,
            listener.gender if logged_in else None,
            item,
            listener.last_name if logged_in else None,
            length,
            listener.level,
            listener.location if logged_in else None,
            "PUT" if is_posted else "GET",
            page,
            float(listener.registered * 1000 + MILLISECONDS) if logged_in else None,
            self.session_id,
            song,
            _STATUS.get(page, 307 if is_posted else 200),
            self.now * 1000 + MILLISECONDS,
            listener.user_agent if logged_in else None,
            str(listener.user_id) if logged_in else "",
        )
