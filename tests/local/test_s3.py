"""The stand-in for S3: starts, is filled from a folder, stops when told to."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import s3

ROOT = Path(__file__).parents[2]


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "local.s3", "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    with process:
        announced = re.fullmatch(
            r"listening on (http://127\.0\.0\.1:\d+)\n", process.stdout.readline()
        )
        assert announced
        yield process, announced[1]
        process.kill()


def test_folder_becomes_objects_and_a_second_upload_replaces_them(
    server: tuple[subprocess.Popen[str], str], tmp_path: Path
) -> None:
    _, url = server
    (tmp_path / "song_data" / "A").mkdir(parents=True)
    for number in range(30):
        (tmp_path / "song_data" / "A" / f"{number} é.json").write_text(f"{number}")
    (tmp_path / "empty.json").touch()

    assert s3.upload_folder(url, "sparkify", tmp_path, "in/") == 31
    (tmp_path / "empty.json").write_text("no longer")
    assert s3.upload_folder(url, "sparkify", tmp_path, "in/") == 31

    client = s3.client(url)
    listed = client.list_objects_v2(Bucket="sparkify")["Contents"]
    assert len(listed) == 31
    assert listed[0]["Key"] == "in/empty.json"
    stored = client.get_object(Bucket="sparkify", Key="in/song_data/A/7 é.json")
    assert stored["Body"].read() == b"7"
    assert client.get_object(Bucket="sparkify", Key="in/empty.json")["Body"].read() == b"no longer"


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_the_server_cleanly(
    server: tuple[subprocess.Popen[str], str], stop: signal.Signals
) -> None:
    process, _ = server
    process.send_signal(stop)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert errors == ""
