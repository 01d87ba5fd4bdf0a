"""A generated month, written once for the tests that only read it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from local.events import Generated, generate

Generate = Callable[..., Generated]


@dataclass(frozen=True)
class Month:
    folder: Path
    generated: Generated
    events: list[tuple[str, dict[str, Any]]]
    songs: list[dict[str, Any]]


@pytest.fixture(scope="session")
def month(tmp_path_factory: pytest.TempPathFactory) -> Month:
    """Generate 30 days, 100 users and 300 songs; return events with the key of their file."""
    folder = tmp_path_factory.mktemp("month")
    generated = generate(folder, start=date(2018, 11, 1), days=30, users=100, songs=300)
    events = [
        (path.relative_to(folder).as_posix(), json.loads(line))
        for path in sorted(folder.glob("log_data/**/*.json"))
        for line in path.read_text(encoding="ascii").split("\n")
    ]
    songs = [json.loads(path.read_bytes()) for path in sorted(folder.glob("song_data/**/*.json"))]
    return Month(folder, generated, events, songs)


@pytest.fixture
def few_days() -> Generate:
    """Return a function that writes five days of twenty users; its arguments change that."""

    def write(folder: Path, **changes: Any) -> Generated:
        arguments = {"start": date(2018, 11, 1), "days": 5, "users": 20, "songs": 30, **changes}
        return generate(folder, **arguments)

    return write
