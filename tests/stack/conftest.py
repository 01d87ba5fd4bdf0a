"""Airflow itself, started once for all tests that need its scheduler."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from local import stack
from local.demo import airflow_client
from tests.conftest import ROOT, STATE, shown_to_the_user
from tests.include.alerts.receiver import Receiver, receiving
from tests.warehouse import Warehouse

ADMIN = {"username": "admin", "password": "of the tests"}
SLACK_TOKEN = "T0/B0/canary-of-the-webhook"
# Not part of the project, or generated
LEFT_OUT = (".git", ".venv", ".local", ".env", "target", "logs", ".*_cache", "__pycache__")


@pytest.fixture(scope="session")
def shown_before() -> dict[str, str]:
    """Return what the user's UI shows before any test has started Airflow."""
    return shown_to_the_user()


@pytest.fixture(scope="session")
def checkout(shown_before: dict[str, str]) -> Path:
    """Copy the checkout for Airflow: its tasks write manifests and docs into `target/`."""
    folder = STATE / "checkout"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*LEFT_OUT))
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


@pytest.fixture(scope="session")
def alerts() -> Iterator[Receiver]:
    """Receive on this machine what Airflow sends to Slack."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def airflow(
    running_warehouse: Warehouse, checkout: Path, alerts: Receiver
) -> Iterator[httpx.Client]:
    """Start the API server, the scheduler and the rest, and return a client of its public API."""
    slack = {"conn_type": "slackwebhook", "host": alerts.address, "password": SLACK_TOKEN}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARKIFY_ALERTS", "slack")
        patch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", json.dumps(slack))
        patch.setenv("SPARKIFY_DEADLINE_MINUTES", "0.25")  # every run here misses it
        patch.setattr(stack, "ROOT", checkout)
        patch.setattr(stack, "airflow_environment", with_login(stack.airflow_environment))
        patch.setenv("AIRFLOW__LOGGING__LOGGING_LEVEL", "ERROR")  # as where a shell sets it
        patch.setenv("SPARKIFY_RETRIES", "1")  # one is enough to see that a task tries again
        address = stack.start_airflow()
    with airflow_client(address, ADMIN) as client:
        yield client


def with_login(environment: Callable[[int], dict[str, str]]) -> Callable[[int], dict[str, str]]:
    """Let Airflow ask for a name and a password, as docker-compose.yml does."""
    passwords = STATE / "passwords.json"
    passwords.write_text(json.dumps({ADMIN["username"]: ADMIN["password"]}))
    login = {
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN['username']}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
    }
    return lambda last_port: environment(last_port) | login
