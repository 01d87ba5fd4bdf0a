"""Airflow itself, started once for all tests that need its scheduler."""

from collections.abc import Iterator

import httpx
import pytest

from local import stack
from local.demo import airflow_client
from tests.warehouse import Warehouse


@pytest.fixture(scope="session")
def airflow(running_warehouse: Warehouse) -> Iterator[httpx.Client]:
    """Start the API server, the scheduler and the rest, and return a client of its public API."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARKIFY_RETRIES", "1")  # one is enough to see that a task tries again
        address = stack.start_airflow()
    with airflow_client(address) as client:
        yield client
