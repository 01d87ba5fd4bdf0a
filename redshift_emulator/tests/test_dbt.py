"""dbt-redshift, unmodified: the features of its documentation, one by one."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from textwrap import dedent
from typing import Any

import dbt_here
import pytest
import yaml
from lake import Lake


@dataclass
class Project:
    """A dbt project in its own folder, which builds its models in the lake's schema."""

    folder: Path
    lake: Lake

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(dedent(text).lstrip())

    @property
    def target(self) -> Path:
        return self.folder / "target"

    def invoke(self, *arguments: str) -> Any:
        """Run dbt and return the command's result. Raises the error that kept it from starting."""
        done = dbt_here.invoke(*arguments, project=self.folder, target=self.target)
        if done.exception:
            raise done.exception
        return done.result

    def dbt(self, *arguments: str) -> dict[str, dict[str, Any]]:
        """Run dbt and return each node's result by name."""
        return dbt_here.results(*arguments, project=self.folder, target=self.target)

    def run(self, *arguments: str) -> None:
        """Run dbt and assert that every node succeeds."""
        failed = {
            name: result["message"]
            for name, result in self.dbt(*arguments).items()
            if result["status"] not in ("success", "pass")
        }
        assert failed == {}

    def configure(
        self, output: Mapping[str, Any] | None = None, flags: Mapping[str, bool] | None = None
    ) -> None:
        """Write the profile, with the settings in `output`, and dbt_project.yml."""
        emulator = self.lake.emulator
        profile = {
            "type": "redshift",
            "host": emulator.host,
            "port": emulator.port,
            "user": emulator.user,
            "password": emulator.password,
            "dbname": emulator.database,
            "schema": self.lake.schema,
            "sslmode": "disable",
            "threads": 2,
            **(output or {}),
        }
        profiles = {"lake": {"target": "dev", "outputs": {"dev": profile}}}
        project = {
            "name": "lake",
            "profile": "lake",
            "flags": {"send_anonymous_usage_stats": False, **(flags or {})},
        }
        self.write("profiles.yml", yaml.safe_dump(profiles))
        self.write("dbt_project.yml", yaml.safe_dump(project))


