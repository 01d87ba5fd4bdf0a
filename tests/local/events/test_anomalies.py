"""Anomalies: the requested counts, at the recorded places, and no change to the expected marts."""

import json
from collections import Counter
from pathlib import Path

import pytest

from local.events import KINDS, Anomaly
from local.events.anomalies import inject
from local.events.rng import Rng
from tests.local.events.conftest import Generate
from tests.stack.star_schema import expected

EVERYTHING = {
    "malformed": 6,
    "truncated": 5,
    "wrong_type": 7,
    "oversize": 2,
    "invalid_utf8": 2,
    "duplicate_lines": 9,
    "duplicate_file": 2,
    "late": 8,
    "empty_file": 2,
    "integer_name": 3,
}
INTEGER_FIELDS = ("itemInSession", "sessionId", "status", "ts")
FLOAT_FIELDS = ("length", "registration")


def line_of(folder: Path, anomaly: Anomaly) -> bytes:
    return (folder / anomaly.file).read_bytes().split(b"\n")[anomaly.line - 1]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.glob("*_data/**/*")
        if path.is_file()
    }


def lines(folder: Path) -> Counter[bytes]:
    return Counter(
        line
        for key, content in contents(folder).items()
        if key.startswith("log_data/") and content
        for line in content.split(b"\n")
    )


@pytest.fixture
def clean(tmp_path: Path, few_days: Generate) -> Path:
    few_days(tmp_path / "clean")
    return tmp_path / "clean"


@pytest.fixture
def faulty(tmp_path: Path, few_days: Generate) -> tuple[Path, list[Anomaly]]:
    return tmp_path / "faulty", list(few_days(tmp_path / "faulty", anomalies=EVERYTHING).anomalies)


def test_every_kind_is_known() -> None:
    assert EVERYTHING.keys() == KINDS.keys()


def test_each_kind_is_injected_as_often_as_requested(faulty: tuple[Path, list[Anomaly]]) -> None:
    _, anomalies = faulty
    assert Counter(anomaly.kind for anomaly in anomalies) == EVERYTHING


def test_no_other_line_is_added_or_lost(clean: Path, faulty: tuple[Path, list[Anomaly]]) -> None:
    folder, anomalies = faulty
    added = {"malformed", "truncated", "wrong_type", "oversize", "invalid_utf8", "duplicate_lines"}
    expected_lines = lines(clean)
    for anomaly in anomalies:
        if anomaly.kind in added:
            expected_lines[line_of(folder, anomaly)] += 1
        if anomaly.kind == "duplicate_file":
            expected_lines.update((folder / anomaly.file).read_bytes().split(b"\n"))
    assert lines(folder) == expected_lines


def test_files_without_anomalies_are_unchanged(tmp_path: Path, few_days: Generate) -> None:
    few_days(tmp_path / "clean")
    found = few_days(tmp_path / "faulty", anomalies={"malformed": 1, "integer_name": 1})
    before, after = contents(tmp_path / "clean"), contents(tmp_path / "faulty")
    touched = {anomaly.file for anomaly in found.anomalies}
    assert {key for key in after if after[key] != before.get(key)} == touched
    assert before.keys() - after.keys() == set()


@pytest.mark.parametrize("kind", ["malformed", "truncated"])
def test_bad_lines_are_not_json(faulty: tuple[Path, list[Anomaly]], kind: str) -> None:
    folder, anomalies = faulty
    for anomaly in (anomaly for anomaly in anomalies if anomaly.kind == kind):
        assert anomaly.is_rejected
        with pytest.raises(json.JSONDecodeError):
            json.loads(line_of(folder, anomaly))


def test_a_truncated_line_is_the_beginning_of_an_event(faulty: tuple[Path, list[Anomaly]]) -> None:
    folder, anomalies = faulty
    for anomaly in (anomaly for anomaly in anomalies if anomaly.kind == "truncated"):
        line = line_of(folder, anomaly)
        assert line.startswith(b'{"artist":')
        assert anomaly.what.startswith(f"cut after {len(line)} of ")


def test_a_wrong_type_is_a_string_where_a_number_belongs(
    faulty: tuple[Path, list[Anomaly]],
) -> None:
    folder, anomalies = faulty
    wrong = []
    for anomaly in (anomaly for anomaly in anomalies if anomaly.kind == "wrong_type"):
        assert anomaly.is_rejected
        event = json.loads(line_of(folder, anomaly))
        (field,) = [
            field for field in INTEGER_FIELDS + FLOAT_FIELDS if isinstance(event[field], str)
        ]
        assert anomaly.what == f'{field} is "{event[field]}"'
        with pytest.raises(ValueError, match="could not convert"):
            float(event[field])
        wrong.append(field)
    assert set(wrong) == {*INTEGER_FIELDS, *FLOAT_FIELDS}


def test_oversize_text_has_few_characters_and_many_bytes(
    faulty: tuple[Path, list[Anomaly]],
) -> None:
    folder, anomalies = faulty
    for anomaly in (anomaly for anomaly in anomalies if anomaly.kind == "oversize"):
        assert anomaly.is_rejected
        song = json.loads(line_of(folder, anomaly))["song"]
        assert (len(song), len(song.encode())) == (400, 1200)


