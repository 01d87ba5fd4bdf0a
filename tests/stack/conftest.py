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
    with airflow_client(stack.start_airflow()) as client:
        yield client
