"""The doctor finds no fault on a sound stack, and names each injected fault with its cure."""

import gc
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from include.doctor import __main__ as doctor
from include.doctor import checks
from include.doctor.report import Finding, secrets_in, without
from include.settings import settings
from local.dbt_packages.install import MARKER
from local.principals import ADMINISTRATOR
from local.stack import free_port
from tests.sparkify_data import event, song
from tests.warehouse import Warehouse

# The driver leaves the socket of a refused login to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def _settings_and_sockets_of_each_test() -> Iterator[None]:
    settings.cache_clear()
    yield
    settings.cache_clear()
    gc.collect()


@pytest.fixture
def stack(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """Give the warehouse a source and the doctor its whole environment."""
    warehouse.put("song_data/A/A/1.json", json.dumps(song()).encode())
    warehouse.put_events("log_data/2018/11/2018-11-05-events.json", [event(0)])
    for name, value in warehouse.environment.items():
        if not name.startswith("AIRFLOW__"):
            monkeypatch.setenv(name, value)
    settings.cache_clear()
    return warehouse


def examine(*, scratch: str = "", dbt: bool = False) -> dict[str, Finding]:
    """Run all checks but the manifest's; dbt's only if asked, as it takes as long as the others."""
    settings.cache_clear()
    left_out = {checks.manifest} if dbt else {checks.manifest, checks.dbt_login}
    asked = [check for check in checks.CHECKS if check not in left_out]
    return {item.check: item for item in doctor.examine(checks.Reached(scratch=scratch), asked)}


def faults(findings: dict[str, Finding]) -> list[str]:
    return [name for name, finding in findings.items() if finding.outcome == "fault"]


def connection(warehouse: Warehouse, name: str, **changes: object) -> str:
    return json.dumps(json.loads(warehouse.environment[f"AIRFLOW_CONN_{name}"]) | changes)


def test_a_sound_stack_has_no_fault_and_every_question_an_answer(stack: Warehouse) -> None:
    found = examine(dbt=True)
    assert faults(found) == []
    answers = {name: finding for name, finding in found.items() if finding.outcome == "note"}
    assert {"width after replace", "scalar subquery in delete", "select without from"} == set(
        answers
    )
    assert "1 of 2 rows" in answers["scalar subquery in delete"].detail
    assert "varchar(-" not in answers["width after replace"].detail
    assert found["lines scanned"].outcome == "skipped"
    assert "make doctor SCRATCH=" in found["lines scanned"].detail


def test_nothing_is_left_in_the_warehouse(stack: Warehouse) -> None:
    tables = "select count(*) from svv_tables where table_name like 'doctor%%'"
    examine()
    assert stack.rows(tables) == [(0,)]


def test_with_a_writable_prefix_lines_are_counted(
    stack: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"login": ADMINISTRATOR.access_key, "password": ADMINISTRATOR.secret_key}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", connection(stack, "AWS_DEFAULT", **keys))
    found = examine(scratch="song_data/tmp/")["lines scanned"]
    assert found.outcome == "note"
    assert "1 rows" in found.detail
    assert "2 rows" in found.detail
    listed = stack.s3.list_objects_v2(
        Bucket=stack.environment["SPARKIFY_S3_BUCKET"], Prefix="song_data/tmp/"
    )
    assert listed["KeyCount"] == 0


def test_a_missing_connection_is_named(stack: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARKIFY_REDSHIFT_CONN_ID", "elsewhere")
    found = examine()
    assert faults(found) == ["connections"]
    assert "elsewhere" in found["connections"].detail
    assert "AIRFLOW_CONN_ELSEWHERE" in found["connections"].cure


def test_alerts_by_slack_need_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REDSHIFT_DEFAULT", "AWS_DEFAULT"):
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", '{"conn_type": "generic"}')
    assert checks.connections(checks.Reached()) == "redshift_default, aws_default"
    monkeypatch.setenv("SPARKIFY_ALERTS", "slack")
    settings.cache_clear()
    with pytest.raises(checks.FaultError, match="There is no connection slack_default"):
        checks.connections(checks.Reached())


@pytest.mark.parametrize(
    ("target", "fields", "said"),
    [
        ("prod_iam", {"login": "key", "password": "secret"}, "as AWS_PROFILE or the machine"),
        ("prod_iam", {"extra": {"role_arn": "arn:aws:iam::123456789012:role/a"}}, "the machine"),
        ("prod_iam", {"extra": {"region_name": "us-west-2"}}, ""),
        ("prod", {"login": "key", "password": "secret"}, ""),
    ],
)
def test_a_shell_in_which_dbt_is_another_user_is_named(
    monkeypatch: pytest.MonkeyPatch, target: str, fields: dict[str, object], said: str
) -> None:
    connection = json.dumps({"conn_type": "aws", **fields})
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", connection)
    found = checks.beside_the_tasks(target)
    assert said in found
    assert bool(said) == bool(found)


def test_a_port_on_which_nothing_listens_is_named_and_later_checks_are_skipped(
    stack: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    changed = connection(stack, "REDSHIFT_DEFAULT", port=port)
    monkeypatch.setenv("AIRFLOW_CONN_REDSHIFT_DEFAULT", changed)
    found = examine()
    assert faults(found) == ["warehouse port"]
    assert f":{port}" in found["warehouse port"].detail
    assert found["rights"].outcome == "skipped"


def test_a_host_that_does_not_answer_points_to_the_security_group(
    stack: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "REACH_SECONDS", 0.2)
    with closing(socket.socket()) as full:  # its queue is full, so connecting blocks
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with closing(socket.create_connection(full.getsockname())):
            changed = connection(stack, "REDSHIFT_DEFAULT", port=full.getsockname()[1])
            monkeypatch.setenv("AIRFLOW_CONN_REDSHIFT_DEFAULT", changed)
            with pytest.raises(checks.FaultError) as caught:
                checks.warehouse_port(checks.Reached())
    assert "security group" in caught.value.cure


def test_a_wrong_password_is_a_fault_of_the_login(
    stack: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = connection(stack, "REDSHIFT_DEFAULT", password="Wrong-0-password")
    monkeypatch.setenv("AIRFLOW_CONN_REDSHIFT_DEFAULT", changed)
    found = examine()
    assert "password" in found["login"].detail
    assert faults(found) == ["login"]


def test_dbt_that_logs_in_elsewhere_is_a_fault(
    stack: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDSHIFT_PASSWORD", "Wrong-0-password")
    found = examine(dbt=True)
    assert faults(found) == ["dbt login"]
    assert "_PASSWORD" in found["dbt login"].cure


def test_a_bucket_that_the_identity_may_not_list_is_named(
    stack: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARKIFY_S3_BUCKET", "someone-elses")
    found = examine()
    assert faults(found) == ["list source"]
    assert "someone-elses" in found["list source"].detail
    assert found["copy role"].outcome == "skipped"


def test_an_empty_source_is_named(stack: Warehouse) -> None:
    stack.delete("song_data/A/A/1.json")
    found = examine()
    assert faults(found) == ["list source"]
    assert "Nothing lies under" in found["list source"].detail


def test_a_role_that_is_not_associated_with_the_cluster_is_a_fault_of_copy(
    stack: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = "arn:aws:iam::123456789012:role/unknown"
    monkeypatch.setenv("SPARKIFY_COPY_ROLE_ARN", role)
    found = examine()
    assert "copy role" in faults(found)
    assert "SPARKIFY_COPY_ROLE_ARN" in found["copy role"].cure


def test_a_user_without_rights_is_a_fault(
    stack: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = "Secret-0-of-tests"
    stack.run(f"create user guest password '{password}'")
    try:
        login = connection(stack, "REDSHIFT_DEFAULT", login="guest", password=password)
        monkeypatch.setenv("AIRFLOW_CONN_REDSHIFT_DEFAULT", login)
        found = examine()
    finally:
        stack.run("drop user guest")
    assert faults(found) == ["rights"]
    assert "make roles" in found["rights"].cure


def test_the_local_version_of_a_package_is_a_fault_on_a_cluster(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(checks, "PROJECT_ROOT", tmp_path)
    folder = tmp_path / "dbt_packages" / "dbt_expectations"
    with pytest.raises(checks.FaultError, match="no dbt_expectations"):
        checks.packages(checks.Reached())
    folder.mkdir(parents=True)
    (folder / MARKER).touch()
    name = "AIRFLOW_CONN_REDSHIFT_DEFAULT"
    monkeypatch.setenv(name, json.dumps({"conn_type": "redshift", "host": "127.0.0.1"}))
    assert "own version" in checks.packages(checks.Reached())
    monkeypatch.setenv(name, json.dumps({"conn_type": "redshift", "host": "cluster.example"}))
    with pytest.raises(checks.FaultError, match="laptops"):
        checks.packages(checks.Reached())
    (folder / MARKER).unlink()
    assert "of the hub" in checks.packages(checks.Reached())


def test_a_missing_or_stale_manifest_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "manifest.json"
    monkeypatch.setenv("SPARKIFY_DBT_MANIFEST", str(path))
    settings.cache_clear()
    with pytest.raises(checks.FaultError, match="There is no"):
        checks.manifest(checks.Reached())
    path.touch()
    with pytest.raises(checks.FaultError, match="older than the dbt project"):
        checks.manifest(checks.Reached())


def test_the_report_has_everything_but_secrets(
    stack: Warehouse, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "doctor.json"
    doctor.main(["--report", str(path)])
    said = capsys.readouterr().out + path.read_text()
    assert stack.environment["REDSHIFT_PASSWORD"] not in said
    assert json.loads(stack.environment["AIRFLOW_CONN_AWS_DEFAULT"])["password"] not in said
    written = json.loads(path.read_text())
    assert written["versions"]["dbt-core"]
    assert written["settings"]["s3_bucket"] == "sparkify"
    assert [finding["check"] for finding in written["findings"]][:2] == [
        "python version",
        "connections",
    ]


def test_secrets_are_found_by_their_names_however_deep() -> None:
    extra = {"aws": {"aws_secret_access_key": "abc", "region": "x"}, "session_token": "abcdef"}
    found = secrets_in(extra | {"password": None})
    assert found == {"abc", "abcdef"}
    assert without(found, "abcdef abc x") == "*** *** x"


def test_a_connection_without_a_host_is_named(
    stack: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = connection(stack, "REDSHIFT_DEFAULT", host="")
    monkeypatch.setenv("AIRFLOW_CONN_REDSHIFT_DEFAULT", changed)
    found = examine()
    assert faults(found)[0] == "warehouse port"
    assert "redshift_default names no host" in found["warehouse port"].detail
