"""Beside production, in schemas of one's own: `make ci-slim`; defer, sample, empty and clone."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.sparkify_data import NOON, epoch_ms, event, song
from tests.warehouse import Warehouse

PROJECT = (
    *("dbt_project.yml", "profiles.yml", "packages.yml", "package-lock.yml", "selectors.yml"),
    *("dbt_sparkify", "macros", "tests/dbt", "dbt_packages", "Makefile"),
)
CHANGED = Path("dbt_sparkify/models/marts/user_levels.sql")
CI_SCHEMAS = "select nspname from pg_namespace where nspname like 'pr%' order by 1"
COUNT = "select count(*) from analytics.user_levels"
NEXT_DAY = epoch_ms(NOON + timedelta(days=1))
OF_NEXT_DAY = "{'start': '2018-11-06', 'end': '2018-11-07'}"


@pytest.fixture(scope="module")
def main(running_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build production, and return a checkout of the project whose manifest is saved."""
    warehouse, folder = running_warehouse, tmp_path_factory.mktemp("main")
    warehouse.empty()
    warehouse.put_events("log_data/2018/11/2018-11-05-events.json", [event(0), event(1)])
    warehouse.put_events("log_data/2018/11/2018-11-06-events.json", [event(2, ts=NEXT_DAY)])
    warehouse.put("song_data/1.json", json.dumps(song()).encode())
    with pytest.MonkeyPatch.context() as patch:
        for name, value in warehouse.environment.items():
            patch.setenv(name, value)
        warehouse.load("log_data/")
    warehouse.dbt_here("run")
    warehouse.publish(untested=True)
    for name in PROJECT:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, folder / name)
    as_ci = ("-c", "user.name=ci", "-c", "user.email=ci@localhost")
    for command in (("init", "-q"), ("add", "."), (*as_ci, "commit", "-qm", "main")):
        subprocess.run(["git", *command], cwd=folder, check=True)
    done = make(warehouse, folder, "ci-manifest", "BASE=HEAD")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def checkout(main: Path, tmp_path: Path) -> Path:
    """Return a pull request's checkout: a copy of main's."""
    return Path(shutil.copytree(main, tmp_path / "checkout"))


