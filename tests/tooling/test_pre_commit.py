"""The hooks of pre-commit run what `make lint` runs: neither finds what the other passes."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
TOOL = re.compile(r"(?:\.venv|\$\(BIN\))/(?:bin/)?([\w-]+)")


def test_the_hooks_run_the_tools_of_make_lint() -> None:
    [recipe] = re.findall(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    entries = [hook["entry"] for repo in config["repos"] for hook in repo["hooks"]]

    of_lint = set(TOOL.findall(recipe))

    assert of_lint >= {"ruff", "mypy", "sqlfluff"}
    assert set(TOOL.findall("\n".join(entries))) == of_lint


def test_the_hooks_download_nothing() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert {repo["repo"] for repo in config["repos"]} == {"local"}
    assert {hook["language"] for repo in config["repos"] for hook in repo["hooks"]} == {"system"}
