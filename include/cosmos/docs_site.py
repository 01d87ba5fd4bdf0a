"""The dbt docs site: where a run's freshly generated one goes."""

import shutil
from pathlib import Path
from typing import Any

from include.settings import settings

SITE = ("index.html", "manifest.json", "catalog.json")


def copy_docs(project_dir: str, **_: Any) -> None:
    """Copy the site that `dbt docs generate` left in `project_dir` to where it is served from.

    Each file replaces the old one in one step: a reader never sees half a site.
    """
    folder = settings().dbt_docs_folder
    folder.mkdir(parents=True, exist_ok=True)
    for name in SITE:
        arriving = folder / f".{name}.arriving"
        shutil.copyfile(Path(project_dir) / "target" / name, arriving)
        arriving.replace(folder / name)
