"""Faulty rows are quarantined with the reason until their file is corrected."""

import json
from typing import Any

from tests.sparkify_data import event, song
from tests.warehouse import Warehouse

FILE = "log_data/2018/11/2018-11-05-events.json"
FAULTS: dict[str, dict[str, Any]] = {
    "ts: no time in milliseconds from 2000 to 2099": {"ts": 1541462400000000},
    "userId: no number of 1 to 18 digits": {"userId": "seven"},
    "registration: no time in milliseconds from 2000 to 2099": {"registration": 1e30},
    "level: neither free nor paid": {"level": "gold"},
    "page: missing": {"page": " "},
    "sessionId: missing": {"sessionId": None},
    "itemInSession: missing": {"itemInSession": None},
    "length: not from 0 to 86,400 seconds": {"length": -1.0},
    "song, artist: missing from a play": {"song": ""},
}
SECONDS = {"ts": 1541462400}
NANOSECONDS = {"ts": 1541462400000000000}


def test_faulty_rows_are_quarantined_with_their_reason_until_corrected(
    warehouse: Warehouse,
) -> None:
    faulty = [*FAULTS.values(), SECONDS, NANOSECONDS]
    good = [event(item, userId="8") for item in range(3)]
    warehouse.put_events(
        FILE, [*good, *(event(10 + at, **fault) for at, fault in enumerate(faulty))]
    )
    warehouse.put("song_data/A/A/A/1.json", json.dumps(song(1)).encode())
    warehouse.put("song_data/A/A/A/2.json", json.dumps(song(2, title="")).encode())
    warehouse.load("log_data/")

    warehouse.build()

    assert warehouse.rows("select user_id from unpublished.users") == [(8,)]
    assert warehouse.rows("select count(*) from unpublished.songplays") == [(3,)]
    reasons = warehouse.rows(
        "select quarantine_reason, count(*) from intermediate.int_events_quarantined "
        "group by 1 order by 1"
    )
    expected = dict.fromkeys(FAULTS, 1) | {"ts: no time in milliseconds from 2000 to 2099": 3}
    assert dict(reasons) == expected
    assert warehouse.rows(
        "select given_user_id, song_title from intermediate.int_events_quarantined "
        "where quarantine_reason like 'userId%%'"
    ) == [("seven", "Unit")]
    assert warehouse.rows(
        "select song_id, quarantine_reason from intermediate.int_songs_quarantined"
    ) == [(song(2)["song_id"], "title: missing")]

    warehouse.put_events(FILE, [*good, *(event(10 + at) for at in range(len(faulty)))])
    warehouse.put("song_data/A/A/A/2.json", json.dumps(song(2, title="Other")).encode())
    warehouse.load("log_data/")
    warehouse.build()

    assert warehouse.rows("select count(*) from intermediate.int_events_quarantined") == [(0,)]
    assert warehouse.rows("select count(*) from intermediate.int_songs_quarantined") == [(0,)]
    assert warehouse.rows("select user_id from unpublished.users order by 1") == [(7,), (8,)]
    assert warehouse.rows("select count(*) from unpublished.songplays") == [(3 + len(faulty),)]
    assert warehouse.rows("select count(*) from unpublished.songs") == [(2,)]
