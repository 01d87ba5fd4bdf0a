"""The reader's login: by password, by IAM, and what a page says when there is none."""

import socket
from typing import Any

import pytest
from redshift_connector.error import ProgrammingError

from dashboard import warehouse

ENVIRONMENT = {
    "REDSHIFT_HOST": "cluster.example",
    "REDSHIFT_DATABASE": "music",
    "REDSHIFT_READER_USER": "ana",
}


def test_a_password_logs_in_by_the_reader_s_name() -> None:
    login = warehouse.login(ENVIRONMENT | {"REDSHIFT_READER_PASSWORD": "Secret0"})
    given = {name: login[name] for name in ("host", "port", "database", "user", "password")}
    assert given == {
        "host": "cluster.example",
        "port": 5439,
        "database": "music",
        "user": "ana",
        "password": "Secret0",
    }
    assert "iam" not in login


@pytest.mark.parametrize(
    ("mode", "arguments"),
    [
        ("disable", {"ssl": True, "sslmode": "verify-full"}),
        ("prefer", {"ssl": True, "sslmode": "verify-full"}),
        ("require", {"ssl": True, "sslmode": "verify-ca"}),
        ("verify-full", {"ssl": True, "sslmode": "verify-full"}),
    ],
)
def test_ssl_is_as_dbt_has_it(mode: str, arguments: dict[str, Any]) -> None:
    login = warehouse.login(ENVIRONMENT | {"REDSHIFT_SSLMODE": mode})
    assert {name: login[name] for name in ("ssl", "sslmode") if name in login} == arguments


def test_without_a_password_iam_logs_in_at_a_cluster_or_a_workgroup() -> None:
    cluster = warehouse.login(ENVIRONMENT | {"REDSHIFT_CLUSTER_ID": "one", "AWS_REGION": "eu"})
    assert cluster["iam"]
    assert "user" not in cluster
    assert (cluster["db_user"], cluster["cluster_identifier"]) == ("ana", "one")
    assert (cluster["region"], cluster["profile"]) == ("eu", None)
    workgroup = warehouse.login(ENVIRONMENT | {"REDSHIFT_WORKGROUP": "two"})
    assert (workgroup["is_serverless"], workgroup["serverless_work_group"]) == (True, "two")
    assert "cluster_identifier" not in workgroup


@pytest.mark.parametrize("name", ["REDSHIFT_HOST", "REDSHIFT_READER_USER"])
def test_what_is_not_set_is_named(name: str) -> None:
    with pytest.raises(warehouse.WarehouseError, match=rf"^{name} not set.* run `make up`"):
        warehouse.login({key: value for key, value in ENVIRONMENT.items() if key != name})


def test_a_warehouse_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for name, value in (ENVIRONMENT | {"REDSHIFT_HOST": "127.0.0.1"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("REDSHIFT_PORT", str(port))
    with pytest.raises(
        warehouse.WarehouseError,
        match=rf"No warehouse answers at 127.0.0.1:{port}: .*refused.*`make up`",
    ):
        warehouse.read("days")


def test_what_the_server_says_is_one_sentence() -> None:
    said = ProgrammingError({"S": "ERROR", "M": "permission denied for schema raw."})
    assert warehouse.message(said) == "permission denied for schema raw"
    assert warehouse.message(ProgrammingError("no dictionary")) == "no dictionary"