def make(warehouse: Warehouse, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # the environment is set up: only the recipe is under test
    known = ("-C", str(folder), "-o", "setup", f"BIN={Path(sys.executable).parent}")
    return warehouse.command("make", *known, *arguments, DBT_TARGET_PATH=str(folder / "target"))


def built(folder: Path) -> dict[str, str]:
    """Return the models that dbt's last build tried, each with its schema."""
    manifest = json.loads((folder / "target/manifest.json").read_text())["nodes"]
    results = json.loads((folder / "target/run_results.json").read_text())["results"]
    models = [each["unique_id"] for each in results if each["unique_id"].startswith("model.")]
    return {manifest[unique_id]["name"]: manifest[unique_id]["schema"] for unique_id in models}


def change(folder: Path, old: str, new: str) -> None:
    path = folder / CHANGED
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_only_changed_models_and_their_children_are_built_and_all_is_dropped(
    running_warehouse: Warehouse, checkout: Path
) -> None:
    warehouse = running_warehouse
    change(checkout, "previous_level != level", "level != previous_level")
    warehouse.run("create schema pr_70")  # another pull request's

    done = make(warehouse, checkout, "ci-slim", "PR=7")

    assert done.returncode == 0, done.stdout + done.stderr
    assert built(checkout) == {"user_levels": "pr_7", "level_conversions": "pr_7_reporting"}
    assert warehouse.rows(CI_SCHEMAS) == [("pr_70",)]
    assert warehouse.rows("select * from ops.watermarks where target_schema = 'pr_7'") == []
    assert warehouse.rows(COUNT) == [(1,)], "production stays as it is"
    warehouse.run("drop schema pr_70")


def test_a_failed_build_fails_the_command_and_leaves_nothing(
    running_warehouse: Warehouse, checkout: Path
) -> None:
    warehouse = running_warehouse
    change(checkout, "select * from final", "select *, 1 / 0 as broken from final")
    done = make(warehouse, checkout, "ci-slim", "PR=8")
    assert done.returncode != 0
    assert "user_levels" in built(checkout), done.stdout + done.stderr
    assert warehouse.rows(CI_SCHEMAS) == []
    assert warehouse.rows("select * from ops.run_lock") == []


def test_the_schema_of_production_is_never_dropped(
    running_warehouse: Warehouse, checkout: Path
) -> None:
    warehouse = running_warehouse
    done = make(warehouse, checkout, "ci-slim", "PR=", "STATE=target/production")
    assert done.returncode != 0
    assert "Only a pull request's schemas are dropped" in done.stdout
    assert warehouse.rows(COUNT) == [(1,)]


@pytest.fixture
def developer(running_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Log in as a developer who has built nothing yet; return their schema, which is dropped."""
    monkeypatch.setenv("REDSHIFT_SCHEMA", "dbt_ann")
    yield "dbt_ann"
    for layer in ("", "_staging", "_intermediate", "_reporting", "_dq"):
        running_warehouse.run(f"drop schema if exists dbt_ann{layer} cascade")
    running_warehouse.run("delete from ops.watermarks where target_schema = 'dbt_ann'")


def failures(results: dict[str, dict[str, Any]]) -> dict[str, str]:
    assert results
    return {
        name: result["message"]
        for name, result in results.items()
        if result["status"] not in ("success", "pass", "no-op")
    }


@pytest.mark.usefixtures("main")
def test_a_sample_builds_and_tests_the_events_of_its_days_alone(
    running_warehouse: Warehouse, developer: str
) -> None:
    warehouse = running_warehouse
    left_out = ("--exclude", "resource_type:unit_test", "tag:reporting")
    results = warehouse.dbt_here("build", "--sample", OF_NEXT_DAY, *left_out)
    assert failures(results) == {}
    assert warehouse.rows(f"select count(*) from {developer}.songplays") == [(1,)]
    assert warehouse.rows(f"select count(*) from {developer}.songs") == [(1,)], "all songs"
    # what exists is left as it is, and a sample of other days finds nothing amiss in it
    results = warehouse.dbt_here(
        *("build", "--sample", "2 days", "--select", "songplays,assert_no_play_is_lost_or_doubled"),
        *left_out,
    )
    assert failures(results) == {}
    assert warehouse.rows(f"select count(*) from {developer}.songplays") == [(1,)]


def test_a_sample_of_one_model_reads_what_production_has_of_its_days(
    running_warehouse: Warehouse, main: Path, developer: str
) -> None:
    warehouse = running_warehouse
    results = warehouse.dbt_here(
        *("run", "--select", "songplays", "--sample", OF_NEXT_DAY),
        *("--defer", "--state", str(main / "target/production")),
    )
    assert failures(results) == {}
    assert warehouse.rows(f"select count(*) from {developer}.songplays") == [(1,)]


@pytest.mark.usefixtures("main")
def test_an_empty_build_runs_unit_tests_where_nothing_is_built(
    running_warehouse: Warehouse, developer: str
) -> None:
    results = running_warehouse.dbt_here(
        *("build", "--empty", "--select", "+int_events_quarantined"),
        *("--resource-type", "model", "--resource-type", "unit_test"),
    )
    assert failures(results) == {}
    assert results["faulty_events_of_changed_days_are_kept"]["status"] == "pass"
    count = f"select count(*) from {developer}_staging.stg_sparkify__events"
    assert running_warehouse.rows(count) == [(0,)]


@pytest.mark.usefixtures("main")
def test_nothing_is_published_by_tests_of_an_empty_build(running_warehouse: Warehouse) -> None:
    results = running_warehouse.dbt_here("build", "--empty", "--select", "users")
    assert results["unique_users_user_id"]["status"] == "pass"
    count = "select count(*) from ops.node_runs where node = 'unique_users_user_id'"
    assert running_warehouse.rows(count) == [(0,)]


def test_a_clone_shows_production_and_gives_way_to_a_build(
    running_warehouse: Warehouse, main: Path, developer: str
) -> None:
    warehouse = running_warehouse
    state = ("--state", str(main / "target/production"))
    assert failures(warehouse.dbt_here("clone", "--select", "+songplays", *state)) == {}
    assert warehouse.rows(f"select count(*) from {developer}.songplays") == [(3,)]
    # late-binding: publishing may replace the table, and the clone shows the new one
    warehouse.run(
        """create table analytics.kept (like analytics.songplays);
        insert into analytics.kept select * from analytics.songplays;
        drop table analytics.songplays;
        alter table analytics.kept rename to songplays"""
    )
    assert warehouse.rows(f"select count(*) from {developer}.songplays") == [(3,)]
    assert failures(warehouse.dbt_here("run", "--select", "songplays", "--defer", *state)) == {}
    kind = "select table_type from svv_tables where table_schema = %s and table_name = 'songplays'"
    assert warehouse.rows(kind, [developer]) == [("BASE TABLE",)]
    assert warehouse.rows(f"select count(*) from {developer}.songplays") == [(3,)]
