"""The independent computation itself, on cases small enough to check by hand."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.sparkify_data import event, song
from tests.stack.star_schema import (
    Row,
    Star,
    clean_event,
    event_identity,
    expected,
    pick_event,
    read_events,
    unique,
)

DAY = "log_data/2018/11/2018-11-05-events.json"
NEXT_DAY = "log_data/2018/11/2018-11-06-events.json"
NOON = datetime(2018, 11, 5, 12)
LOGGED_OUT: dict[str, Any] = {
    "auth": "Logged Out",
    "firstName": None,
    "lastName": None,
    "gender": None,
    "location": None,
    "registration": None,
    "userAgent": None,
    "userId": "",
}
NO_PLAY: dict[str, Any] = {"page": "Home", "song": None, "artist": None, "length": None}


def write(path: Path, objects: Sequence[object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "\n".join(each if isinstance(each, str) else json.dumps(each) for each in objects)
    )


def star(
    folder: Path,
    events: Sequence[object],
    songs: Sequence[Row] = (),
    more: dict[str, Sequence[object]] | None = None,
    rejected: frozenset[tuple[str, int]] = frozenset(),
) -> Star:
    for key, objects in {DAY: events, **(more or {})}.items():
        write(folder / key, objects)
    for number, entry in enumerate(songs):
        write(folder / f"song_data/A/A/A/TR{number}.json", [entry])
    return expected(folder, rejected)


def by(rows: list[Row], *columns: str) -> list[tuple[Any, ...]]:
    return sorted(tuple(row[column] for column in columns) for row in rows)


def test_one_play_gives_one_row_in_each_mart(tmp_path: Path) -> None:
    found = star(tmp_path, [event()], [song(year=1999)])
    assert found == Star(
        songplays=[
            {
                # md5 of "7|70|0|1541419200000"
                "songplay_id": "227bfca921f6aaec3d5243333592599e",
                "start_time": NOON,
                "user_id": 7,
                "level": "free",
                "song_id": "SO0000000000000001",
                "artist_id": "AR0000000000000001",
                "session_id": 70,
                "location": "Testville, TX",
                "user_agent": "Mozilla/5.0",
                "item_in_session": 0,
                "song_title": "Unit",
                "artist_name": "The Testers",
                "song_match": "exact",
            }
        ],
        users=[
            {
                "user_id": 7,
                "first_name": "Ada",
                "last_name": "Lovelace",
                "gender": "F",
                "level": "free",
                "registered_at": datetime(2018, 10, 30, 17, 6, 6, 796000),
                "first_seen_at": NOON,
                "last_seen_at": NOON,
            }
        ],
        songs=[
            {
                "song_id": "SO0000000000000001",
                "title": "Unit",
                "artist_id": "AR0000000000000001",
                "year": 1999,
                "duration": 200.5,
            }
        ],
        artists=[
            {
                "artist_id": "AR0000000000000001",
                "name": "The Testers",
                "location": None,
                "latitude": None,
                "longitude": None,
            }
        ],
        time=[
            {
                "start_time": NOON,
                "hour": 12,
                "day": 5,
                "week": 45,
                "month": 11,
                "year": 2018,
                "weekday": 1,
            }
        ],
        user_levels=[
            {
                "user_id": 7,
                "level": "free",
                "valid_from": NOON,
                "valid_to": None,
                "is_current": True,
            }
        ],
    )


def test_start_time_keeps_its_milliseconds_and_sunday_is_weekday_0(tmp_path: Path) -> None:
    # 2018-11-04 was a Sunday, in the ISO week that began on October 29
    (row,) = star(tmp_path, [event(ts=1541375999796)]).time
    assert row == {
        "start_time": datetime(2018, 11, 4, 23, 59, 59, 796000),
        "hour": 23,
        "day": 4,
        "week": 44,
        "month": 11,
        "year": 2018,
        "weekday": 0,
    }


def test_plays_in_the_same_moment_share_a_row_of_time(tmp_path: Path) -> None:
    found = star(tmp_path, [event(), event(userId="8", sessionId=71)])
    assert len(found.songplays) == 2
    assert by(found.time, "start_time") == [(NOON,)]


def test_pages_that_are_not_plays_count_for_users_only(tmp_path: Path) -> None:
    found = star(tmp_path, [event(), event(9, **NO_PLAY)])
    assert len(found.songplays) == len(found.time) == 1
    assert by(found.users, "last_seen_at") == [(datetime(2018, 11, 5, 12, 0, 9),)]


def test_logged_out_rows_have_no_user_and_a_play_without_a_user_stays(tmp_path: Path) -> None:
    found = star(tmp_path, [event(**LOGGED_OUT), event(1, **LOGGED_OUT, **NO_PLAY)])
    assert by(found.songplays, "user_id", "level", "location") == [(None, "free", None)]
    # md5 of "|70|0|1541419200000"
    assert by(found.songplays, "songplay_id") == [("c0835bdb78d05912769a54675d8eac4c",)]
    assert found.users == found.user_levels == []


def test_text_is_trimmed_and_nothing_left_is_null(tmp_path: Path) -> None:
    agent = ' "Mozilla/5.0 " '
    found = star(
        tmp_path,
        [event(song="\tUnit \r\n", location="  ", userAgent=agent)],
        [song(artist_location=" ", title=" Unit ")],
    )
    assert by(found.songplays, "song_title", "location", "user_agent") == [
        ("Unit", None, "Mozilla/5.0")
    ]
    assert by(found.songs, "title") == [("Unit",)]
    assert by(found.artists, "location") == [(None,)]


@pytest.mark.parametrize(
    ("logged", "title"),
    [
        ("CafÃ\x83Â©", "Café"),
        ("Ã\x82Â¿QuÃ\x83Â©?", "¿Qué?"),
        ("ItÃ¢Â\x80Â\x99s", "It’s"),
        ("Ã\x83Â\xa0", "à"),  # ends in a no-break space, which is no blank to trim
    ],
)
def test_text_that_was_encoded_twice_too_often_is_repaired_and_matches(
    tmp_path: Path, logged: str, title: str
) -> None:
    found = star(tmp_path, [event(song=logged)], [song(title=title)])
    assert by(found.songplays, "song_title", "song_match") == [(title, "exact")]


@pytest.mark.parametrize("title", ["Café", "IRMÃ", "CafÃ©", "CafÃ\x83Â© é", "音"])
def test_text_of_which_only_a_part_is_encoded_so_stays(tmp_path: Path, title: str) -> None:
    assert by(star(tmp_path, [event(song=title)]).songplays, "song_title") == [(title,)]


def test_year_0_is_unknown(tmp_path: Path) -> None:
    assert by(star(tmp_path, [event()], [song(year=0)]).songs, "year") == [(None,)]


class TestDuplicates:
    def test_an_event_in_several_lines_and_files_counts_once(self, tmp_path: Path) -> None:
        checkpoint = "log_data/2018/11/.ipynb_checkpoints/2018-11-05-events-checkpoint.json"
        found = star(
            tmp_path, [event(), event()], more={NEXT_DAY: [event()], checkpoint: [event()]}
        )
        assert len(found.songplays) == 1

    @pytest.mark.parametrize(
        "other", [{"userId": "8"}, {"sessionId": 71}, {"itemInSession": 1}, {"ts": 1541419200001}]
    )
    def test_another_user_session_item_or_time_is_another_event(
        self, tmp_path: Path, other: dict[str, Any]
    ) -> None:
        assert len(star(tmp_path, [event(), event(**other)]).songplays) == 2

    @pytest.mark.parametrize("order", [1, -1])
    @pytest.mark.parametrize(
        ("lesser", "greater"),
        [
            ({"level": "free"}, {"level": "paid"}),
            ({"artist": "B", "song": "Z"}, {"artist": "C", "song": "A"}),  # the first field decides
            ({"location": "Zebra, TX"}, {"location": "\u00c5bo, TX"}),  # by code point
            ({"song": ""}, {"song": "A"}),
            ({"length": 20.5}, {"length": 100.0}),  # by value, not as text
            ({"length": None}, {"length": 20.5}),
        ],
    )
    def test_the_greatest_of_differing_copies_wins_in_any_order(
        self, tmp_path: Path, lesser: Row, greater: Row, order: int
    ) -> None:
        write(tmp_path / DAY, [event(**lesser), event(**greater)][::order])
        (found,) = unique(map(clean_event, read_events(tmp_path)), event_identity, pick_event)
        assert found == clean_event(event(**greater))

    def test_the_greatest_copy_of_a_song_wins(self, tmp_path: Path) -> None:
        copies = [song(title="Unit B"), song(title="Unit C"), song(title="Unit A", year=2000)]
        found = star(tmp_path, [event()], copies)
        assert by(found.songs, "title", "year") == [("Unit C", None)]


class TestRejectedLines:
    def test_rejected_lines_are_left_out(self, tmp_path: Path) -> None:
        lines = [event(0), "{not json", event(2), event(3, status="OK")]
        found = star(tmp_path, lines, rejected=frozenset({(DAY, 2), (DAY, 4)}))
        assert by(found.songplays, "item_in_session") == [(0,), (2,)]

    def test_rejected_songs_are_left_out(self, tmp_path: Path) -> None:
        songs = [song(1), song(2)]
        rejected = frozenset({("song_data/A/A/A/TR0.json", 1)})
        found = star(tmp_path, [event()], songs, rejected=rejected)
        assert by(found.songs, "song_id") == [("SO0000000000000002",)]

    def test_a_bad_line_that_nobody_rejected_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(json.JSONDecodeError):
            star(tmp_path, ["{not json"])

    def test_empty_files_and_lines_hold_nothing(self, tmp_path: Path) -> None:
        write(tmp_path / DAY, [])
        write(tmp_path / NEXT_DAY, [event(), ""])
        assert len(list(read_events(tmp_path))) == 1


class TestQuarantine:
    @pytest.mark.parametrize(
        "fault",
        [
            {"ts": 1541030400},
            {"ts": 1541030400000000},
            {"userId": "seven"},
            {"userId": "9" * 19},
            {"registration": 1e30},
            {"level": "gold"},
            {"level": None},
            {"page": ""},
            {"sessionId": None},
            {"itemInSession": None},
            {"length": -1.0},
            {"song": " "},
            {"artist": None},
        ],
    )
    def test_events_with_a_fault_are_left_out(self, tmp_path: Path, fault: Row) -> None:
        found = star(tmp_path, [event(0), event(1, **fault)])
        assert by(found.songplays, "item_in_session") == [(0,)]

    @pytest.mark.parametrize(
        "fault",
        [
            {"song_id": "S1"},
            {"artist_id": None},
            {"title": ""},
            {"artist_name": " "},
            {"duration": None},
            {"duration": 1e6},
            {"year": 12},
            {"artist_latitude": 91.0},
            {"artist_longitude": -181.0},
        ],
    )
    def test_songs_with_a_fault_are_left_out(self, tmp_path: Path, fault: Row) -> None:
        found = star(tmp_path, [event()], [song(1), song(2, **fault)])
        assert by(found.songs, "song_id") == [("SO0000000000000001",)]


class TestMatching:
    @pytest.mark.parametrize(
        ("title", "artist"), [("UNIT", "the testers"), (" Unit", "The Testers  ")]
    )
    def test_case_and_blanks_do_not_matter(self, tmp_path: Path, title: str, artist: str) -> None:
        found = star(tmp_path, [event(song=title, artist=artist)], [song()])
        assert by(found.songplays, "song_match") == [("exact",)]

    @pytest.mark.parametrize("other", [{"title": "Units"}, {"artist_name": "Testers"}])
    def test_title_and_artist_must_both_agree(self, tmp_path: Path, other: Row) -> None:
        found = star(tmp_path, [event()], [song(**other)])
        assert by(found.songplays, "song_id", "artist_id", "song_match") == [(None, None, None)]

    @pytest.mark.parametrize(
        ("duration", "match"),
        [(201.5, "exact"), (199.5, "exact"), (201.50001, "title_artist")],
    )
    def test_a_second_apart_is_exact_and_more_is_title_artist(
        self, tmp_path: Path, duration: float, match: str
    ) -> None:
        found = star(tmp_path, [event(length=200.5)], [song(duration=duration)])
        assert by(found.songplays, "song_match") == [(match,)]

    @pytest.mark.parametrize(
        ("durations", "winner"),
        [
            ([230.0, 200.4, 200.7], 2),  # the closest
            ([200.0, 201.0, 190.0], 1),  # as close: the lowest song_id
            ([None, 900.0, None], 2),  # songs without a duration are quarantined
        ],
    )
    def test_the_closest_duration_wins_then_the_lowest_song_id(
        self, tmp_path: Path, durations: list[float | None], winner: int
    ) -> None:
        songs = [song(number, duration=each) for number, each in enumerate(durations, 1)]
        found = star(tmp_path, [event(length=200.5)], songs[::-1])
        assert by(found.songplays, "song_id", "artist_id") == [
            (f"SO{winner:016d}", f"AR{winner:016d}")
        ]

    def test_an_artist_that_is_an_integer_matches_its_digits(self, tmp_path: Path) -> None:
        found = star(tmp_path, [event(artist="311")], [song(artist_name=311, artist_location=27)])
        assert by(found.songplays, "song_match") == [("exact",)]
        assert by(found.artists, "name", "location") == [("311", "27")]

    def test_an_artist_is_matched_by_the_spelling_of_the_song(self, tmp_path: Path) -> None:
        artist_id = "AR0000000000000009"
        songs = [
            song(1, artist_id=artist_id, artist_name="Testers Inc."),
            song(2, artist_id=artist_id, artist_name="Testers Inc.", title="Other"),
            song(3, artist_id=artist_id, artist_name="The Testers"),
        ]
        found = star(tmp_path, [event()], songs)
        assert by(found.songplays, "song_id", "artist_id") == [("SO0000000000000003", artist_id)]
        assert by(found.artists, "name") == [("Testers Inc.",)]


class TestArtists:
    @pytest.mark.parametrize(
        ("spellings", "winner"),
        [
            # name, location, latitude, longitude; most songs first, even if nothing else is known
            ([("B", "", None, None)] * 2 + [("A", "Here", 1.0, 2.0)], ("B", None, None, None)),
            # then coordinates, then a place
            ([("A", "Here", None, None), ("B", "", 1.0, 2.0)], ("B", None, 1.0, 2.0)),
            ([("A", "", None, None), ("B", "Here", None, None)], ("B", "Here", None, None)),
            # then the smallest: Z is before a, and é after both
            (
                [("é", "", None, None), ("a", "", None, None), ("Z", "", None, None)],
                ("Z", None, None, None),
            ),
            ([(None, "", None, None), ("A", "", None, None)], ("A", None, None, None)),
            ([("A", "There", 1.0, 2.0), ("A", "Here", 9.0, 9.0)], ("A", "Here", 9.0, 9.0)),
            ([("A", "", 1.0, 2.0), ("A", "", -1.0, 2.0)], ("A", None, -1.0, 2.0)),
            ([("A", "", 1.0, 2.0), ("A", "", 1.0, -2.0)], ("A", None, 1.0, -2.0)),
        ],
    )
    def test_one_whole_spelling_is_chosen(
        self,
        tmp_path: Path,
        spellings: list[tuple[str | None, str, float | None, float | None]],
        winner: tuple[str, str | None, float | None, float | None],
    ) -> None:
        songs = [
            song(
                number,
                artist_id="AR0000000000000009",
                artist_name=name,
                artist_location=location,
                artist_latitude=latitude,
                artist_longitude=longitude,
            )
            for number, (name, location, latitude, longitude) in enumerate(spellings)
        ]
        found = star(tmp_path, [event()], songs)
        assert by(found.artists, "name", "location", "latitude", "longitude") == [winner]


class TestUsersAndLevels:
    def test_a_user_is_as_in_the_latest_event_whichever_file_has_it(self, tmp_path: Path) -> None:
        found = star(
            tmp_path,
            [event(60, lastName="King", level="paid"), event(30)],
            more={NEXT_DAY: [event(0, **NO_PLAY)]},
        )
        assert by(found.users, "last_name", "level", "first_seen_at", "last_seen_at") == [
            ("King", "paid", NOON, datetime(2018, 11, 5, 12, 1))
        ]

    def test_within_a_millisecond_the_later_session_and_item_count(self, tmp_path: Path) -> None:
        events = [
            event(itemInSession=9, sessionId=70, lastName="A"),
            event(itemInSession=2, sessionId=71, lastName="C"),
            event(itemInSession=1, sessionId=71, lastName="B"),
        ]
        assert by(star(tmp_path, events).users, "last_name") == [("C",)]

    def test_paid_free_and_paid_within_minutes_are_three_periods(self, tmp_path: Path) -> None:
        levels = ["paid", "paid", "free", "free", "paid", "paid"]
        events = [event(60 * minute, level=level) for minute, level in enumerate(levels)]
        found = star(tmp_path, events[::-1])
        free, paid_again = datetime(2018, 11, 5, 12, 2), datetime(2018, 11, 5, 12, 4)
        assert sorted(found.user_levels, key=lambda row: row["valid_from"]) == [
            {
                "user_id": 7,
                "level": level,
                "valid_from": since,
                "valid_to": until,
                "is_current": now,
            }
            for level, since, until, now in [
                ("paid", NOON, free, False),
                ("free", free, paid_again, False),
                ("paid", paid_again, None, True),
            ]
        ]

    def test_users_do_not_end_each_others_periods(self, tmp_path: Path) -> None:
        events = [event(0), event(1, userId="8", level="paid"), event(2)]
        assert by(star(tmp_path, events).user_levels, "user_id", "level", "is_current") == [
            (7, "free", True),
            (8, "paid", True),
        ]
