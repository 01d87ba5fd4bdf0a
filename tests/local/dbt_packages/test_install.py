"""What the installer leaves in dbt_packages/, with a local package hub."""

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from local.dbt_packages.install import MARKER, STAND_IN

ROOT = Path(__file__).parents[3]
DBT = str(Path(sys.executable).with_name("dbt"))
PACKAGES = {"metaplane/dbt_expectations": "0.10.10", "godatadriven/dbt_date": "0.17.1"}


class Hub(BaseHTTPRequestHandler):
    """Answers as dbt's hub does: a package's versions, and the package as a tarball."""

    tarballs_lost = False

    def do_GET(self) -> None:
        """Serve /api/v1/index.json, /api/v1/<owner>/<name>.json and /<owner>/<name>.tar.gz."""
        package = self.path.removeprefix("/api/v1/").removeprefix("/").split(".")[0]
        if package == "index":
            self._answer(200, json.dumps(list(PACKAGES)).encode())
        elif self.path.endswith(".json"):
            version = {
                "name": package.split("/")[1],
                "packages": [],
                "downloads": {"tarball": f"http://{self.headers['Host']}/{package}.tar.gz"},
            }
            about = {"name": package, "versions": {PACKAGES[package]: version}}
            self._answer(200, json.dumps(about).encode())
        elif self.tarballs_lost:
            self._answer(404, b"")
        else:
            self._answer(200, tarball(package.split("/")[1]))

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def tarball(name: str) -> bytes:
    """Return a gzipped tar of a package that has nothing but its dbt_project.yml."""
    content = f"name: {name}\nversion: 1.0.0\nconfig-version: 2\n".encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        folder = tarfile.TarInfo(f"{name}-1.0.0")
        folder.type = tarfile.DIRTYPE
        folder.mode = 0o755
        archive.addfile(folder)
        file = tarfile.TarInfo(f"{name}-1.0.0/dbt_project.yml")
        file.size = len(content)
        archive.addfile(file, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def hub() -> Iterator[str]:
    """Start a hub and return its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def dead_hub() -> str:
    """Return the address of a port on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a dbt project with this repository's packages.yml and nothing installed."""
    project = shutil.copytree(Path(__file__).parent / "project", tmp_path / "project")
    for name in ("packages.yml", "package-lock.yml"):
        shutil.copy(ROOT / name, project)
    return project


def run(command: list[str], project: Path, hub: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "DBT_PACKAGE_HUB_URL": hub,
        "PYTHONPATH": str(ROOT),
        **{
            f"REDSHIFT_{name}": "1"
            for name in ("HOST", "PORT", "DATABASE", "USER", "PASSWORD", "SCHEMA")
        },
    }
    return subprocess.run(
        command,
        cwd=project,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def install(project: Path, hub: str) -> str:
    """Run the installer as `make` does and return its output."""
    done = run([sys.executable, "-m", "local.dbt_packages.install"], project, hub)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_a_hub_the_stand_in_is_installed_in_one_line_and_dbt_parses(
    project: Path, dead_hub: str
) -> None:
    assert run([DBT, "parse"], project, dead_hub).returncode != 0
    said = install(project, dead_hub)
    assert "stand-in" in said
    assert said.count("\n") == 1
    parsed = run([DBT, "parse"], project, dead_hub)
    assert parsed.returncode == 0, parsed.stdout


def test_a_second_run_does_nothing_and_prints_nothing(project: Path, dead_hub: str) -> None:
    install(project, dead_hub)
    package = project / "dbt_packages" / "dbt_expectations"
    made = package.stat().st_mtime_ns
    assert install(project, dead_hub) == ""
    assert package.stat().st_mtime_ns == made


def test_an_outdated_stand_in_is_replaced(project: Path, dead_hub: str) -> None:
    install(project, dead_hub)
    package = project / "dbt_packages" / "dbt_expectations"
    (package / "macros" / "left_over.sql").touch()
    assert "stand-in" in install(project, dead_hub)
    installed = {path.relative_to(package) for path in package.rglob("*")}
    ours = {path.relative_to(STAND_IN) for path in STAND_IN.rglob("*")}
    assert installed == ours


def test_a_package_from_the_hub_is_never_replaced(project: Path, dead_hub: str) -> None:
    package = project / "dbt_packages" / "dbt_expectations"
    package.mkdir(parents=True)
    (package / "dbt_project.yml").write_text("name: dbt_expectations\n")
    assert install(project, dead_hub) == ""
    assert [path.name for path in package.iterdir()] == ["dbt_project.yml"]


def test_the_hub_installs_what_the_lock_names(project: Path, hub: str) -> None:
    lock = project / "package-lock.yml"
    locked = lock.read_bytes()
    assert "from the hub" in install(project, hub)
    installed = project / "dbt_packages"
    assert {path.name for path in installed.iterdir()} == {"dbt_expectations", "dbt_date"}
    assert not (installed / "dbt_expectations" / MARKER).exists()
    assert lock.read_bytes() == locked, "dbt wrote a new lock: its hash is not that of packages.yml"


def test_without_the_packages_host_the_stand_in_is_installed(
    project: Path, hub: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Hub, "tarballs_lost", True)
    assert "stand-in" in install(project, hub)
