"""Chance that falls the same way for the same seed on every version of Python."""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Draws made of `Random.random()` alone.

    It is the one method whose sequence Python promises to keep (Notes on Reproducibility, module
    random). The seeds may be any values with a stable `repr`; other seeds give independent dice.
    """

    def __init__(self, *seeds: object) -> None:
        self.roll = Random(repr(seeds)).random

    def small(self) -> float:
        """Return a number from 0 to 1, a third on average, and rarely near 1."""
        roll = self.roll()
        return roll * roll  # not ** 2, whose last bit is up to the platform

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self.roll() < probability

    def between(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, both included, each as likely."""
        return low + int(self.roll() * (high - low + 1))

    def pick(self, items: Sequence[T]) -> T:
        """Return one of `items`, each as likely."""
        return items[int(self.roll() * len(items))]

    def favour(self, items: Sequence[T]) -> T:
        """Return one of `items`, the first ones far more often: popularity is not even."""
        return items[int(self.small() * len(items))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return `items` in a random order."""
        return [
            item for _, _, item in sorted((self.roll(), i, item) for i, item in enumerate(items))
        ]
