"""The stream of events: traits of the real logs."""

from collections import Counter, defaultdict
from itertools import islice, pairwise
from typing import Any

import pytest

from local.events.population import Repertoire, listeners
from local.events.rng import Rng
from local.events.sessions import activity
from tests.local.events.conftest import Month

USER_FIELDS = ("firstName", "gender", "lastName", "location", "registration", "userAgent")
PAGES = {
    "NextSong": ("PUT", 200),
    "Home": ("GET", 200),
    "Login": ("PUT", 307),
    "Logout": ("PUT", 307),
    "Settings": ("GET", 200),
    "Save Settings": ("PUT", 307),
    "Help": ("GET", 200),
    "About": ("GET", 200),
    "Error": ("GET", 404),
    "Upgrade": ("GET", 200),
    "Submit Upgrade": ("PUT", 307),
    "Downgrade": ("GET", 200),
    "Submit Downgrade": ("PUT", 307),
}
Event = dict[str, Any]


@pytest.fixture(scope="module")
def events(month: Month) -> list[Event]:
    return [event for _, event in month.events]


@pytest.fixture(scope="module")
def of_users(events: list[Event]) -> list[list[Event]]:
    """Each user's events by time, the logged-out ones of the user's sessions included."""
    user_of_session = {event["sessionId"]: event["userId"] for event in events if event["userId"]}
    of_users = defaultdict(list)
    for event in events:
        if event["sessionId"] in user_of_session:
            of_users[user_of_session[event["sessionId"]]].append(event)
    return list(of_users.values())


def test_events_come_by_time_and_never_end() -> None:
    rng = Rng("endless")
    users = listeners(20, 0, rng)
    stream = activity(users, Repertoire([], rng), 0, rng)
    times = [event.ts for event in islice(stream, 5000)]
    assert times == sorted(times)
    assert times[0] > 0


def test_every_page_appears_with_its_method_and_status(events: list[Event]) -> None:
    assert {(e["page"], (e["method"], e["status"])) for e in events} == set(PAGES.items())
    assert 0.75 < sum(event["page"] == "NextSong" for event in events) / len(events) < 0.9


def test_all_moments_end_in_the_same_three_digits(events: list[Event]) -> None:
    registrations = {event["registration"] for event in events} - {None}
    assert {ts % 1000 for ts in [*registrations, *(event["ts"] for event in events)]} == {796}


def test_items_count_through_each_session(events: list[Event]) -> None:
    items = defaultdict(list)
    for event in events:
        items[event["sessionId"]].append(event["itemInSession"])
    assert all(each == list(range(len(each))) for each in items.values())


def test_moments_are_not_unique(events: list[Event]) -> None:
    pages = Counter((event["ts"], event["userId"], event["sessionId"]) for event in events)
    plays = Counter(event["ts"] for event in events if event["page"] == "NextSong")
    assert max(pages.values()) > 1
    assert max(plays.values()) > 1


def test_song_artist_and_length_are_null_unless_a_song_is_played(events: list[Event]) -> None:
    for event in events:
        is_play = event["page"] == "NextSong"
        assert {event[field] is not None for field in ("song", "artist", "length")} == {is_play}


def test_logged_out_rows_know_the_level_but_no_user(events: list[Event]) -> None:
    logged_out = [event for event in events if event["auth"] == "Logged Out"]
    assert {event["page"] for event in logged_out} == {"Home", "Login"}
    for event in events:
        is_out = event["auth"] == "Logged Out"
        assert (event["userId"] == "") == is_out
        assert {event[field] is None for field in USER_FIELDS} == {is_out}
        assert event["level"] in {"free", "paid"}


def test_the_new_level_shows_on_the_event_after_the_submission(of_users: list[list[Event]]) -> None:
    submissions = {"free": "Submit Upgrade", "paid": "Submit Downgrade"}
    changes = 0
    for events in of_users:
        for before, after in pairwise(events):
            changed = before["level"] != after["level"]
            assert changed == (before["page"] == submissions[before["level"]])
            changes += changed
    assert changes > 5


def test_a_user_goes_paid_free_and_paid_within_minutes(of_users: list[list[Event]]) -> None:
    shortest = min(
        (after["ts"] - before["ts"]) / 1000
        for events in of_users
        for before, after in pairwise(
            after for before, after in pairwise(events) if before["level"] != after["level"]
        )
    )
    assert shortest < 300


def test_sessions_cross_midnight_into_the_next_file(month: Month) -> None:
    files = defaultdict(set)
    for key, event in month.events:
        files[event["sessionId"]].add(key)
    assert 5 < sum(len(each) > 1 for each in files.values()) < len(files) / 10


def test_a_song_is_played_to_its_end(events: list[Event]) -> None:
    plays = defaultdict(list)
    for event in events:
        if event["page"] == "NextSong":
            plays[event["sessionId"]].append(event)
    for of_session in plays.values():
        for before, after in pairwise(of_session):
            assert after["ts"] - before["ts"] >= int(before["length"]) * 1000


def test_users_are_registered_before_they_come(of_users: list[list[Event]]) -> None:
    for events in of_users:
        assert all(event["registration"] <= events[0]["ts"] for event in events if event["userId"])


def test_one_in_twenty_plays_is_not_ascii(events: list[Event]) -> None:
    names = [event["song"] + event["artist"] for event in events if event["page"] == "NextSong"]
    assert 0.03 < sum(not name.isascii() for name in names) / len(names) < 0.08


def test_days_are_busier_than_nights(events: list[Event]) -> None:
    hours = Counter(event["ts"] // 3_600_000 % 24 for event in events)
    assert sum(hours[hour] for hour in range(14, 20)) > 4 * sum(hours[hour] for hour in range(2, 8))


def test_weekends_are_quieter(events: list[Event]) -> None:
    by_weekday = Counter((event["ts"] // 86_400_000 + 3) % 7 for event in events)  # Monday is 0
    weekdays, weekend = ([by_weekday[day] for day in days] for days in (range(5), range(5, 7)))
    assert sum(weekend) / 2 < 0.8 * sum(weekdays) / 5
