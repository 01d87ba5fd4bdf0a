"""The generator as a whole: reproducible, careful with existing files, exact in its record."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.local.events.conftest import Generate, Month

ROOT = Path(__file__).parents[3]
ANOMALIES = {"malformed": 4, "wrong_type": 6, "late": 3, "duplicate_file": 1, "integer_name": 1}


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_same_arguments_give_the_same_bytes_on_every_python(
    tmp_path: Path, few_days: Generate
) -> None:
    few_days(tmp_path, anomalies=ANOMALIES)
    # computed with Python 3.11, 3.12 and 3.13; it changes only with the generator
    together = hashlib.sha256(json.dumps(digests(tmp_path), sort_keys=True).encode()).hexdigest()
    assert together == "f37868e3393d6fb71a68797b1ef31fc4e1769e0e56b2036458714e3ee81f7c80"


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_the_hash_seed_does_not_matter(tmp_path: Path, few_days: Generate, hash_seed: str) -> None:
    few_days(tmp_path / "here", anomalies=ANOMALIES)
    anomalies = [f"{kind}:{count}" for kind, count in ANOMALIES.items()]
    command = [sys.executable, "-m", "local.events", "--out", str(tmp_path / "there")]
    command += ["--days", "5", "--users", "20", "--songs", "30", "--anomalies", *anomalies]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    assert digests(tmp_path / "there") == digests(tmp_path / "here")


def test_another_seed_gives_other_events_and_songs(tmp_path: Path, few_days: Generate) -> None:
    few_days(tmp_path / "one", seed=1)
    few_days(tmp_path / "two", seed=2)
    one, two = digests(tmp_path / "one"), digests(tmp_path / "two")
    shared = [key for key in one if key in two]
    assert len(shared) > 5
    assert not any(one[key] == two[key] for key in shared)


def test_more_days_do_not_change_earlier_ones(tmp_path: Path, few_days: Generate) -> None:
    few_days(tmp_path / "short")
    few_days(tmp_path / "long", days=8)
    short, long = digests(tmp_path / "short"), digests(tmp_path / "long")
    del short["generated.json"]
    assert short.items() < long.items()


def test_it_counts_what_it_wrote(month: Month) -> None:
    assert month.generated.events == len(month.events)
    assert month.generated.songs == len(month.songs) == 300
    assert month.generated.anomalies == ()
    assert month.generated.rejected == frozenset()


def test_each_event_is_in_the_file_of_its_day(month: Month) -> None:
    days = {
        key: {event["ts"] // 86_400_000 for other, event in month.events if other == key}
        for key in {key for key, _ in month.events}
    }
    first = 17_836  # 2018-11-01 in days since 1970
    assert sorted(days.items()) == [
        (f"log_data/2018/11/2018-11-{day:02}-events.json", {first + day - 1})
        for day in range(1, 31)
    ]


def test_the_record_matches_the_result(tmp_path: Path, few_days: Generate) -> None:
    generated = few_days(tmp_path, anomalies=ANOMALIES)
    record = json.loads((tmp_path / "generated.json").read_text())
    assert record == json.loads(json.dumps(asdict(generated)))
    assert len(generated.rejected) == 10
    assert (generated.anomalies[-1].kind, generated.anomalies[-1].is_rejected) == (
        "integer_name",
        False,
    )


def test_an_earlier_run_is_replaced(tmp_path: Path, few_days: Generate) -> None:
    few_days(tmp_path, days=8, songs=40, anomalies=ANOMALIES)
    few_days(tmp_path)
    few_days(tmp_path.parent / "fresh")
    assert digests(tmp_path) == digests(tmp_path.parent / "fresh")


@pytest.mark.parametrize("name", ["log_data", "song_data"])
def test_files_that_the_generator_did_not_write_are_kept(
    tmp_path: Path, few_days: Generate, name: str
) -> None:
    own = tmp_path / name / "real.json"
    own.parent.mkdir()
    own.write_text("{}")
    with pytest.raises(
        FileExistsError, match=f"{name} holds files that the generator did not write"
    ):
        few_days(tmp_path)
    assert own.read_text() == "{}"
    assert digests(tmp_path).keys() == {f"{name}/real.json"}


@pytest.mark.parametrize("number", [{"days": 0}, {"users": 0}, {"songs": -1}, {"songs": 10**8}])
def test_impossible_numbers_are_refused(
    tmp_path: Path, few_days: Generate, number: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="at least one day and user and 0 to 10,000,000 songs"):
        few_days(tmp_path / "out", **number)
    assert not (tmp_path / "out").exists()


def test_there_may_be_no_songs(tmp_path: Path, few_days: Generate) -> None:
    assert few_days(tmp_path, songs=0).events > 50
    assert not (tmp_path / "song_data").exists()
