"""The environment that Airflow reads at import, and the stack that the tests share."""

import atexit
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
import redshift_connector
from playwright.sync_api import Browser
from playwright.sync_api import Error as PlaywrightError

ROOT = Path(__file__).resolve().parent.parent
STATE = Path(tempfile.mkdtemp(prefix="sparkify-"))
atexit.register(shutil.rmtree, STATE, ignore_errors=True)
AIRFLOW_HOME = STATE / "airflow"
# What the user's UI and shell read: manifests, docs, and the addresses of a running stack
SHOWN = ("target/manifest.json", "target/cosmos", "target/docs", ".local/env")
MANIFEST = ROOT / "target" / "cosmos" / "manifest.json"
if not MANIFEST.exists():
    raise pytest.UsageError("There is no dbt manifest yet: run `make manifest` first.")

os.environ.update(
    AIRFLOW_HOME=str(AIRFLOW_HOME),
    AIRFLOW__CORE__DAGS_FOLDER=str(ROOT / "dags"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__COSMOS__CACHE_DIR=str(AIRFLOW_HOME / "cosmos"),
    AIRFLOW__COSMOS__ENABLE_TELEMETRY="False",
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{AIRFLOW_HOME / 'airflow.db'}",
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
    DO_NOT_TRACK="1",
    REDSHIFT_SCHEMA="analytics",
    # any free port: each of pytest's workers starts a stack, and the user may run one
    SPARKIFY_LOCAL_REDSHIFT_PORT="0",
    SPARKIFY_LOCAL_STATE=str(STATE),
    # where a test asks S3 and Redshift for faults
    SPARKIFY_LOCAL_FAULTS=str(STATE),
    # seconds: as on a cluster, a COPY is not in the system views at once
    SPARKIFY_LOCAL_VIEW_DELAY="0.2",
)

from local import stack  # noqa: E402  it reads where its state lies when it is imported
from local.browser import BrowserError, open_browser  # noqa: E402

os.environ["SPARKIFY_COPY_ROLE_ARN"] = stack.COPY_ROLE_ARN
from tests.warehouse import Warehouse  # noqa: E402

# The files and rooms whose tests run dbt and more, those that take longest first
LONGEST = ("test_gate.py", "test_marts.py", "stack", "macros", "dbt_packages")


def shown_to_the_user() -> dict[str, str]:
    """Return a hash of each file of the checkout that the user's UI and shell read."""
    paths = (path for name in SHOWN for path in (ROOT / name, *(ROOT / name).rglob("*")))
    return {
        path.relative_to(ROOT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
        if path.is_file()
    }


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take longest, so that no worker is left with them at the end.

    Whatever uses the warehouse is marked `stack`; a test that starts one of its own says so itself.
    """
    for item in items:
        if "running_warehouse" in getattr(item, "fixturenames", ()):
            item.add_marker("stack")

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
def browser() -> Iterator[Browser]:
    """Start a browser for all tests of pages, which are skipped where there is none.

    They fail where SPARKIFY_REQUIRE_BROWSER is set, as in our own CI.
    """
    with ExitStack() as opening:
        try:
            opened = opening.enter_context(open_browser())
        except (BrowserError, PlaywrightError) as error:
            if "SPARKIFY_REQUIRE_BROWSER" in os.environ:
                raise
            pytest.skip(f"The browser does not start: {error}")
        yield opened


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
