"""How long a load waits for the system views."""

import itertools

import pytest

from include.load import accounting


def test_patience_grows_with_the_number_of_files_and_pauses_grow_with_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, pauses = 0.0, list[float]()

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        pauses.append(seconds)

    monkeypatch.setattr("include.load.accounting.time.monotonic", lambda: now)
    monkeypatch.setattr("include.load.accounting.time.sleep", sleep)
    waited = []
    for files in (0, 10_000):
        now, pauses = 0.0, []
        patience = accounting.Patience(files)
        while not patience.is_over():
            pass
        waited.append(now)
        assert all(a <= b for a, b in itertools.pairwise(pauses))
        assert pauses[-1] == accounting.LONGEST_PAUSE_SECONDS
    assert 30 < waited[0] < 33
    assert 130 < waited[1] < 133
