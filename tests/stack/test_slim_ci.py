"""`make ci-slim` builds what a pull request changed in schemas of its own, and drops them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.sparkify_data import event, song
from tests.warehouse import Warehouse

PROJECT = (
    *("dbt_project.yml", "profiles.yml", "packages.yml", "package-lock.yml", "selectors.yml"),
    *("dbt_sparkify", "macros", "tests/dbt", "dbt_packages", "Makefile"),
)
CHANGED = Path("dbt_sparkify/models/marts/user_levels.sql")
CI_SCHEMAS = "select nspname from pg_namespace where nspname like 'pr%' order by 1"
COUNT = "select count(*) from analytics.user_levels"


@pytest.fixture(scope="module")
def main(running_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build production, and return a checkout of the project whose manifest is saved."""
    warehouse, folder = running_warehouse, tmp_path_factory.mktemp("main")
    warehouse.empty()
    warehouse.put_events("log_data/2018/11/2018-11-05-events.json", [event(0), event(1)])
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
