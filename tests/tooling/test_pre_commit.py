"""The hooks of pre-commit run what `make lint` runs: neither finds what the other passes."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
TOOL = re.compile(r"(?:\.venv|\$\(BIN\))/(?:bin/)?([\w-]+)")


def tools(target: str) -> set[str]:
    """Return the tools in the recipe of a make target and of the targets before it."""
    makefile = (ROOT / "Makefile").read_text()
    [(before, recipe)] = re.findall(
        rf"^{target}:(.*?)(?: ##.*)?\n((?:\t.*\n)+)", makefile, re.MULTILINE
    )
    lints = [name for name in before.split() if name.startswith("lint")]
    return set(TOOL.findall(recipe)).union(*map(tools, lints))


def test_the_hooks_run_the_tools_of_make_lint() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    entries = "\n".join(hook["entry"] for repo in config["repos"] for hook in repo["hooks"])
    targets = re.findall(r"make --silent (lint-\w+)", entries)

    of_hooks = set(TOOL.findall(entries)).union(*map(tools, targets))

    assert of_hooks >= {"ruff", "mypy", "sqlfluff", "cfn-lint", "checkov"}
    assert of_hooks == tools("lint")


def test_the_hooks_download_nothing() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert {repo["repo"] for repo in config["repos"]} == {"local"}
    assert {hook["language"] for repo in config["repos"] for hook in repo["hooks"]} == {"system"}
