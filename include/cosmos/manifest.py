"""Whether the dbt manifest is that of the project as it is now.

`make manifest` writes the project's fingerprint beside the manifest: a hash of every file that dbt
parses. `python -m include.cosmos.manifest` prints it.
"""

import hashlib
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


def is_current(manifest: Path, project: Path = PROJECT_ROOT) -> bool:
    """Tell whether no file of the project has changed since `make manifest` wrote the manifest."""
    try:
        written = manifest.with_name(FINGERPRINT).read_text()
    except FileNotFoundError:
        return False
    return written.strip() == fingerprint(project)


if __name__ == "__main__":
    print(fingerprint())
