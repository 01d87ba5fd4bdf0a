"""Dirt: as many pieces as asked for, where the record says, and no change to what is true."""

import json
from collections import Counter
from pathlib import Path

import pytest

from local.events import KINDS, Dirt
from local.events.dice import Dice
from local.events.dirt import soil
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


def line_of(folder: Path, piece: Dirt) -> bytes:
    return (folder / piece.file).read_bytes().split(b"\n")[piece.line - 1]


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
def dirty(tmp_path: Path, few_days: Generate) -> tuple[Path, list[Dirt]]:
    return tmp_path / "dirty", list(few_days(tmp_path / "dirty", dirt=EVERYTHING).dirt)


def test_every_kind_is_known() -> None:
    assert EVERYTHING.keys() == KINDS.keys()


def test_there_is_as_much_as_was_asked_for(dirty: tuple[Path, list[Dirt]]) -> None:
    _, dirt = dirty
    assert Counter(piece.kind for piece in dirt) == EVERYTHING


def test_nothing_else_is_bad(clean: Path, dirty: tuple[Path, list[Dirt]]) -> None:
    folder, dirt = dirty
    added = {"malformed", "truncated", "wrong_type", "oversize", "invalid_utf8", "duplicate_lines"}
    expected_lines = lines(clean)
    for piece in dirt:
        if piece.kind in added:
            expected_lines[line_of(folder, piece)] += 1
        if piece.kind == "duplicate_file":
            expected_lines.update((folder / piece.file).read_bytes().split(b"\n"))
    assert lines(folder) == expected_lines


def test_files_without_dirt_stay_as_they_are(tmp_path: Path, few_days: Generate) -> None:
    few_days(tmp_path / "clean")
    found = few_days(tmp_path / "dirty", dirt={"malformed": 1, "integer_name": 1})
    before, after = contents(tmp_path / "clean"), contents(tmp_path / "dirty")
    touched = {piece.file for piece in found.dirt}
    assert {key for key in after if after[key] != before.get(key)} == touched
    assert before.keys() - after.keys() == set()


@pytest.mark.parametrize("kind", ["malformed", "truncated"])
def test_lines_that_are_not_json(dirty: tuple[Path, list[Dirt]], kind: str) -> None:
    folder, dirt = dirty
    for piece in (piece for piece in dirt if piece.kind == kind):
        assert piece.is_rejected
        with pytest.raises(json.JSONDecodeError):
            json.loads(line_of(folder, piece))


def test_a_truncated_line_is_the_beginning_of_an_event(dirty: tuple[Path, list[Dirt]]) -> None:
    folder, dirt = dirty
    for piece in (piece for piece in dirt if piece.kind == "truncated"):
        line = line_of(folder, piece)
        assert line.startswith(b'{"artist":')
        assert piece.what.startswith(f"cut after {len(line)} of ")


def test_a_wrong_type_is_a_string_where_a_number_belongs(dirty: tuple[Path, list[Dirt]]) -> None:
    folder, dirt = dirty
    wrong = []
    for piece in (piece for piece in dirt if piece.kind == "wrong_type"):
        assert piece.is_rejected
        event = json.loads(line_of(folder, piece))
        (field,) = [
            field for field in INTEGER_FIELDS + FLOAT_FIELDS if isinstance(event[field], str)
        ]
        assert piece.what == f'{field} is "{event[field]}"'
        with pytest.raises(ValueError, match="could not convert"):
            float(event[field])
        wrong.append(field)
    assert set(wrong) == {*INTEGER_FIELDS, *FLOAT_FIELDS}


def test_oversize_text_has_few_characters_and_many_bytes(dirty: tuple[Path, list[Dirt]]) -> None:
    folder, dirt = dirty
    for piece in (piece for piece in dirt if piece.kind == "oversize"):
        assert piece.is_rejected
        song = json.loads(line_of(folder, piece))["song"]
        assert (len(song), len(song.encode())) == (400, 1200)


def test_invalid_utf8_is_the_only_fault_of_its_line(dirty: tuple[Path, list[Dirt]]) -> None:
    folder, dirt = dirty
    for piece in (piece for piece in dirt if piece.kind == "invalid_utf8"):
        assert piece.is_rejected
        line = line_of(folder, piece)
        assert json.loads(line.decode("latin-1"))["song"] == "Café"
        with pytest.raises(UnicodeDecodeError):
            line.decode()


