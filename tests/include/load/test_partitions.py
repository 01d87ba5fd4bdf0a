"""Partitions: which keys belong together, whatever the prefix of the run."""

import pytest

from include.load.partitions import Partition, S3Object, find_partitions
from include.settings import settings
from local.events.files import event_key, song_key
from tests.sparkify_data import NOON

DAYS = r"log_data/\d{4}/\d{2}/\d{4}-\d{2}-\d{2}"


def found(
    asked: str, keys: list[str], pattern: str | None = DAYS, loaded: tuple[str, ...] = ()
) -> dict[str, list[str]]:
    """Return the partitions by prefix, with their keys, in a bucket that holds `keys`."""

    def list_objects(prefix: str) -> list[S3Object]:
        return [S3Object(key, 1, "e") for key in sorted(keys) if key.startswith(prefix)]

    partitions = find_partitions(list_objects, asked, pattern, loaded)
    return {each.prefix: [item.key for item in each.objects] for each in partitions}


MONTH = "log_data/2018/11/"
FIFTH = f"{MONTH}2018-11-05"
SIXTH = f"{MONTH}2018-11-06"
KEYS = [f"{FIFTH}-events.json", f"{FIFTH}-more.json", f"{SIXTH}-events.json"]


@pytest.mark.parametrize("asked", ["", "log_data/", "log_data/2018/1", MONTH, f"{MONTH}2018-11-0"])
def test_a_wide_prefix_is_split_into_its_partitions(asked: str) -> None:
    assert found(asked, KEYS) == {FIFTH: KEYS[:2], SIXTH: KEYS[2:]}


@pytest.mark.parametrize("asked", [FIFTH, f"{FIFTH}-", f"{FIFTH}-more.json"])
def test_a_narrow_prefix_means_its_whole_partition(asked: str) -> None:
    assert found(asked, KEYS) == {FIFTH: KEYS[:2]}


def test_a_prefix_of_no_key_has_no_partitions() -> None:
    assert found("log_data/1999", KEYS) == {}


def test_a_key_that_fits_no_pattern_is_a_partition_of_its_own() -> None:
    copy = f"{MONTH}.ipynb_checkpoints/2018-11-05-events-checkpoint.json"
    assert found(MONTH, [*KEYS, copy])[copy] == [copy]


def test_a_partition_is_all_that_its_prefix_matches() -> None:
    """COPY of `2018-11-05` also reads `2018-11-05x…`."""
    odd = f"{FIFTH}x/y.json"
    assert found(MONTH, [*KEYS, odd])[FIFTH] == [*KEYS[:2], odd]


def test_the_shorter_prefix_absorbs_the_longer() -> None:
    stray = "log_data/2018/11"
    assert found("log_data/", [stray, *KEYS, "log_data/2018/12/x"]) == {
        stray: [stray, *KEYS],
        "log_data/2018/12/x": ["log_data/2018/12/x"],
    }


def test_a_partition_that_was_loaded_absorbs_as_well() -> None:
    other = "log_data/2018/12/2018-12-01"
    keys = [*KEYS, f"{other}-events.json"]
    for asked in (FIFTH, MONTH, "log_data/"):
        assert found(asked, keys, loaded=(MONTH, "song_data/"))[MONTH] == KEYS
    assert found(other, keys, loaded=(MONTH,)) == {other: [f"{other}-events.json"]}


def test_a_loaded_partition_within_another_does_not_split_it() -> None:
    assert found(MONTH, KEYS, loaded=(f"{FIFTH}-more",)) == {FIFTH: KEYS[:2], SIXTH: KEYS[2:]}


def test_without_a_pattern_the_prefix_is_the_partition() -> None:
    assert found("log_data/", KEYS, None) == {"log_data/": KEYS}


@pytest.mark.parametrize("pattern", ["", "log_data/x*?", "(?=log)"])
def test_a_pattern_that_matches_nothing_leaves_the_key_as_the_partition(pattern: str) -> None:
    keys = ["other/1.json", "other/2.json"]
    assert found("other/", keys, pattern) == {key: [key] for key in keys}


def test_the_usual_patterns_fit_what_the_app_writes() -> None:
    event = event_key(NOON.date())
    assert found(event, [event], settings().events_partition) == {FIFTH: [event]}
    song = song_key("TRABGCE128F422E38E")
    assert found("song_data/", [song], settings().songs_partition) == {"song_data/A/B/": [song]}


def test_the_listing_hash_changes_with_every_object_and_not_with_their_order() -> None:
    one, two = S3Object("a", 1, "e"), S3Object("b", 1, "e")
    same = {Partition("", [one, two]).listing_hash, Partition("", [two, one]).listing_hash}
    assert len(same) == 1
    for changed in (S3Object("c", 1, "e"), S3Object("b", 2, "e"), S3Object("b", 1, "f")):
        assert Partition("", [one, changed]).listing_hash not in same
