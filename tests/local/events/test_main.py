"""The command line."""

import json
from pathlib import Path

import pytest

from local.events.__main__ import main

FEW = ["--days", "3", "--users", "20", "--songs", "5"]


def test_it_lists_the_anomalies_and_counts_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--out", str(tmp_path), *FEW, "--anomalies", "malformed:2", "empty_file"]) == 0
    *anomalies, summary = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in anomalies] == [
        ["malformed", "rejected"],
        ["malformed", "rejected"],
        ["empty_file", "loaded"],
    ]
    key, _, number = anomalies[0].split()[2].partition(":")
    lines = (tmp_path / key).read_text().split("\n")
    with pytest.raises(json.JSONDecodeError):
        json.loads(lines[int(number) - 1])
    assert " events, 5 songs in " in summary


def test_the_default_start_is_november_2018(tmp_path: Path) -> None:
    main(["--out", str(tmp_path / "default"), *FEW])
    main(["--out", str(tmp_path / "leap"), *FEW, "--start", "2024-02-28"])
    names = {
        name: sorted(p.name for p in (tmp_path / name).glob("log_data/**/*.json"))
        for name in ("default", "leap")
    }
    assert names == {
        "default": [f"2018-11-0{day}-events.json" for day in (1, 2, 3)],
        "leap": [f"2024-{day}-events.json" for day in ("02-28", "02-29", "03-01")],
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--anomalies", "mud"], "unknown anomaly: mud"),
        (["--anomalies", "late:many"], "late:many: the count many is no whole number"),
        (["--days", "0"], "at least one day"),
        (["--start", "yesterday"], "yesterday is no day, such as 2018-11-01"),
    ],
)
def test_wrong_arguments_are_reported_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as exit_status:
        main(["--out", str(tmp_path / "out"), *FEW, *arguments])
    assert exit_status.value.code == 2
    assert message in capsys.readouterr().err


def test_help_explains_every_kind_of_anomaly(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "malformed        a line that is not JSON" in capsys.readouterr().out
