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


# The parts of the dev container specification that ours may use (containers.dev/implementors).
OF_THE_SPECIFICATION = {
    *("name", "image", "features", "customizations", "hostRequirements", "forwardPorts"),
    *("containerEnv", "remoteEnv", "remoteUser", "mounts", "runArgs", "init"),
    *("initializeCommand", "onCreateCommand", "updateContentCommand", "postCreateCommand"),
    *("postStartCommand", "postAttachCommand", "waitFor"),
}
# Whose settings begin so; the editor has the others by itself.
SETTINGS_OF = {
    "python": "ms-python.python",
    "ruff": "charliermarsh.ruff",
    "mypy-type-checker": "ms-python.mypy-type-checker",
    "sqlfluff": "dorzey.vscode-sqlfluff",
    "yaml": "redhat.vscode-yaml",
}
OF_THE_EDITOR = {"files", "search"}


def test_the_dev_container_says_nothing_that_the_specification_does_not_know() -> None:
    assert read(".devcontainer/devcontainer.json").keys() <= OF_THE_SPECIFICATION


def test_extensions_are_named_as_the_marketplace_names_them_and_each_once() -> None:
    recommended = read(".vscode/extensions.json")["recommendations"]
    assert sorted(set(recommended)) == recommended
    assert [name for name in recommended if not re.fullmatch(r"[a-z-]+\.[a-z-]+", name)] == []


def test_each_setting_is_the_editor_s_or_of_a_recommended_extension() -> None:
    settings = read(".vscode/settings.json")
    recommended = read(".vscode/extensions.json")["recommendations"]
    sections = {name.split(".")[0] for name in settings if not name.startswith("[")}
    assert sections <= SETTINGS_OF.keys() | OF_THE_EDITOR
    assert {SETTINGS_OF[section] for section in sections - OF_THE_EDITOR} <= set(recommended)
    formatters = [of["editor.defaultFormatter"] for name, of in settings.items() if name[0] == "["]
    assert formatters
    assert set(formatters) <= set(recommended)
