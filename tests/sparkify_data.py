"""Single events and songs as the app writes them, for tests that need just a few."""

from datetime import UTC, datetime
from typing import Any

NOON = datetime(2018, 11, 5, 12, tzinfo=UTC)


def epoch_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def event(item: int = 0, **changes: Any) -> dict[str, Any]:
    """Return a play by user 7 at noon and `item` seconds, with `changes` made to it."""
    return {
        "artist": "The Testers",
        "auth": "Logged In",
        "firstName": "Ada",
        "gender": "F",
        "itemInSession": item,
        "lastName": "Lovelace",
        "length": 200.5,
        "level": "free",
        "location": "Testville, TX",
        "method": "PUT",
        "page": "NextSong",
        "registration": 1540919166796.0,
        "sessionId": 70,
        "song": "Unit",
        "status": 200,
        "ts": epoch_ms(NOON) + item * 1000,
        "userAgent": '"Mozilla/5.0"',
        "userId": "7",
        **changes,
    }


def song(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return the catalogue's entry number `number`, with `changes` made to it."""
    return {
        "num_songs": 1,
        "artist_id": f"AR{number:016d}",
        "artist_latitude": None,
        "artist_longitude": None,
        "artist_location": "",
        "artist_name": "The Testers",
        "song_id": f"SO{number:016d}",
        "title": "Unit",
        "duration": 200.5,
        "year": 0,
        **changes,
    }
