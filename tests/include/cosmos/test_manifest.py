"""The manifest's fingerprint: it changes with the files that dbt parses, and with no other."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from include.cosmos.manifest import FINGERPRINT, PARSED, fingerprint, is_current
from tests.conftest import ROOT

MODEL = Path("dbt_sparkify/models/marts/users.sql")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Copy what dbt parses, and write the fingerprint beside a manifest as `make manifest` does."""
    for name in PARSED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        (tmp_path / name).parent.mkdir(exist_ok=True)
        copy(ROOT / name, tmp_path / name)
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / FINGERPRINT).write_text(f"{fingerprint(tmp_path)}\n")
    return tmp_path


CHANGES: dict[str, Callable[[Path], object]] = {
    "changed": lambda project: (project / MODEL).write_text("select 1"),
    "renamed": lambda project: (project / MODEL).rename(project / MODEL.with_stem("people")),
    "new": lambda project: (project / "macros" / "new.sql").touch(),
    "removed": lambda project: (project / "selectors.yml").unlink(),
    "another package": lambda project: shutil.rmtree(project / "dbt_packages"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_what_dbt_parses_makes_the_manifest_stale(project: Path, change: str) -> None:
    manifest = project / "target" / "manifest.json"
    assert is_current(manifest, project)
    CHANGES[change](project)
    assert not is_current(manifest, project)


def test_other_files_and_new_modification_times_do_not(project: Path) -> None:
    (project / "include").mkdir()
    (project / "include" / "settings.py").touch()
    os.utime(project / MODEL, (0, 0))
    assert is_current(project / "target" / "manifest.json", project)


def test_a_manifest_without_a_fingerprint_is_stale(project: Path) -> None:
    (project / "target" / FINGERPRINT).unlink()
    assert not is_current(project / "target" / "manifest.json", project)


def test_every_path_that_dbt_reads_is_covered() -> None:
    """dbt_project.yml may name other folders one day."""
    project = yaml.safe_load((ROOT / "dbt_project.yml").read_text())
    kinds = ("model", "analysis", "seed", "macro", "test", "snapshot")
    read = [path for kind in kinds for path in project.get(f"{kind}-paths", [])]
    assert read
    for path in read:
        assert any(Path(path).is_relative_to(top) for top in PARSED), path
