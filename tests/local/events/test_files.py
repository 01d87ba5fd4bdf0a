"""Keys and files, byte by byte as the app writes them."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from local.events.files import event_key, event_line, song_document, song_key, write_days
from local.events.population import Song
from local.events.rng import Rng
from local.events.sessions import Event

PLAY = Event(
    artist='Søren "Low/Tide" Ø',
    auth="Logged In",
    first_name="Ada",
    gender="F",
    item_in_session=3,
    last_name="O'Dell",
    length=166.94812,
    level="free",
    location="Testville, TX",
    method="PUT",
    page="NextSong",
    registration=1540919166796.0,
    session_id=52,
    song=" Unit_ Test ",
    status=200,
    ts=1541207150796,
    user_agent='"Mozilla/5.0"',
    user_id="7",
)
LOGGED_OUT = PLAY._replace(
    artist=None,
    song=None,
    length=None,
    first_name=None,
    last_name=None,
    gender=None,
    location=None,
    registration=None,
    user_agent=None,
    user_id="",
)
SONG = Song(
    track_id="TRABC0000000000000",
    artist_id="AR0000000000000001",
    artist_latitude=-35.70522,
    artist_location="Here/There",
    artist_longitude=71.0,
    artist_name=311,
    duration=148.03546,
    num_songs=1,
    song_id="SO0000000000000001",
    title="Élan",
    year=0,
)
DAY_MS = 86_400_000


def at(day: int, second: int = 0) -> Event:
    return PLAY._replace(ts=day * DAY_MS + second * 1000)


def test_a_line_has_the_bytes_of_the_real_logs() -> None:
    assert event_line(PLAY) == (
        r'{"artist":"S\u00f8ren \"Low\/Tide\" \u00d8","auth":"Logged In","firstName":"Ada",'
        r'"gender":"F","itemInSession":3,"lastName":"O'
        r"'"
        r'Dell","length":166.94812,"level":"free","location":"Testville, TX","method":"PUT",'
        r'"page":"NextSong","registration":1540919166796.0,"sessionId":52,"song":" Unit_ Test ",'
        r'"status":200,"ts":1541207150796,"userAgent":"\"Mozilla\/5.0\"","userId":"7"}'
    )


def test_a_logged_out_line_has_nulls_and_an_empty_user() -> None:
    assert event_line(LOGGED_OUT) == (
        '{"artist":null,"auth":"Logged In","firstName":null,"gender":null,"itemInSession":3,'
        '"lastName":null,"length":null,"level":"free","location":null,"method":"PUT",'
        '"page":"NextSong","registration":null,"sessionId":52,"song":null,"status":200,'
        '"ts":1541207150796,"userAgent":null,"userId":""}'
    )


def test_keys_are_those_of_the_real_bucket() -> None:
    assert event_key(date(2018, 1, 2)) == "log_data/2018/01/2018-01-02-events.json"
    assert song_key("TRABC0000000000000") == "song_data/A/B/C/TRABC0000000000000.json"


def test_songs_say_the_same_in_several_styles() -> None:
    documents = {song_document(SONG, Rng(number)) for number in range(600)}
    assert len(documents) == 3
    assert len({tuple(json.loads(document)) for document in documents}) == 2
    for document in documents:
        assert json.loads(document) == {
            field: getattr(SONG, field) for field in Song.__slots__ if field != "track_id"
        }
        assert document.isascii()
        assert not document.endswith("\n")
    assert any("\n" in document for document in documents)
    assert any(r"Here\/There" in document for document in documents)


class TestWriteDays:
    def test_a_day_goes_into_one_file_without_a_line_end_at_its_end(self, tmp_path: Path) -> None:
        events = [at(0), at(0, 86_399), at(1)]
        days = [date(1970, 1, 1), date(1970, 1, 2)]
        written = list(write_days(tmp_path, iter(events), days[0], 2))
        assert written == [(days[0], 2), (days[1], 1)]
        first, second = (tmp_path / event_key(day) for day in days)
        assert first.read_bytes() == f"{event_line(at(0))}\n{event_line(at(0, 86_399))}".encode()
        assert second.read_bytes() == event_line(at(1)).encode()

    def test_a_day_without_events_has_no_file(self, tmp_path: Path) -> None:
        written = list(write_days(tmp_path, iter([at(1)]), date(1970, 1, 1), 3))
        assert written == [(date(1970, 1, 2), 1)]
        assert [path.name for path in tmp_path.rglob("*.json")] == ["1970-01-02-events.json"]

    @pytest.mark.parametrize("days", [1, 2, 5])
    def test_no_more_than_one_event_of_the_day_after_is_drawn(
        self, tmp_path: Path, days: int
    ) -> None:
        drawn = 0

        def endless() -> Iterator[Event]:
            nonlocal drawn
            while True:
                yield at(drawn // 10, drawn % 10)
                drawn += 1

        for day, written in write_days(tmp_path, endless(), date(1970, 1, 1), days):
            assert written == 10
            assert drawn == 10 * day.day
        assert drawn == 10 * days
