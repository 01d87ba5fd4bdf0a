"""What make asks before it begins is answered in words that say what to do."""

import socket
from collections.abc import Iterator

import pytest

from include import settings as of_pipeline
from tooling import ready


@pytest.fixture(autouse=True)
def _read_anew() -> Iterator[None]:
    of_pipeline.settings.cache_clear()
    yield
    of_pipeline.settings.cache_clear()


def test_a_wrong_setting_is_named_with_its_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPARKIFY_MAX_REJECTED_LINES", "abc")
    monkeypatch.setenv("SPARKIFY_ALERTS", "pigeon")
    assert ready.main([]) == 1
    said = capsys.readouterr().err
    assert "SPARKIFY_MAX_REJECTED_LINES is 'abc': Input should be a valid integer" in said
    assert "SPARKIFY_ALERTS is 'pigeon': Input should be 'log', 'slack' or 'sns'" in said
    assert ".env.example" in said


def test_a_warehouse_that_does_not_answer_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = str(listening.getsockname()[1])
        monkeypatch.setenv("REDSHIFT_HOST", "127.0.0.1")
        monkeypatch.setenv("REDSHIFT_PORT", port)
        assert ready.main(["--redshift"]) == 0
    assert ready.main(["--redshift"]) == 1
    assert f"No Redshift answers at 127.0.0.1:{port}" in capsys.readouterr().err
    assert ready.main([]) == 0, "only what dbt reads by is asked for"
    monkeypatch.setenv("REDSHIFT_PORT", "none")
    assert ready.main(["--redshift"]) == 1
    assert "make up" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["none", "99999"])
def test_a_port_that_cannot_be_had_is_named_with_its_variable(
    capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = str(listening.getsockname()[1])
        assert ready.main(["--port", f"SPARKIFY_DOCS_PORT={port}"]) == 1
    assert f"Port {port} of 127.0.0.1 cannot be had: " in capsys.readouterr().err
    assert ready.main(["--port", f"SPARKIFY_DOCS_PORT={port}"]) == 0
    assert ready.main(["--port", f"SPARKIFY_DOCS_PORT={wrong}"]) == 1
    assert "Name another by SPARKIFY_DOCS_PORT" in capsys.readouterr().err
