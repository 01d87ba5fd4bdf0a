"""A random number generator with the same sequence per seed on every version of Python."""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Rng:
    """Draws that use `Random.random()` alone.

    Python guarantees the sequence of that method only (Notes on Reproducibility, module random).
    The seeds may be any values with a stable `repr`; different seeds give independent sequences.
    """

    def __init__(self, *seeds: object) -> None:
        self.random = Random(repr(seeds)).random  # nosec B311 # made-up data

    def skewed(self) -> float:
        """Return a number from 0 to 1, a third on average and rarely near 1."""
        number = self.random()
        return number * number  # not ** 2, whose last bit depends on the platform

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self.random() < probability

    def between(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, both included, with equal probability."""
        return low + int(self.random() * (high - low + 1))

    def pick(self, items: Sequence[T]) -> T:
        """Return one of `items`, with equal probability."""
        return items[int(self.random() * len(items))]

    def favour(self, items: Sequence[T]) -> T:
        """Return one of `items`, the first ones far more often, as popularity is skewed."""
        return items[int(self.skewed() * len(items))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return `items` in a random order."""
        return [
            item for _, _, item in sorted((self.random(), i, item) for i, item in enumerate(items))
        ]