@pytest.fixture
def lake(lake: Lake) -> Lake:
    """Use one schema name for all tests: dbt parses again when the profile's schema changes."""
    lake = replace(lake, schema="lake")
    lake.use_schema()
    return lake


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file with the first project's parse: parsing dbt's own macros takes longest."""
    return tmp_path_factory.mktemp("parsed") / "partial_parse.msgpack"


@pytest.fixture
def project(lake: Lake, tmp_path: Path, parsed: Path) -> Project:
    """Return a project without models."""
    project = Project(tmp_path, lake)
    project.configure()
    if parsed.exists():
        project.target.mkdir()
        shutil.copy(parsed, project.target)
    else:
        project.invoke("parse")
        shutil.copy(project.target / parsed.name, parsed)
    return project


def columns(lake: Lake, table: str) -> list[str]:
    return [
        name
        for (name,) in lake.rows(
            "select column_name from svv_columns"
            f" where table_schema = '{lake.schema}' and table_name = '{table}'"
            " order by ordinal_position"
        )
    ]


STRATEGIES = {
    "append": [(1, "old"), (2, "new"), (2, "old"), (3, "new")],
    "delete+insert": [(1, "old"), (2, "new"), (3, "new")],
    "merge": [(1, "old"), (2, "new"), (3, "new")],
}


@pytest.mark.parametrize(("strategy", "rows"), STRATEGIES.items())
def test_incremental_strategies_keep_and_replace_rows(
    project: Project, strategy: str, rows: list[tuple[int, str]]
) -> None:
    key = "" if strategy == "append" else "unique_key='id',"
    project.write(
        "models/plays.sql",
        f"""
        {{{{ config(materialized='incremental', {key} incremental_strategy='{strategy}') }}}}
        {{% if is_incremental() %}}
            select 2 as id, 'new' as state union all select 3, 'new'
        {{% else %}}
            select 1 as id, 'old' as state union all select 2, 'old'
        {{% endif %}}
        """,
    )
    project.run("run")
    project.run("run")
    assert project.lake.rows("select id, state from plays order by 1, 2") == rows


def test_microbatch_rebuilds_the_requested_days(project: Project) -> None:
    project.lake.run("create table raw_plays (id int, played_at timestamp)")
    project.lake.run(
        "insert into raw_plays values (1, '2018-11-01 10:00'), (2, '2018-11-02 10:00')"
    )
    project.write(
        "models/sources.yml",
        f"""
        sources:
          - name: lake
            schema: {project.lake.schema}
            tables:
              - name: raw_plays
                config: {{event_time: played_at}}
        """,
    )
    project.write(
        "models/plays.sql",
        """
        {{ config(
            materialized='incremental', incremental_strategy='microbatch',
            event_time='played_at', begin='2018-11-01', batch_size='day'
        ) }}
        select id, played_at from {{ source('lake', 'raw_plays') }}
        """,
    )
    days = ("--event-time-start", "2018-11-01", "--event-time-end", "2018-11-03")
    project.run("run", *days)
    assert project.lake.rows("select id from plays order by 1") == [(1,), (2,)]
    project.lake.run("update raw_plays set id = id + 10")
    project.run("run", "--event-time-start", "2018-11-02", "--event-time-end", "2018-11-03")
    assert project.lake.rows("select id from plays order by 1") == [(1,), (12,)]


SCHEMA_CHANGES = {
    "ignore": ["id", "gone"],
    "append_new_columns": ["id", "gone", "come"],
    "sync_all_columns": ["id", "come"],
    "fail": None,
}


@pytest.mark.parametrize(("setting", "expected"), SCHEMA_CHANGES.items())
def test_schema_changes_of_incremental_models(
    project: Project, setting: str, expected: list[str] | None
) -> None:
    project.write(
        "models/plays.sql",
        f"""
        {{{{ config(materialized='incremental', on_schema_change='{setting}') }}}}
        {{% if is_incremental() and '{setting}' != 'ignore' %}}
            select 2 as id, 'x' as come
        {{% else %}}
            select 1 as id, 'y' as gone
        {{% endif %}}
        """,
    )
    project.run("run")
    if expected is None:
        [failed] = project.dbt("run").values()
        assert "out of sync" in failed["message"]
    else:
        project.run("run")
        assert columns(project.lake, "plays") == expected
        assert project.lake.rows("select count(*) from plays") == [(2,)]


@pytest.mark.parametrize(
    "strategy",
    ["strategy='check', check_cols=['level']", "strategy='timestamp', updated_at='seen_at'"],
)
def test_snapshots_close_the_validity_of_changed_rows(project: Project, strategy: str) -> None:
    project.lake.run("create table raw_users (id int, level varchar(8), seen_at timestamp)")
    project.lake.run(
        "insert into raw_users values (1, 'free', '2018-11-01'), (2, 'paid', '2018-11-01')"
    )
    project.write(
        "snapshots/users.sql",
        f"""
        {{% snapshot users %}}
        {{{{ config(unique_key='id', target_schema='{project.lake.schema}', {strategy}) }}}}
        select * from {project.lake.schema}.raw_users
        {{% endsnapshot %}}
        """,
    )
    project.run("snapshot")
    project.lake.run("update raw_users set level = 'paid', seen_at = '2018-11-05' where id = 1")
    project.run("snapshot")
    periods = "select id, level, dbt_valid_to is null from users order by 1, dbt_valid_from"
    assert project.lake.rows(periods) == [
        (1, "free", False),
        (1, "paid", True),
        (2, "paid", True),
    ]


def test_seeds_reload_with_changed_columns(project: Project) -> None:
    project.write(
        "seeds/levels.csv", "level,price,since\nfree,0,2018-11-01\npaid,9.99,2018-11-02\n"
    )
    project.run("seed")
    project.run("seed")
    assert project.lake.rows("select level, price::varchar, since from levels order by 1") == [
        ("free", "0", date(2018, 11, 1)),
        ("paid", "9.99", date(2018, 11, 2)),
    ]
    project.write("seeds/levels.csv", "level\nfree\n")
    project.run("seed", "--full-refresh")
    assert columns(project.lake, "levels") == ["level"]


def test_late_binding_view_survives_a_rebuild_of_its_table_and_bound_view_does_not(
    project: Project,
) -> None:
    project.write("models/plays.sql", "{{ config(materialized='table') }} select 1 as id")
    project.write("models/late.sql", "{{ config(bind=false) }} select * from {{ ref('plays') }}")
    project.write("models/bound.sql", "select * from {{ ref('plays') }}")
    project.run("run")
    project.run("run", "--select", "plays")
    assert project.lake.rows("select * from late") == [(1,)]
    with pytest.raises(Exception, match="does not exist"):
        project.lake.rows("select * from bound")  # dropped with the table, by CASCADE
    project.run("run")
    assert project.lake.rows("select * from bound") == [(1,)]


def test_materialized_views_are_refreshed_and_rebuilt(project: Project) -> None:
    project.lake.run("create table raw_plays (id int)")
    project.lake.run("insert into raw_plays values (1)")
    model = "{{{{ config(materialized='materialized_view'{}) }}}} select id from {}.raw_plays"
    project.write("models/plays.sql", model.format("", project.lake.schema))
    project.run("run")
    project.lake.run("insert into raw_plays values (2)")
    assert project.lake.rows("select count(*) from plays") == [(1,)]
    project.run("run")
    assert project.lake.rows("select count(*) from plays") == [(2,)]
    project.write("models/plays.sql", model.format(", dist='id', sort=['id']", project.lake.schema))
    project.run("run")
    assert project.lake.rows("select count(*) from plays") == [(2,)]
    project.run("run", "--full-refresh")
    assert project.lake.rows("select count(*) from plays") == [(2,)]


CONTRACT = """
    models:
      - name: users
        config: {contract: {enforced: true}, materialized: table}
        constraints: [{type: primary_key, columns: [id], warn_unenforced: false}]
        columns:
          - {name: id, data_type: integer, constraints: [{type: not_null}]}
      - name: plays
        config: {contract: {enforced: true}, materialized: MATERIALIZED, on_schema_change: fail}
        constraints:
          - {type: unique, columns: [id], warn_unenforced: false}
          - type: foreign_key
            columns: [user_id]
            to: ref('users')
            to_columns: [id]
            warn_unenforced: false
        columns:
          - {name: id, data_type: integer}
          - {name: user_id, data_type: integer}
