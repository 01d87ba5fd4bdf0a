"""What must stand in the environment before Airflow is imported, and the stack that tests share."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import redshift_connector

ROOT = Path(__file__).resolve().parent.parent
STATE = Path(tempfile.mkdtemp(prefix="sparkify-"))
atexit.register(shutil.rmtree, STATE, ignore_errors=True)
AIRFLOW_HOME = STATE / "airflow"
# A copy: tests that start Airflow have the manifest made anew while others read it.
MANIFEST = STATE / "manifest.json"
try:
    shutil.copy(ROOT / "target" / "cosmos" / "manifest.json", MANIFEST)
except FileNotFoundError as missing:
    raise pytest.UsageError("There is no dbt manifest yet: run `make manifest` first.") from missing

os.environ.update(
    AIRFLOW_HOME=str(AIRFLOW_HOME),
    AIRFLOW__CORE__DAGS_FOLDER=str(ROOT / "dags"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__COSMOS__CACHE_DIR=str(AIRFLOW_HOME / "cosmos"),
    AIRFLOW__COSMOS__ENABLE_TELEMETRY="False",
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{AIRFLOW_HOME / 'airflow.db'}",
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
    DO_NOT_TRACK="1",
    SPARKIFY_DBT_MANIFEST=str(MANIFEST),
    # pytest's workers each start a stack: none takes the port of a user's
    SPARKIFY_LOCAL_REDSHIFT_PORT="0",
    SPARKIFY_LOCAL_STATE=str(STATE),
    # seconds: as on a cluster, a COPY is not in the system views at once
    SPARKIFY_LOCAL_VIEW_DELAY="0.2",
)

from local import stack  # noqa: E402  it reads where its state lies when it is imported

os.environ["SPARKIFY_COPY_ROLE_ARN"] = stack.COPY_ROLE_ARN
from tests.warehouse import Warehouse  # noqa: E402

# The files and rooms whose tests run dbt and more, those that take longest first
LONGEST = ("test_gate.py", "test_marts.py", "stack", "macros", "dbt_packages")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take longest, so that no worker is left with them at the end."""

    def rank(item: pytest.Item) -> int:
        found = (at for at, name in enumerate(LONGEST) if name in item.path.parts)
        return next(found, len(LONGEST))

    items.sort(key=rank)


@pytest.fixture(scope="session", autouse=True)
def _named_sessions() -> Iterator[None]:
    """Tell the driver who connects: it would read the source of its whole call stack for it."""
    with pytest.MonkeyPatch.context() as patch:
        named = partial(redshift_connector.connect, application_name="tests")
        patch.setattr(redshift_connector, "connect", named)
        yield


@pytest.fixture(scope="session")
def running_warehouse() -> Iterator[Warehouse]:
    """Start S3 and Redshift once for all tests, in a state folder of their own."""
    environment = stack.start_warehouse()
    try:
        yield Warehouse(environment)
    finally:
        stack.stop()


@pytest.fixture
def warehouse(running_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """Empty the running warehouse and put its connections into the environment."""
    running_warehouse.empty()
    for name, value in running_warehouse.environment.items():
        if name.startswith("AIRFLOW_CONN_"):
            monkeypatch.setenv(name, value)
    return running_warehouse
