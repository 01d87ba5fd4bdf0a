"""The commands that the documentation tells people to type."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    *("README.md", "CONTRIBUTING.md", "redshift_emulator/README.md"),
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
)
OF_A_SHELL = ("", "sh")  # what fences of commands are marked with


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced blocks of a page that are of one language."""
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", (ROOT / page).read_text(), re.M | re.S)
    return [content for name, content in fences if name == language]


def documented() -> dict[str, set[str]]:
    """Return each command as it is typed, without its comment, and the pages that have it."""
    found: dict[str, set[str]] = {}
    for page in PAGES:
        for language in OF_A_SHELL:
            for block in blocks(page, language):
                for command in commands(block):
                    found.setdefault(command, set()).add(page)
    return found


def commands(block: str) -> list[str]:
    """Split a block into commands: a line ends one unless a quote or a backslash leaves it open."""
    found, open_lines = [], ""
    for line in block.splitlines():
        open_lines += re.sub(r"\s+#.*", "", line) + "\n"
        if open_lines.endswith("\\\n"):
            open_lines = open_lines.removesuffix("\\\n")
            continue
        try:
            shlex.split(open_lines)
        except ValueError:
            continue
        found.append(" ".join(open_lines.split()))
        open_lines = ""
    assert not open_lines, f"a quote is not closed: {open_lines}"
    return found


def words(command: str) -> list[str]:
    """Return the words of a command, its program first and without the folder it lies in."""
    found = shlex.split(command)
    while re.match(r"[A-Z_]+=", found[0]):
        found.append(found.pop(0))  # a variable that make takes behind its target as well
    return [Path(found[0]).name, *found[1:]]
