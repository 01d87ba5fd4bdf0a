"""The roles: a user with one role can do its work and nothing else."""

import json
from collections.abc import Iterator

import pytest
from redshift_connector.error import ProgrammingError

from include.access import roles
from include.publish.tables import SUPERSEDED
from include.settings import settings
from local import stack
from tests.conftest import ROOT
from tests.sparkify_data import event, song
from tests.warehouse import SCHEMAS, Warehouse

PASSWORD = "Secret-0-of-tests"
DAY = "log_data/2018/11/2018-11-05"
USERS = ("lou", "tara", "ana")  # loads, transforms, analyses


@pytest.fixture
def as_user(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, Warehouse]]:
    """Give each of three users a role, and return the warehouse as that user sees it."""
    monkeypatch.setenv("SPARKIFY_READER_ROLE", roles.READER)
    monkeypatch.setenv("SPARKIFY_PII_READER_ROLE", roles.PII_READER)
    settings.cache_clear()
    remove(warehouse)
    for schema in SCHEMAS:
        warehouse.run(f'drop schema if exists "{schema}" cascade')
    for user in USERS:
        warehouse.run(f"create user {user} password '{PASSWORD}'")
    make_roles("--loader", "lou", "--transformer", "tara", "--analyst", "ana")
    yield {user: logged_in(warehouse, user) for user in USERS}
    remove(warehouse)
    monkeypatch.undo()
    settings.cache_clear()
    stack.create_reader(stack.reader_environment() | stack.read_environment())  # as it was


def remove(warehouse: Warehouse) -> None:
    """Drop the users and roles with all that they own: other tests expect none."""
    for user in ("ana", stack.READER):
        warehouse.run(f"drop schema if exists dbt_{user} cascade")
    for schema in SCHEMAS:
        warehouse.run(f'drop schema if exists "{schema}" cascade')
    known = {name for (name,) in warehouse.rows("select usename from pg_user")}
    for user in known & {*USERS, stack.READER}:
        warehouse.run(f"drop user {user}")
    known = {name for (name,) in warehouse.rows("select role_name from svv_roles")}
    for role in known & set(roles.ROLES):
        warehouse.run(f"revoke all on database dev from role {role}; drop role {role}")


def make_roles(*arguments: str) -> None:
    assert roles.main(["--conn-id", "redshift_default", *arguments]) == 0


def logged_in(warehouse: Warehouse, user: str) -> Warehouse:
    connection = json.loads(warehouse.environment["AIRFLOW_CONN_REDSHIFT_DEFAULT"])
    connection |= {"login": user, "password": PASSWORD}
    return Warehouse(
        {
            **warehouse.environment,
            "REDSHIFT_USER": user,
            "REDSHIFT_PASSWORD": PASSWORD,
            "AIRFLOW_CONN_REDSHIFT_DEFAULT": json.dumps(connection),
        }
    )


def refused(warehouse: Warehouse, sql: str) -> None:
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
        warehouse.run(sql)


def load(warehouse: Warehouse, loader: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Create the tables and load a day, as the loader."""
    warehouse.put_events(f"{DAY}-events.json", [event(0), event(1)])
    warehouse.put("song_data/1.json", json.dumps(song()).encode())
    with monkeypatch.context() as patch:
        patch.setenv(
            "AIRFLOW_CONN_REDSHIFT_DEFAULT", loader.environment["AIRFLOW_CONN_REDSHIFT_DEFAULT"]
        )
        loader.create_tables()
        loader.load(DAY)


def test_each_role_can_do_its_work_and_nothing_else(
    warehouse: Warehouse, as_user: dict[str, Warehouse], monkeypatch: pytest.MonkeyPatch
) -> None:
    lou, tara, ana = (as_user[user] for user in USERS)

    load(warehouse, lou, monkeypatch)
    assert lou.rows('select count(*) from "raw".staging_events') == [(2,)]
    refused(lou, "create table analytics.mine (id integer)")

    tara.build()
    refused(tara, 'delete from "raw".staging_events')
    refused(tara, 'create table "raw".mine (id integer)')
    refused(lou, "select * from analytics.songplays")

    for readable in ("analytics.songplays", "analytics.users", "reporting.daily_activity"):
        assert ana.rows(f"select count(*) > 0 from {readable}") == [(True,)]
    ana.run("create table dbt_ana.mine as select user_id from analytics.users")
    ana.run(
        "create view dbt_ana.plays as select start_time, song_title from analytics.songplays "
        "with no schema binding"
    )
    assert ana.rows("select count(*) from dbt_ana.plays") == [(2,)]
    refused(ana, "select first_name from analytics.users")
    refused(ana, "select * from analytics.songplays")
    make_roles("--personal-data", "ana")
    assert ana.rows("select first_name from analytics.users") == [("Ada",)]
    for private in (
        '"raw".staging_events',
        "ops.run_lock",
        "staging.stg_sparkify__events",
        "intermediate.int_events_deduplicated",
        "unpublished.songplays",
    ):
        refused(ana, f"select * from {private}")
    for schema in ("analytics", "reporting", "public", '"raw"', "dq"):
        refused(ana, f"create table {schema}.mine (id integer)")
    refused(ana, "delete from analytics.users")
    refused(ana, "drop table reporting.daily_activity")
    refused(ana, "create schema hers")
    refused(tara, "select * from dbt_ana.mine")


def test_running_it_again_changes_nothing(
    warehouse: Warehouse, as_user: dict[str, Warehouse]
) -> None:
    grants = (
        "select namespace_name, privilege_type, identity_name from svv_schema_privileges "
        "where identity_name like 'sparkify%%' order by 1, 2, 3"
    )
    before = warehouse.rows(grants)
    assert ("analytics", "USAGE", "sparkify_reader") in [tuple(row) for row in before]
    make_roles("--loader", "lou", "--transformer", "tara", "--analyst", "ana")
    assert warehouse.rows(grants) == before


def test_a_user_that_does_not_exist_is_named_and_nothing_is_changed(
    warehouse: Warehouse, as_user: dict[str, Warehouse], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--conn-id", "redshift_default", "--transformer", "ana", "--analyst", "nobody"]
    assert roles.main(asked) == 1
    assert 'there is no user "nobody"' in capsys.readouterr().err
    refused(as_user["ana"], "select * from ops.run_lock")


def test_a_missing_connection_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert roles.main([]) == 1
    assert "AIRFLOW_CONN_REDSHIFT_ADMIN" in capsys.readouterr().err


def test_the_grants_name_every_schema_that_the_models_and_tests_go_to() -> None:
    nodes = json.loads((ROOT / "target" / "cosmos" / "manifest.json").read_text())["nodes"].values()
    used = {node["config"]["schema"] or "analytics" for node in nodes if "schema" in node["config"]}
    grants = roles.GRANTS.read_text()
    assert used == {"staging", "intermediate", "analytics", "reporting", "dq"}
    used |= {"unpublished", SUPERSEDED}
    assert [name for name in used if f"create schema if not exists {name};" not in grants] == []