"""


def test_contracts_declare_keys_and_enforce_types(project: Project) -> None:
    project.write("models/models.yml", CONTRACT.replace("MATERIALIZED", "table"))
    project.write("models/users.sql", "select 1 as id")
    project.write("models/plays.sql", "select 1 as id, 1 as user_id")
    project.run("run")
    constraints = (
        "select table_name, constraint_type from information_schema.table_constraints"
        f" where table_schema = '{project.lake.schema}' order by 1, 2"
    )
    assert project.lake.rows(constraints) == [
        ("plays", "FOREIGN KEY"),
        ("plays", "UNIQUE"),
        ("users", "PRIMARY KEY"),
    ]
    project.write("models/users.sql", "select null::integer as id")
    assert "NULL" in project.dbt("run", "--select", "users")["users"]["message"]
    project.write("models/users.sql", "select 'one' as id")
    assert "enforced contract" in project.dbt("run", "--select", "users")["users"]["message"]


def test_a_foreign_key_fails_an_incremental_run_as_on_a_cluster(project: Project) -> None:
    project.write("models/models.yml", CONTRACT.replace("MATERIALIZED", "incremental"))
    project.write("models/users.sql", "select 1 as id")
    project.write("models/plays.sql", "select 1 as id, 1 as user_id")
    project.run("run")
    failed = project.dbt("run", "--select", "plays")["plays"]
    assert "cannot reference permanent table from temporary table constraint" in failed["message"]


def test_grants_to_users_groups_and_roles_are_applied_and_revoked(project: Project) -> None:
    lake = project.lake
    user, group, role = names = [f"{kind}_{lake.schema}" for kind in ("user", "group", "role")]
    lake.run(f"create user {user} password 'Passw0rd'")
    lake.run(f"create group {group}")
    lake.run(f"create role {role}")
    project.configure(flags={"redshift_grants_extended": True})

    def grant(grantees: list[str]) -> set[str]:
        config = f"materialized='incremental', grants={{'select': {grantees}}}"
        project.write("models/plays.sql", f"{{{{ config({config}) }}}} select 1 as id")
        project.run("run")
        granted = lake.rows(
            "select identity_name from svv_relation_privileges where relation_name = 'plays'"
            f" and namespace_name = '{lake.schema}' and privilege_type = 'SELECT'"
        )
        return {name for (name,) in granted} & set(names)

    assert grant([user, f"group:{group}", f"role:{role}"]) == set(names)
    assert grant([f"role:{role}"]) == {role}


def test_descriptions_are_persisted_on_tables_views_and_columns(project: Project) -> None:
    project.write(
        "models/models.yml",
        """
        models:
          - name: plays
            description: What was heard
            config: {materialized: table, persist_docs: {relation: true, columns: true}}
            columns: [{name: id, description: "A number, 'quoted'"}]
          - name: heard
            description: A view
            config: {persist_docs: {relation: true, columns: true}}
            columns: [{name: id, description: The same}]
        """,
    )
    project.write("models/plays.sql", "select 1 as id")
    project.write("models/heard.sql", "select * from {{ ref('plays') }}")
    project.run("run")
    descriptions = (
        "select relname, objsubid, description from pg_description"
        " join pg_class on pg_class.oid = objoid and relnamespace ="
        f" '{project.lake.schema}'::regnamespace order by 1, 2"
    )
    assert project.lake.rows(descriptions) == [
        ("heard", 0, "A view"),
        ("heard", 1, "The same"),
        ("plays", 0, "What was heard"),
        ("plays", 1, "A number, 'quoted'"),
    ]


def test_data_tests_fail_and_store_their_failures(project: Project) -> None:
    project.write(
        "models/models.yml",
        """
        models:
          - name: plays
            columns:
              - name: id
                data_tests:
                  - not_null
                  - unique: {name: ids_are_unique, config: {store_failures: true}}
        unit_tests:
          - name: doubled
            model: plays
            given: [{input: ref('raw'), rows: [{id: 2}, {id: 3}]}]
            expect: {rows: [{id: 4}, {id: 6}]}
          - name: doubled_wrongly
            model: plays
            given: [{input: ref('raw'), rows: [{id: 2}]}]
            expect: {rows: [{id: 5}]}
        """,
    )
    project.write("models/raw.sql", "select 1 as id union all select 1")
    project.write("models/plays.sql", "select 2 * id as id from {{ ref('raw') }}")
    project.run("run")
    results = project.dbt("test")
    assert {name: result["status"] for name, result in results.items()} == {
        "not_null_plays_id": "pass",
        "ids_are_unique": "fail",
        "doubled": "pass",
        "doubled_wrongly": "fail",
    }
    stored = f"select * from {project.lake.schema}_dbt_test__audit.ids_are_unique"
    assert project.lake.rows(stored) == [(2, 2)]


def test_the_catalog_has_columns_types_and_sizes(project: Project) -> None:
    project.write(
        "models/plays.sql",
        "{{ config(materialized='table', dist='id', sort='id') }} select 1 as id, 'x' as title",
    )
    project.run("run")
    project.invoke("docs", "generate")
    catalog = json.loads((project.target / "catalog.json").read_text())
    node = catalog["nodes"]["model.lake.plays"]
    assert [column["name"] for column in node["columns"].values()] == ["id", "title"]
    assert node["columns"]["id"]["type"] == "integer"
    assert node["columns"]["title"]["type"].startswith("character varying")
    assert node["metadata"]["owner"] == project.lake.emulator.user
    assert node["stats"]["diststyle"]["value"] == "KEY(id)"
    assert node["stats"]["rows"]["value"] == 1


def test_freshness_by_a_column(project: Project) -> None:
    project.lake.run("create table raw_plays (id int, loaded_at timestamp)")
    project.lake.run("insert into raw_plays values (1, dateadd(day, -3, sysdate))")
    project.write(
        "models/sources.yml",
        f"""
        sources:
          - name: lake
            schema: {project.lake.schema}
            config:
              loaded_at_field: loaded_at
              freshness: {{warn_after: {{count: 1, period: day}}}}
            tables: [{{name: raw_plays}}]
        """,
    )
    [result] = project.invoke("source", "freshness").results
    assert result.status == "warn"


@pytest.mark.parametrize("show", [False, True])
def test_freshness_by_metadata(project: Project, show: bool) -> None:
    lake = project.lake
    project.configure(flags={"redshift_use_show_apis": show})
    project.write(
        "models/sources.yml",
        f"""
        sources:
          - name: lake
            schema: {lake.schema}
            config:
              freshness: {{warn_after: {{count: 1, period: day}}}}
            tables: [{{name: copied}}, {{name: inserted}}, {{name: selected}}]
        """,
    )
    lake.run("create table copied (id int)")
    lake.put("day.csv", b"1\n")
    lake.copy("copied", "day.csv", "csv")
    lake.run("create table inserted (id int)")
    lake.run("insert into inserted values (1)")
    lake.run("create table selected as select 1 as id")
    sources = project.invoke("source", "freshness").results
    assert [source.status for source in sources] == ["pass", "pass", "pass"]
    assert all(0 <= source.age < 60 for source in sources)


@pytest.mark.parametrize(
    "output",
    [
        {"autocommit": False},
        {"threads": 8},
        {"ra3_node": True, "query_group": "nightly"},
    ],
    ids=str,
)
def test_other_profile_settings_build_the_same(project: Project, output: dict[str, Any]) -> None:
    project.configure(output)
    for number in range(output.get("threads", 1)):
        project.write(
            f"models/plays_{number}.sql",
            "{{ config(materialized='table', query_group='plays') }} select 1 as id",
        )
    project.run("run")
    project.run("run")
    assert len(columns(project.lake, "plays_0")) == 1


def test_metadata_is_read_with_show_when_the_flag_is_set(project: Project) -> None:
    project.configure(flags={"redshift_use_show_apis": True})
    project.write("models/plays.sql", "{{ config(materialized='incremental') }} select 1 as id")
    project.write("models/heard.sql", "select * from {{ ref('plays') }}")
    project.run("run")
    project.run("run")
    project.invoke("docs", "generate")
    assert project.lake.rows("select count(*) from heard") == [(2,)]
