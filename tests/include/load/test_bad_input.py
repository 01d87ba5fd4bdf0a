"""Ten thousand bad inputs: each line is a row, rejected or quarantined, and no SQL breaks.

Hypothesis draws the lines, and the names of the files that hold them;
`tests.include.load.bad_input` judges what must become of each. Then the DAG's own operator loads
them and dbt builds everything.

SPARKIFY_BAD_INPUTS sets how many lines are tried; beyond the default they are drawn at random.
"""

import bz2
import gzip
import json
import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from include.load.errors import LoadError
from include.load.tables import EVENTS, SONGS
from include.load.tasks import stage
from tests.include.load.bad_input import (
    EVENTS_FILE,
    RECORD_BYTES,
    REJECTED,
    ROW,
    SONGS_FILE,
    Kind,
    lines,
    names,
    spell,
)
from tests.sparkify_data import event
from tests.warehouse import Warehouse

MANY = 10_000
INPUTS = int(os.environ.get("SPARKIFY_BAD_INPUTS", MANY))
LINES_PER_FILE = 200
BUDGET = 99_000
BALANCE = "assert_every_line_is_accounted_for"


@dataclass(frozen=True)
class File:
    """A file that is a partition by itself: its lines, and of each what must become of it."""

    kind: Kind
    key: str
    partition: str
    lines: Sequence[bytes]

    @property
    def fates(self) -> list[str | None]:
        return [self.kind.judge(line) for line in self.lines]

    @property
    def is_judged(self) -> bool:
        return None not in self.fates


