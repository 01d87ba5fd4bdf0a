"""The stand-in and the package judge the same literal rows in the same way.

A case in project/models/_literals__models.yml is named after its outcome: holds or breaks. The
package itself is tested where it was installed from the hub (see local/dbt_packages/install.py).
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from local.dbt_packages.install import MARKER, STAND_IN
from redshift_emulator.server import Emulator, running_emulator

pytestmark = pytest.mark.stack

PROJECT = Path(__file__).parent / "project"
INSTALLED = Path(__file__).parents[3] / "dbt_packages"


def cases() -> dict[str, str]:
    """Return the name of the dbt test behind each case."""
    declared = yaml.safe_load((PROJECT / "models" / "_literals__models.yml").read_text())
    return {
        case["name"]: test.removeprefix("dbt_expectations.")
        for model in declared["models"]
        for place in (model, *model.get("columns", []))
        for entry in place.get("data_tests", [])
        for test, case in entry.items()
    }


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with running_emulator(tmp_path_factory.mktemp("redshift")) as emulator:
        yield emulator


def outcomes(project: Path, emulator: Emulator) -> dict[str, str]:
    """Build the project's models, run its tests and return the status of each case."""
    environment = {
        "REDSHIFT_HOST": emulator.host,
        "REDSHIFT_PORT": str(emulator.port),
        "REDSHIFT_DATABASE": emulator.database,
        "REDSHIFT_USER": emulator.user,
        "REDSHIFT_PASSWORD": emulator.password,
        "REDSHIFT_SCHEMA": "literals",
    }
    done = subprocess.run(
        [Path(sys.executable).with_name("dbt"), "build"],
        cwd=project,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    results = project / "target" / "run_results.json"
    assert results.exists(), done.stdout
    statuses = {
        result["unique_id"].split(".")[2]: result["status"]
        for result in json.loads(results.read_text())["results"]
    }
    return {name: status for name, status in statuses.items() if name in cases()}


def test_every_test_of_the_stand_in_has_a_case_that_holds_and_one_that_breaks() -> None:
    tests = {
        path.stem
        for path in (STAND_IN / "macros").glob("*.sql")
        if path.read_text().startswith("{% test ")
    }
    seen = {(test, name.split("__")[0]) for name, test in cases().items()}
    assert seen == {(test, outcome) for test in tests for outcome in ("holds", "breaks")}


@pytest.mark.parametrize("package", ["stand-in", "hub"])
def test_every_case_has_the_outcome_of_its_name(
    package: str, emulator: Emulator, tmp_path: Path
) -> None:
    project = shutil.copytree(PROJECT, tmp_path / "project")
    if package == "stand-in":
        shutil.copytree(STAND_IN, project / "dbt_packages" / STAND_IN.name)
    elif (INSTALLED / STAND_IN.name).exists() and not (INSTALLED / STAND_IN.name / MARKER).exists():
        shutil.copytree(INSTALLED, project / "dbt_packages")
    else:
        pytest.skip("the package was not installed from the hub")
    expected = {name: "pass" if name.startswith("holds__") else "fail" for name in cases()}
    assert outcomes(project, emulator) == expected
