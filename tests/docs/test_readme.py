"""README and CONTRIBUTING name only commands, selections, settings and files that exist."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from dbt.cli.main import cli
from dbt.contracts.graph.manifest import Manifest

from include.settings import Settings
from tests import dbt_here
from tests.conftest import ROOT

PAGES = ("README.md", "CONTRIBUTING.md")
ALL_PAGES = (*PAGES, *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")))
MAKEFILE = (ROOT / "Makefile").read_text()
SCRIPTS = Path(sys.executable).parent


def blocks(page: str, language: str = "") -> list[str]:
    """Return the fenced blocks of a page; those of commands name no language."""
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", (ROOT / page).read_text(), re.M | re.S)
    return [content for name, content in fences if name == language]


COMMANDS = {
    f"{page}: {line}": shlex.split(line)
    for page in PAGES
    for block in blocks(page)
    for line in block.splitlines()
}


def of_program(name: str) -> list[str]:
    return [line for line, words in COMMANDS.items() if name in words]


def test_every_command_is_of_a_program_that_the_tests_know() -> None:
    programs = set()
    for words in COMMANDS.values():
        program = next(word for word in words if not re.match(r"[A-Z_]+=", word))
        programs.add(program)
    assert programs == {"make", "dbt", "mf", "psql", "source", ".venv/bin/pre-commit"}
    assert {"pre-commit", "mf", "dbt"} <= {path.name for path in SCRIPTS.iterdir()}


@pytest.mark.parametrize("line", of_program("make"))
def test_make_has_the_target_and_its_variables(line: str) -> None:
    words = COMMANDS[line]
    [target] = [word for word in words[words.index("make") + 1 :] if "=" not in word]
    variables = dict(word.split("=", 1) for word in words if "=" in word)
    assert re.search(rf"^{target}: .*##", MAKEFILE, re.M), f"make help does not list {target}"
    settings = {f"SPARKIFY_{name.upper()}" for name in Settings.model_fields}
    for name in variables:
        assert name in settings or f"$({name})" in MAKEFILE or f"value {name}" in MAKEFILE, name
    if "T" in variables:
        assert (ROOT / variables["T"].partition("::")[0]).exists()
    done = subprocess.run(
        ["make", "--dry-run", *words[words.index("make") + 1 :]],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    done = dbt_here.invoke("parse", project=ROOT, target=tmp_path_factory.mktemp("dbt"))
    assert isinstance(done.result, Manifest), done.exception
    return done.result


@pytest.mark.parametrize("line", of_program("dbt"))
def test_dbt_has_the_command_and_finds_what_it_selects(
    line: str, manifest: Manifest, tmp_path: Path
) -> None:
    name, *words = COMMANDS[line][1:]
    known = {option for each in cli.commands[name].params for option in each.opts}
    options = {word for word in words if word.startswith("--")}
    assert options <= known
    selected: list[str] = []
    if "--select" in words:
        selected = words[words.index("--select") + 1 :]
    else:
        selected = re.findall(r"ref\('(\w+)'\)", line)
    assert selected
    for selector in selected:
        found = dbt_here.invoke(
            *("ls", "--resource-type", "all", "--select", selector),
            project=ROOT,
            target=tmp_path,
            manifest=manifest,
        )
        assert found.result, f"{line}: {selector} selects nothing"


@pytest.mark.parametrize("page", PAGES)
def test_inline_commands_are_targets_of_make(page: str) -> None:
    named = set(re.findall(r"`make ([a-z-]+)", (ROOT / page).read_text()))
    assert named
    assert named <= set(re.findall(r"^([a-z-]+): .*##", MAKEFILE, re.M))


def test_the_metrics_of_the_example_exist(manifest: Manifest) -> None:
    named = re.findall(r"--metrics (\S+)", (ROOT / "README.md").read_text())
    metrics = {metric.name for metric in manifest.metrics.values()}
    assert named
    assert {name for each in named for name in each.split(",")} <= metrics


@pytest.mark.parametrize("page", PAGES)
def test_settings_exist(page: str) -> None:
    known = set(re.findall(r"SPARKIFY_[A-Z0-9_]+", (ROOT / ".env.example").read_text()))
    named = set(re.findall(r"SPARKIFY_[A-Z0-9_]+", (ROOT / page).read_text()))
    assert named
    assert named <= known


def test_the_tree_names_what_exists_and_every_folder() -> None:
    [tree] = blocks("README.md", "text")
    top, named = "", set()
    for line in tree.splitlines():
        name = line.split()[0]
        if line.startswith("  "):
            name = f"{top}{name}"
        else:
            top = name
            named.add(name.rstrip("/"))
        assert (ROOT / name).exists(), name
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    folders = {path.split("/")[0] for path in tracked.splitlines() if "/" in path}
    assert {folder for folder in folders if not folder.startswith(".")} <= named


@pytest.mark.parametrize("page", ALL_PAGES)
def test_links_lead_to_files_and_headings(page: str) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", (ROOT / page).read_text()):
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), link
        headings = re.findall(r"^#+ (.*)$", file.read_text(), re.M) if anchor else []
        slugs = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
        assert not anchor or anchor in slugs, link


def test_files_named_in_contributing_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = set(re.findall(r"`((?:\w[\w.]*/)+[\w.]*)`", text))
    assert len(named) > 10
    assert {name for name in named if not (ROOT / name).exists()} == set()