def draw(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    """Return examples of a strategy, the same each time for the default number."""
    drawn: list[Any] = []

    @settings(
        max_examples=count,
        derandomize=INPUTS == MANY,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: Any) -> None:
        drawn.append(example)

    while len(drawn) < count:
        collect()
    return drawn[:count]


def files_of(kind: Kind, count: int) -> Iterator[File]:
    """Draw lines and pack them into files with hard names, those that AWS leaves open apart."""
    drawn = draw(lines(kind), count)
    judged = [line for line in drawn if kind.judge(line) is not None]
    open_ = [line for line in drawn if kind.judge(line) is None]
    good = spell(list(kind.make().items()), ascii_only=True, gap="").encode()
    packs = [
        [good, *some[at : at + LINES_PER_FILE]]
        for some in (judged, open_)
        for at in range(0, len(some), LINES_PER_FILE)
    ]
    hard = draw(names(), len(packs))
    for number, (name, pack) in enumerate(zip(hard, packs, strict=True)):
        if kind is EVENTS_FILE:
            partition = f"log_data/{date(2001, 1, 1) + timedelta(days=number):%Y/%m/%Y-%m-%d}"
        else:
            partition = f"song_data/A/{chr(ord('A') + number)}/"
        key = f"{partition}{name}.json"
        if number % 2:  # fits no pattern, and is a partition of its own
            key = partition = f"{partition.split('/')[0]}/{number}{name}/{name}.json"
        yield File(kind, key, f"s3://sparkify/{partition}", pack)


def test_each_of_ten_thousand_bad_lines_is_a_row_rejected_or_quarantined(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    of_events, of_songs = INPUTS * 4 // 5, INPUTS // 5
    files = [*files_of(EVENTS_FILE, of_events), *files_of(SONGS_FILE, of_songs)]
    for file in files:
        warehouse.put(file.key, b"\n".join(file.lines))

    for table, prefix in ((EVENTS, "log_data/"), (SONGS, "song_data/")):
        operator = stage("stage", table, prefix)
        operator.max_rejected_lines = BUDGET
        operator.stage("run")
    built = warehouse.dbt_here("run")
    assert {
        name: each["message"] for name, each in built.items() if each["status"] != "success"
    } == {}

    loads = {
        address: counts
        for address, *counts in warehouse.rows(
            "select partition_prefix, status, files, lines_scanned, rows_loaded, rows_rejected "
            'from "raw".load_history'
        )
    }
    reasons: dict[str, Counter[str | None]] = {file.partition: Counter() for file in files}
    for table in ("events", "songs"):
        for address, reason, rows in warehouse.rows(
            "select _partition, quarantine_reason, count(*) "
            f"from staging.stg_sparkify__{table} group by 1, 2"
        ):
            reasons[address][reason or ROW] += rows
    rejected: dict[str, list[int]] = {file.partition: [] for file in files}
    for address, line_number in warehouse.rows(
        'select partition_prefix, line_number from "raw".load_errors order by 1, 2'
    ):
        rejected[address].append(line_number)

    assert loads.keys() == {file.partition for file in files}
    fates: Counter[str | None] = Counter()
    for file in files:
        status, count, scanned, loaded, refused = loads[file.partition]
        assert (status, count, scanned) == ("loaded", 1, loaded + refused), file.key
        assert (loaded, refused) == (
            reasons[file.partition].total(),
            len(rejected[file.partition]),
        ), file.key
        fates.update(file.fates[1:])
        if file.is_judged:
            wrong = [
                (number, file.lines[number - 1], file.fates[number - 1])
                for number in {
                    at for at, fate in enumerate(file.fates, start=1) if fate == REJECTED
                }
                ^ set(rejected[file.partition])
            ]
            assert wrong == [], file.key
            expected = Counter(fate for fate in file.fates if fate != REJECTED)
            assert reasons[file.partition] == expected, file.key
        else:
            assert loaded + refused >= len(file.lines), file.key
    assert warehouse.dbt_here("test", "--select", BALANCE)[BALANCE]["status"] == "pass"

    assert fates.total() == of_events + of_songs
    assert fates[None] < fates.total() / 10
    quarantined = fates.total() - fates[ROW] - fates[REJECTED] - fates[None]
    assert min(fates[ROW], fates[REJECTED], quarantined) > fates.total() / 10
    with capsys.disabled():
        print(
            f"\n{fates.total():,} lines in {len(files)} files: {fates[ROW]:,} rows, "
            f"{fates[REJECTED]:,} rejected, {quarantined:,} quarantined, "
            f"{fates[None]:,} that AWS leaves open"
        )


EVENTS_OF_FILE = [event(item, song="Café") for item in range(5)]
GOOD = [json.dumps(each).encode() for each in EVENTS_OF_FILE]
PLAIN = b"\n".join(GOOD)
UNESCAPED = "\n".join(json.dumps(each, ensure_ascii=False) for each in EVENTS_OF_FILE)
PADDING = len(b'{"pad": ""}')


def among(*some: bytes) -> bytes:
    """Return a file in which these lines stand in the middle of good ones."""
    return b"\n".join([*GOOD[:2], *some, *GOOD[2:]])


# Of each file how many rows and rejected lines come of it, or what the load says that it is.
FILES: dict[str, tuple[bytes, tuple[int, int] | str]] = {
    "a byte order mark": (b"\xef\xbb\xbf" + PLAIN, (4, 1)),
    "CRLF": (PLAIN.replace(b"\n", b"\r\n"), (5, 0)),
    "CR": (PLAIN.replace(b"\n", b"\r"), (5, 0)),
    "a last newline": (PLAIN + b"\n", (5, 0)),
    "blank lines": (b"\n \n\t\r\n".join(GOOD), (5, 0)),
    "all on one line": (b"".join(GOOD), (5, 0)),
    "pretty-printed": (
        "\n".join(json.dumps(each, indent=2) for each in EVENTS_OF_FILE).encode(),
        (5, 0),
    ),
    "UTF-8": (UNESCAPED.encode(), (5, 0)),
    "Latin-1": (among(UNESCAPED.splitlines()[0].encode("latin-1")), (5, 1)),
    "NULs": (among(b"\0" * 1000), (5, 1)),
    "an array for an object": (among(b"[" + GOOD[0] + b"]"), (5, 1)),
    "numbers for objects": (among(b"1", b'"2"', b"null"), (5, 3)),
    "an object without keys": (among(b"{}"), (6, 0)),
    "a quote too few": (among(GOOD[0].replace(b'"page": "', b'"page": ')), (5, 1)),
    "a quote too many": (among(GOOD[0].replace(b'"page": ', b'"page": "')), (5, 1)),
    "cut off": (PLAIN[:-50], (4, 1)),
    "commas between": (b",\n".join(GOOD), (5, 4)),
    "a line of 4 MB": (among(b'{"pad": "' + b"x" * (RECORD_BYTES - PADDING) + b'"}'), (6, 0)),
    "a line over 4 MB": (among(b'{"pad": "' + b"x" * (RECORD_BYTES - PADDING + 1) + b'"}'), (5, 1)),
    "a line of 9 MB": (among(b'{"pad": "' + b"x" * 9_000_000 + b'"}'), (5, 1)),
    "nested 200 deep": (among(b'{"pad": ' + b"[" * 200 + b"]" * 200 + b"}"), (6, 0)),
    "nested 100,000 deep": (among(b'{"pad": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"), (5, 1)),
    "opened 100,000 times": (among(b'{"a":' * 100_000), (5, 1)),
    "empty": (b"", (0, 0)),
    "blank": (b" \r\n\t\n", (0, 0)),
    "an array": (json.dumps(EVENTS_OF_FILE).encode(), "one JSON array"),
    "an array, an object a line": (b"[" + b",\n".join(GOOD) + b"]", "one JSON array"),
    "an array, pretty-printed": (json.dumps(EVENTS_OF_FILE, indent=2).encode(), "one JSON array"),
    "gzip": (gzip.compress(PLAIN, mtime=0), "a gzip file"),
    "bzip2": (bz2.compress(PLAIN), "a bzip2 file"),
    "zstd": (zstandard.compress(PLAIN), "a zstd file"),
    "UTF-16": (UNESCAPED.encode("utf-16"), "UTF-16 text"),
    "UTF-16 without a mark": (UNESCAPED.encode("utf-16-le"), "UTF-16 text"),
    "random bytes": (random.Random(1).randbytes(5000), "not JSON"),
    "text": (b"# Logs\n\nThis folder has {logs} in [json].\n", "not JSON"),
    "CSV": (b"artist,song\nThe Testers,Unit\n", "not JSON"),
    "HTML": (b"<html>503 Slow Down</html>", "XML or HTML"),
}


def test_each_line_of_a_bad_file_is_a_row_or_rejected_or_the_file_is_named(
    warehouse: Warehouse,
) -> None:
    partitions = {
        name: f"s3://sparkify/log_data/2018/11/2018-11-{number:02d}"
        for number, name in enumerate(FILES, start=1)
    }
    for name, (body, _) in FILES.items():
        warehouse.put(f"{partitions[name].removeprefix('s3://sparkify/')}-events.json", body)

    with pytest.raises(LoadError) as failure:
        stage("stage", EVENTS, "log_data/").stage("run")

    found: dict[str, tuple[int, int] | str] = {}
    messages = str(failure.value).split("COPY of ")
    loads = warehouse.rows(
        "select partition_prefix, status, lines_scanned, rows_loaded, rows_rejected, "
        '(select count(*) from "raw".staging_events where _partition = partition_prefix), '
        '(select count(*) from "raw".load_errors as e where e.load_id = h.load_id) '
        'from "raw".load_history as h'
    )
    by_partition = {address: counts for address, *counts in loads}
    assert len(loads) == len(FILES)
    for name, partition in partitions.items():
        status, scanned, loaded, rejected, rows, errors = by_partition[partition]
        assert (rows, errors) == (loaded, rejected), name
        if status == "loaded":
            assert scanned == loaded + rejected, name
            found[name] = (loaded, rejected)
        else:
            assert rows == 0, name
            [message] = [each for each in messages if each.startswith(f"{partition} ")]
            found[name] = (
                message.split("The file is ")[1].split(":")[0].split("\n")[0].split(".")[0]
            )
    assert found == {name: expected for name, (_, expected) in FILES.items()}
