"""The random number generator: reproducible, with the documented distributions."""

from collections import Counter

from local.events.rng import Rng


def test_a_seed_gives_the_same_sequence_on_every_python() -> None:
    # computed with Python 3.11, 3.12 and 3.13
    rng = Rng(1, "songs")
    assert [rng.between(1, 6) for _ in range(10)] == [3, 4, 4, 3, 5, 6, 5, 3, 4, 5]


def test_different_seeds_are_independent() -> None:
    one, other = Rng(1, "songs"), Rng(1, "listeners")
    assert [one.random() for _ in range(5)] != [other.random() for _ in range(5)]


def test_between_reaches_both_ends_evenly() -> None:
    rng = Rng("ends")
    counts = Counter(rng.between(3, 5) for _ in range(3000))
    assert set(counts) == {3, 4, 5}
    assert all(900 < count < 1100 for count in counts.values())


def test_favour_prefers_the_first() -> None:
    rng = Rng("favour")
    counts = Counter(rng.favour("abcd") for _ in range(4000))
    # the square root of a quarter is a half
    assert 1900 < counts["a"] < 2100
    assert counts["a"] > counts["b"] > counts["c"] > counts["d"] > 0


def test_shuffled_holds_the_same_items_in_another_order() -> None:
    items = list(range(20))
    shuffled = Rng("shuffle").shuffled(items)
    assert shuffled != items
    assert sorted(shuffled) == items


def test_chance_has_the_given_probability() -> None:
    rng = Rng("chance")
    assert 200 < sum(rng.chance(0.25) for _ in range(1000)) < 300
    assert not any(rng.chance(0) for _ in range(100))
