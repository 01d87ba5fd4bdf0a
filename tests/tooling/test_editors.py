"""The settings of VS Code and of the dev container name what the checkout has."""

import json
import re
from typing import Any

import yaml

from tests.conftest import ROOT


def read(name: str) -> dict[str, Any]:
    return dict(json.loads((ROOT / name).read_text()))


def test_the_dev_container_sets_up_as_make_does_on_the_python_that_runs_everything() -> None:
    container = read(".devcontainer/devcontainer.json")
    targets = re.findall(r"make ([a-z-]+)", container["postCreateCommand"])
    makefile = (ROOT / "Makefile").read_text()
    assert targets == ["setup", "manifest"]
    assert all(re.search(rf"^{target}: .*##", makefile, re.M) for target in targets)
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    [python] = [
        step["with"]["python"] for step in workflow["jobs"]["test"]["steps"] if "with" in step
    ]
    assert container["image"].split(":")[1].startswith(f"{python}-")


def test_the_dev_container_has_the_extensions_that_the_checkout_recommends() -> None:
    container = read(".devcontainer/devcontainer.json")
    recommended = read(".vscode/extensions.json")["recommendations"]
    assert container["customizations"]["vscode"]["extensions"] == recommended


def test_vs_code_uses_the_checkout_s_tools_and_knows_its_sql() -> None:
    settings = read(".vscode/settings.json")
    tools = re.findall(r'"\$\{workspaceFolder\}/([^"]+)"', json.dumps(settings))
    assert tools == [".venv/bin/python", ".venv/bin/sqlfluff"]
    assert all((ROOT / tool).exists() for tool in tools)
    [sql] = re.findall(r"^SQL = (.*)$", (ROOT / "Makefile").read_text(), re.M)
    assert set(settings["files.associations"]) == {f"{folder}/**/*.sql" for folder in sql.split()}
    schemas = json.dumps(settings["yaml.schemas"])
    assert {name for name in re.findall(r'"([\w-]+\.yml)"', schemas) if (ROOT / name).exists()} == {
        *("dbt_project.yml", "docker-compose.yml")
    }
