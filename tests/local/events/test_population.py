"""The catalogue and the listeners: traits of the real data, and the app's mojibake."""

from collections import defaultdict
from itertools import islice

import pytest

from local.events import words
from local.events.population import (
    MAX_SONGS,
    Repertoire,
    Song,
    catalogue,
    catalogue_id,
    listeners,
    track_id,
)
from local.events.rng import Rng

NOVEMBER = 1_541_030_400


@pytest.fixture(scope="module")
def songs() -> list[Song]:
    return list(catalogue(3000, Rng("catalogue")))


@pytest.mark.parametrize("first", [0, 17_576 * 100 - 2000, MAX_SONGS - 2000])
def test_ids_are_unique_and_18_characters_long(first: int) -> None:
    numbers = range(first, first + 5000)
    for ids in ([catalogue_id("SO", n) for n in numbers], [track_id(n) for n in numbers]):
        assert len(set(ids)) == 5000
        assert {len(each) for each in ids} == {18}
        assert all(each.isalnum() and each.upper() == each for each in ids)


def test_the_catalogue_is_made_song_by_song() -> None:
    assert len(list(islice(catalogue(MAX_SONGS, Rng("endless")), 3))) == 3


def test_an_artist_id_has_several_names_and_a_name_several_ids(songs: list[Song]) -> None:
    names, ids = defaultdict(set), defaultdict(set)
    for song in songs:
        names[song.artist_id].add(song.artist_name)
        ids[song.artist_name].add(song.artist_id)
    assert any(len(each) > 1 for each in names.values())
    assert any(len(each) > 1 for each in ids.values())


def test_a_title_by_an_artist_has_several_songs_of_different_durations(songs: list[Song]) -> None:
    durations = defaultdict(list)
    for song in songs:
        durations[song.title, song.artist_name].append(song.duration)
    several = [each for each in durations.values() if len(each) > 1]
    apart = [max(each) - min(each) for each in several]
    assert any(each < 1 for each in apart)
    assert any(each > 1 for each in apart)


def test_coordinates_are_null_together(songs: list[Song]) -> None:
    assert all((s.artist_latitude is None) == (s.artist_longitude is None) for s in songs)
    located = sum(song.artist_latitude is not None for song in songs)
    assert 0.25 < located / len(songs) < 0.45


@pytest.mark.parametrize(
    ("field", "value", "low", "high"), [("year", 0, 0.2, 0.4), ("artist_location", "", 0.35, 0.6)]
)
def test_what_is_unknown_is_zero_or_empty(
    songs: list[Song], field: str, value: object, low: float, high: float
) -> None:
    assert low < sum(getattr(song, field) == value for song in songs) / len(songs) < high


def test_names_and_places_that_are_all_digits_are_integers(songs: list[Song]) -> None:
    assert any(isinstance(song.artist_name, int) for song in songs)
    assert any(isinstance(song.artist_location, int) for song in songs)
    texts = [text for s in songs for text in (s.artist_name, s.artist_location)]
    assert not any(isinstance(text, str) and text.isdigit() for text in texts)
    assert any(song.title.isdigit() for song in songs)


def test_titles_have_the_shapes_of_the_real_ones() -> None:
    rng = Rng("titles")
    titles = [words.song_title(rng) for _ in range(20_000)]
    assert max(len(title.encode()) for title in titles) == 159
    assert any(title != title.strip() for title in titles)
    assert all(any(sign in title for title in titles) for sign in '_"/#(é')


def test_browsers_with_a_comma_are_quoted() -> None:
    rng = Rng("browsers")
    agents = {words.user_agent(rng) for _ in range(200)}
    assert all((agent[0] == agent[-1] == '"') == ("," in agent) for agent in agents)
    assert len({agent[0] for agent in agents}) == 2


class TestRepertoire:
    def test_a_quarter_of_plays_is_of_the_catalogue_spelled_in_several_ways(
        self, songs: list[Song]
    ) -> None:
        known = {(str(s.artist_name).lower().strip(), s.title.lower().strip()) for s in songs}
        spelled = {(str(s.artist_name), s.title) for s in songs}
        rng = Rng("plays")
        repertoire = Repertoire(songs, rng)
        plays = [repertoire.choose(rng) for _ in range(4000)]
        of_catalogue = [
            p for p in plays if (p.artist.lower().strip(), p.song.lower().strip()) in known
        ]
        assert 0.2 < len(of_catalogue) / len(plays) < 0.3
        as_spelled = [play for play in of_catalogue if (play.artist, play.song) in spelled]
        assert 0 < len(of_catalogue) - len(as_spelled) < len(of_catalogue) / 4

    def test_lengths_are_the_catalogue_s_mostly(self, songs: list[Song]) -> None:
        rng = Rng("lengths")
        repertoire = Repertoire(songs, rng)
        durations = {song.duration for song in songs}
        plays = [repertoire.choose(rng) for _ in range(4000)]
        assert 0.15 < sum(play.length in durations for play in plays) / len(plays) < 0.25

    def test_what_is_not_ascii_was_encoded_twice(self) -> None:
        song = next(catalogue(1, Rng("one")))
        foreign = Song(**{**{f: getattr(song, f) for f in Song.__slots__}, "title": "Año"})
        repertoire = Repertoire([foreign], Rng("one"))
        titles = {repertoire.choose(Rng(number)).song for number in range(200)}
        assert "A\u00c3\u0083\u00c2\u00b1o" in titles
        assert not any("Año" in title for title in titles)

    def test_there_is_something_to_play_without_a_catalogue(self) -> None:
        assert Repertoire([], Rng("none")).choose(Rng("none")).length >= 60


def test_some_listeners_pay_and_some_register_later() -> None:
    users = listeners(300, NOVEMBER, Rng("users"))
    assert [user.user_id for user in users] == list(range(1, 301))
    later = [user for user in users if user.registered > NOVEMBER]
    assert 30 < len(later) < 90
    assert {user.level for user in later} == {"free"}
    assert 30 < sum(user.level == "paid" for user in users) < 90
