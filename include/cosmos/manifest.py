"""Whether the dbt manifest is that of the project as it is now.

`make manifest` writes the project's fingerprint beside the manifest: a hash of every file that dbt
parses. `python -m include.cosmos.manifest` prints it.
"""

import hashlib
from functools import cache
from pathlib import Path

from include.settings import PROJECT_ROOT

PARSED = (
    *("dbt_project.yml", "packages.yml", "package-lock.yml", "profiles.yml", "selectors.yml"),
    *("dbt_sparkify", "macros", "tests/dbt", "dbt_packages"),
)
FINGERPRINT = "project.sha256"


def fingerprint(project: Path = PROJECT_ROOT) -> str:
    """Return a hash of the names and contents of the files that dbt parses."""
    digest = hashlib.sha256()
    for name in PARSED:
        top = project / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file():
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{path.relative_to(project)}\0{content}\n".encode())
    return digest.hexdigest()


class StaleManifestError(Exception):
    """The dbt project has changed since `make manifest`: its tasks would not be the DAG's."""


def written_fingerprint(manifest: Path) -> str:
    """Return the fingerprint of the project that the manifest was made from, empty if unknown."""
    try:
        return manifest.with_name(FINGERPRINT).read_text().strip()
    except FileNotFoundError:
        return ""


def is_current(manifest: Path, project: Path = PROJECT_ROOT) -> bool:
    """Tell whether no file of the project has changed since `make manifest` wrote the manifest."""
    return written_fingerprint(manifest) == fingerprint(project)


@cache
def require_current(manifest: Path) -> None:
    """Raise StaleManifestError unless the manifest is that of the project as it is now."""
    if not is_current(manifest):
        raise StaleManifestError(
            f"{manifest} is not the manifest of the dbt project as it is now: models may be new, "
            "renamed or gone, and their tasks with them. Make it anew with `make manifest` "
            "(`make up` does so by itself)."
        )


if __name__ == "__main__":
    print(fingerprint())
