"""Secrets planted as canaries are found in nothing that a command prints, logs, raises or writes.

What Airflow's runs leave is searched in test_gate.py, behind the runs.
"""

import gc
import json
import logging
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from airflow.providers.amazon.aws.hooks.redshift_sql import RedshiftSQLHook
from tenacity import stop_after_attempt

from include.doctor import __main__ as doctor
from include.load.errors import LoadError, TransientError
from include.load.tables import EVENTS
from include.load.tasks import stage
from include.settings import settings
from tests.sparkify_data import event, song
from tests.warehouse import Warehouse

# The driver leaves the socket of a refused login to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

FILE = "log_data/2018/11/2018-11-05-events.json"
PASSWORD = "canary-of-the-password"
SECRET_KEY = "canary-of-the-secret-key"
TOKEN = "canary-of-the-session-token"


@pytest.fixture(autouse=True)
def _settings_of_each_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(RedshiftSQLHook.get_conn.retry, "stop", stop_after_attempt(1))  # type: ignore[attr-defined]
    settings.cache_clear()
    yield
    settings.cache_clear()


Plant = Callable[..., None]


@pytest.fixture(autouse=True)
def _sockets_are_gone() -> Iterator[None]:
    """Have the sockets of refused logins collected here, where the warning is ignored."""
    yield
    gc.collect()


@pytest.fixture
def plant(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Plant:
    """Return what changes a connection, as AIRFLOW_CONN_<name>."""

    def change(name: str, **fields: object) -> None:
        connection = json.loads(warehouse.environment[f"AIRFLOW_CONN_{name}"])
        extra = connection["extra"] | fields.pop("extra", {})  # type: ignore[operator]
        changed = connection | fields | {"extra": extra}
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(changed))

    return change


def load() -> None:
    stage("stage_staging_events", EVENTS, "log_data/").stage(run_id="test")


def canaries_in(*texts: str) -> list[str]:
    return [
        canary for canary in (PASSWORD, SECRET_KEY, TOKEN) if any(canary in text for text in texts)
    ]


def test_keys_that_copy_gets_are_in_no_log(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARKIFY_COPY_ROLE_ARN", "")
    warehouse.put_events(FILE, [event(0)])
    # that of the libraries as well; dbt, in a test before, may have set the driver's
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "redshift_connector"):
        load()
    assert warehouse.rows('select count(*) from "raw".staging_events') == [(1,)]
    logging_libraries = {record.name.partition(".")[0] for record in caplog.records}
    assert {"botocore", "redshift_connector"} <= logging_libraries
    keys = json.loads(warehouse.environment["AIRFLOW_CONN_AWS_DEFAULT"])
    password = warehouse.environment["REDSHIFT_PASSWORD"]
    assert [secret for secret in (keys["password"], password) if secret in caplog.text] == []


@pytest.mark.parametrize(
    ("name", "fields", "said"),
    [
        ("REDSHIFT_DEFAULT", {"password": PASSWORD}, "password authentication failed"),
        (
            "AWS_DEFAULT",
            {"password": SECRET_KEY, "extra": {"aws_session_token": TOKEN}},
            "SignatureDoesNotMatch|InvalidAccessKeyId|InvalidToken|AccessDenied|Forbidden",
        ),
    ],
)
def test_refused_credentials_are_in_no_log_and_no_exception(
    warehouse: Warehouse,
    plant: Plant,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    fields: dict[str, object],
    said: str,
) -> None:
    monkeypatch.setenv("SPARKIFY_COPY_ROLE_ARN", "")
    warehouse.put_events(FILE, [event(0)])
    plant(name, **fields)
    with (
        caplog.at_level(logging.INFO),
        pytest.raises((LoadError, TransientError), match=said) as failed,
    ):
        load()
    whole = "".join(traceback.format_exception(failed.value))
    assert canaries_in(caplog.text, whole, repr(failed.value)) == []


def test_the_doctor_and_dbt_show_and_write_no_secret(
    warehouse: Warehouse,
    plant: Plant,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    warehouse.put_events(FILE, [event(0)])
    warehouse.put("song_data/A/A/1.json", json.dumps(song()).encode())
    for variable, value in warehouse.environment.items():
        if not variable.startswith("AIRFLOW_"):
            monkeypatch.setenv(variable, value)
    monkeypatch.setenv("REDSHIFT_PASSWORD", PASSWORD)  # dbt is refused, the loader is not
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path))
    monkeypatch.setenv("DBT_LOG_LEVEL", "debug")
    plant("AWS_DEFAULT", password=SECRET_KEY, extra={"aws_session_token": TOKEN})
    report = tmp_path / "doctor.json"
    assert doctor.main(["--report", str(report)]) == 1

    findings = {item["check"]: item for item in json.loads(report.read_text())["findings"]}
    assert findings["dbt login"]["outcome"] == "fault"
    assert findings["list source"]["outcome"] == "fault"
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) == 2  # the report and dbt's log
    assert canaries_in(*written, *capsys.readouterr()) == []