def test_a_bad_line_would_be_seen_if_it_were_loaded(
    clean: Path, dirty: tuple[Path, list[Dirt]]
) -> None:
    folder, dirt = dirty
    items = {json.loads(line)["itemInSession"] for line in lines(clean)}
    loadable = [piece for piece in dirt if piece.kind in {"oversize", "wrong_type"}]
    for piece in loadable:
        event = json.loads(line_of(folder, piece))
        assert event["page"] == "NextSong"
        assert event["itemInSession"] not in items


def test_duplicates_are_in_the_same_file_twice(dirty: tuple[Path, list[Dirt]]) -> None:
    folder, dirt = dirty
    for piece in (piece for piece in dirt if piece.kind == "duplicate_lines"):
        assert not piece.is_rejected
        in_file = (folder / piece.file).read_bytes().split(b"\n")
        assert in_file.count(line_of(folder, piece)) > 1


def test_a_duplicate_file_is_a_checkpoint_of_the_clean_file(
    clean: Path, dirty: tuple[Path, list[Dirt]]
) -> None:
    folder, dirt = dirty
    copies = [piece for piece in dirt if piece.kind == "duplicate_file"]
    assert len({piece.file for piece in copies}) == 2
    for piece in copies:
        original = piece.what.removeprefix("a copy of ")
        assert Path(piece.file).parent == Path(original).parent / ".ipynb_checkpoints"
        assert (folder / piece.file).read_bytes() == (clean / original).read_bytes()


def test_late_events_left_their_day_s_file_for_a_later_one(dirty: tuple[Path, list[Dirt]]) -> None:
    folder, dirt = dirty
    for piece in (piece for piece in dirt if piece.kind == "late"):
        assert not piece.is_rejected
        left = piece.what.removeprefix("an event of ")
        assert left < piece.file
        line = line_of(folder, piece)
        assert line not in (folder / left).read_bytes().split(b"\n")


def test_empty_files_are_files_of_their_own(clean: Path, dirty: tuple[Path, list[Dirt]]) -> None:
    folder, dirt = dirty
    empty = {piece.file for piece in dirt if piece.kind == "empty_file"}
    assert len(empty) == 2
    for key in empty:
        assert (folder / key).read_bytes() == b""
        assert not (clean / key).exists()


def test_integer_names_are_good_songs(clean: Path, dirty: tuple[Path, list[Dirt]]) -> None:
    folder, dirt = dirty
    for piece in (piece for piece in dirt if piece.kind == "integer_name"):
        assert not piece.is_rejected
        song = json.loads((folder / piece.file).read_bytes())
        assert isinstance(song["artist_name"], int)
        assert isinstance(song["artist_location"], int)
        assert not (clean / piece.file).exists()


def test_dirt_changes_nothing_of_what_is_true(tmp_path: Path, few_days: Generate) -> None:
    few_days(tmp_path / "clean")
    dirt = {kind: count for kind, count in EVERYTHING.items() if kind != "integer_name"}
    generated = few_days(tmp_path / "dirty", dirt=dirt)
    clean = expected(tmp_path / "clean")
    dirty = expected(tmp_path / "dirty", generated.rejected)
    assert len(clean.songplays) > 50
    for name, rows in vars(clean).items():
        assert sorted(map(repr, getattr(dirty, name))) == sorted(map(repr, rows)), name


@pytest.mark.parametrize(
    ("dirt", "message"),
    [
        ({"mud": 1}, "no such dirt: mud; there is malformed, truncated"),
        ({"late": -1}, "late: -1 is no count"),
        ({"duplicate_file": 6}, "duplicate_file: 6 asked for, there are 5 files"),
        ({"late": 100_000}, "more asked for than there are events before the last day"),
    ],
)
def test_what_cannot_be_done_is_refused(
    tmp_path: Path, few_days: Generate, dirt: dict[str, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        few_days(tmp_path / "out", dirt=dirt)


def test_late_needs_a_later_day(tmp_path: Path, few_days: Generate) -> None:
    with pytest.raises(ValueError, match="a later day is needed"):
        few_days(tmp_path, days=1, dirt={"late": 1})


def test_dirt_needs_events(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no events to put dirt into"):
        soil(tmp_path, {"malformed": 1}, Dice("none"))
