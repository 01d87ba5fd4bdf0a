"""Chance: reproducible, and shaped as it says."""

from collections import Counter

from local.events.dice import Dice


def test_the_same_seed_falls_the_same_way_on_every_python() -> None:
    # as Python 3.11, 3.12 and 3.13 gave it
    dice = Dice(1, "songs")
    assert [dice.between(1, 6) for _ in range(10)] == [3, 4, 4, 3, 5, 6, 5, 3, 4, 5]


def test_other_seeds_fall_independently() -> None:
    one, other = Dice(1, "songs"), Dice(1, "listeners")
    assert [one.roll() for _ in range(5)] != [other.roll() for _ in range(5)]


def test_between_reaches_both_ends_evenly() -> None:
    dice = Dice("ends")
    counts = Counter(dice.between(3, 5) for _ in range(3000))
    assert set(counts) == {3, 4, 5}
    assert all(900 < count < 1100 for count in counts.values())


def test_favour_prefers_the_first() -> None:
    dice = Dice("favour")
    counts = Counter(dice.favour("abcd") for _ in range(4000))
    # the square root of a quarter is a half
    assert 1900 < counts["a"] < 2100
    assert counts["a"] > counts["b"] > counts["c"] > counts["d"] > 0


def test_shuffled_holds_the_same_items_in_another_order() -> None:
    items = list(range(20))
    shuffled = Dice("shuffle").shuffled(items)
    assert shuffled != items
    assert sorted(shuffled) == items


def test_chance_is_as_likely_as_it_says() -> None:
    dice = Dice("chance")
    assert 200 < sum(dice.chance(0.25) for _ in range(1000)) < 300
    assert not any(dice.chance(0) for _ in range(100))