def test_invalid_utf8_is_the_only_fault_of_its_line(faulty: tuple[Path, list[Anomaly]]) -> None:
    folder, anomalies = faulty
    for anomaly in (anomaly for anomaly in anomalies if anomaly.kind == "invalid_utf8"):
        assert anomaly.is_rejected
        line = line_of(folder, anomaly)
        assert json.loads(line.decode("latin-1"))["song"] == "Café"
        with pytest.raises(UnicodeDecodeError):
            line.decode()


def test_a_bad_line_would_show_in_the_marts_if_it_were_loaded(
    clean: Path, faulty: tuple[Path, list[Anomaly]]
) -> None:
    folder, anomalies = faulty
    items = {json.loads(line)["itemInSession"] for line in lines(clean)}
    loadable = [anomaly for anomaly in anomalies if anomaly.kind in {"oversize", "wrong_type"}]
    for anomaly in loadable:
        event = json.loads(line_of(folder, anomaly))
        assert event["page"] == "NextSong"
        assert event["itemInSession"] not in items


def test_duplicates_are_in_the_same_file_twice(faulty: tuple[Path, list[Anomaly]]) -> None:
    folder, anomalies = faulty
    for anomaly in (anomaly for anomaly in anomalies if anomaly.kind == "duplicate_lines"):
        assert not anomaly.is_rejected
        in_file = (folder / anomaly.file).read_bytes().split(b"\n")
        assert in_file.count(line_of(folder, anomaly)) > 1


def test_a_duplicate_file_is_a_checkpoint_of_the_clean_file(
    clean: Path, faulty: tuple[Path, list[Anomaly]]
) -> None:
    folder, anomalies = faulty
    copies = [anomaly for anomaly in anomalies if anomaly.kind == "duplicate_file"]
    assert len({anomaly.file for anomaly in copies}) == 2
    for anomaly in copies:
        original = anomaly.what.removeprefix("a copy of ")
        assert Path(anomaly.file).parent == Path(original).parent / ".ipynb_checkpoints"
        assert (folder / anomaly.file).read_bytes() == (clean / original).read_bytes()


def test_late_events_left_their_day_s_file_for_a_later_one(
    faulty: tuple[Path, list[Anomaly]],
) -> None:
    folder, anomalies = faulty
    for anomaly in (anomaly for anomaly in anomalies if anomaly.kind == "late"):
        assert not anomaly.is_rejected
        left = anomaly.what.removeprefix("an event of ")
        assert left < anomaly.file
        line = line_of(folder, anomaly)
        assert line not in (folder / left).read_bytes().split(b"\n")


def test_empty_files_are_files_of_their_own(
    clean: Path, faulty: tuple[Path, list[Anomaly]]
) -> None:
    folder, anomalies = faulty
    empty = {anomaly.file for anomaly in anomalies if anomaly.kind == "empty_file"}
    assert len(empty) == 2
    for key in empty:
        assert (folder / key).read_bytes() == b""
        assert not (clean / key).exists()


def test_integer_names_are_good_songs(clean: Path, faulty: tuple[Path, list[Anomaly]]) -> None:
    folder, anomalies = faulty
    for anomaly in (anomaly for anomaly in anomalies if anomaly.kind == "integer_name"):
        assert not anomaly.is_rejected
        song = json.loads((folder / anomaly.file).read_bytes())
        assert isinstance(song["artist_name"], int)
        assert isinstance(song["artist_location"], int)
        assert not (clean / anomaly.file).exists()


def test_anomalies_do_not_change_the_expected_marts(tmp_path: Path, few_days: Generate) -> None:
    few_days(tmp_path / "clean")
    anomalies = {kind: count for kind, count in EVERYTHING.items() if kind != "integer_name"}
    generated = few_days(tmp_path / "faulty", anomalies=anomalies)
    clean = expected(tmp_path / "clean")
    faulty = expected(tmp_path / "faulty", generated.rejected)
    assert len(clean.songplays) > 50
    for name, rows in vars(clean).items():
        assert sorted(map(repr, getattr(faulty, name))) == sorted(map(repr, rows)), name


@pytest.mark.parametrize(
    ("anomalies", "message"),
    [
        ({"mud": 1}, "unknown anomaly: mud; choose from malformed, truncated"),
        ({"late": -1}, "late: -1 is not a count"),
        ({"duplicate_file": 6}, "duplicate_file: 6 requested, but there are 5 files"),
        ({"late": 100_000}, "more requested than there are events before the last day"),
    ],
)
def test_impossible_counts_are_refused(
    tmp_path: Path, few_days: Generate, anomalies: dict[str, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        few_days(tmp_path / "out", anomalies=anomalies)


def test_late_needs_a_later_day(tmp_path: Path, few_days: Generate) -> None:
    with pytest.raises(ValueError, match="needs a later day"):
        few_days(tmp_path, days=1, anomalies={"late": 1})


def test_anomalies_need_events(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no events to inject anomalies into"):
        inject(tmp_path, {"malformed": 1}, Rng("none"))
