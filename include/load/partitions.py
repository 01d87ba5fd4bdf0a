"""Partitions: the fixed parts of the bucket by which rows are replaced.

COPY cannot tell a row which file it came from, and it reads whatever its prefix matches. So a
partition is exactly what its prefix matches, and no partition lies within another: a shorter prefix
absorbs the longer ones that start with it.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class S3Object:
    """One object of a listing; `size` is in bytes."""

    key: str
    size: int
    etag: str


@dataclass(frozen=True)
class Partition:
    """Everything that lies under one prefix."""

    prefix: str
    objects: Sequence[S3Object]

    @property
    def size(self) -> int:
        """Size of all objects in bytes."""
        return sum(item.size for item in self.objects)

    @cached_property
    def listing_hash(self) -> str:
        """SHA-256 of the keys, sizes and etags, whatever their order."""
        lines = sorted(f"{item.key}\t{item.size}\t{item.etag}" for item in self.objects)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def find_partitions(
    list_objects: Callable[[str], Sequence[S3Object]],
    asked: str,
    pattern: str | None,
    loaded: Iterable[str],
) -> list[Partition]:
    """Return the partitions of the objects under the prefix `asked`, each with its whole listing.

    `pattern` is a regular expression, matched at the start of a key: what it matches is the prefix
    of the key's partition. A key that it does not match is a partition of its own. Without a
    pattern, `asked` is the partition. `loaded` are the prefixes of the partitions loaded before,
    which absorb like any other. When `asked` lies within a partition, all of that one is listed.
    """
    loaded = set(loaded)
    while True:
        objects = list_objects(asked)
        own = {asked if pattern is None else prefix_of(item.key, pattern) for item in objects}
        prefixes = set(outermost(own | loaded))
        lengths = sorted({len(prefix) for prefix in prefixes})
        members: defaultdict[str, list[S3Object]] = defaultdict(list)
        for item in objects:
            members[next(item.key[:n] for n in lengths if item.key[:n] in prefixes)].append(item)
        # One that is shorter than what was listed has objects that are not in the listing.
        shortest = min(members, key=len, default=asked)
        if len(shortest) >= len(asked):
            return [Partition(prefix, found) for prefix, found in members.items()]
        asked = shortest


def prefix_of(key: str, pattern: str) -> str:
    """Return the prefix of the partition that `key` belongs to by its own name."""
    found = re.match(pattern, key)
    return found[0] if found and found[0] else key


def outermost(prefixes: Iterable[str]) -> list[str]:
    """Return, in order, the prefixes that start with no other one."""
    kept: list[str] = []
    for prefix in sorted(prefixes):
        if not (kept and prefix.startswith(kept[-1])):
            kept.append(prefix)
    return kept
