"""README and CONTRIBUTING name only settings, files and headings that exist."""

import re
import subprocess

import pytest

from tests.conftest import ROOT
from tests.docs.commands import blocks

PAGES = ("README.md", "CONTRIBUTING.md")
ALL_PAGES = (*PAGES, *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")))


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
