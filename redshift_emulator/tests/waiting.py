"""Waiting for a condition."""

import time
from collections.abc import Callable


def wait_until(holds: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"condition still false after {seconds} seconds"
        time.sleep(0.02)
