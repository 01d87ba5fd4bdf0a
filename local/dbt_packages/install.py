"""Install the packages of packages.yml from dbt's package hub, or our stand-in without a hub.

    python -m local.dbt_packages.install [project folder]

dbt refuses to parse a project whose packages are not installed. `dbt deps` retries for minutes
before it gives up, so we probe the hub for a few seconds first. A package from the hub is never
touched here (`dbt deps` updates it), nor is a stand-in that is up to date.
"""

import hashlib
import shutil
import subprocess
import sys
import threading
from pathlib import Path

STAND_IN = Path(__file__).parent / "dbt_expectations"
MARKER = "STAND_IN.md"
"""A file that the stand-in has and the package does not."""

PROBE_SECONDS = 3.0
DEPS_SECONDS = 120.0


def install(project: Path) -> str:
    """Install the packages of the dbt project in `project`.

    Returns one line that says what was installed, empty if nothing was.
    """
    package = project / "dbt_packages" / STAND_IN.name
    from_hub = package.exists() and not (package / MARKER).exists()
    if from_hub or _fingerprint(package) == _fingerprint(STAND_IN):
        return ""
    if _hub_answers() and _deps_succeed(project):
        return "Installed dbt's packages from the hub."
    shutil.rmtree(package, ignore_errors=True)
    shutil.copytree(STAND_IN, package)
    return (
        "dbt's package hub does not answer: installed our stand-in for dbt_expectations "
        "(`dbt deps` replaces it with the package)."
    )


def _fingerprint(folder: Path) -> str:
    """Return a digest of the names and contents of the files below `folder`."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _hub_answers() -> bool:
    """Tell whether the hub that dbt uses (DBT_PACKAGE_HUB_URL) answers within PROBE_SECONDS."""
    # Imported here: importing dbt takes a second, wasted when there is nothing to install.
    import requests
    from dbt.clients.registry import DEFAULT_REGISTRY_BASE_URL

    answered = threading.Event()

    def ask() -> None:
        try:
            url = f"{DEFAULT_REGISTRY_BASE_URL}api/v1/metaplane/dbt_expectations.json"
            if requests.get(url, timeout=PROBE_SECONDS).ok:
                answered.set()
        except requests.RequestException:
            return

    # The request's timeout does not cover the DNS lookup, hence a daemon thread that we can leave.
    probe = threading.Thread(target=ask, daemon=True)
    probe.start()
    probe.join(PROBE_SECONDS)
    return answered.is_set()


def _deps_succeed(project: Path) -> bool:
    """Run `dbt deps`; it also fails when the hub answers but the packages' host does not."""
    dbt = Path(sys.executable).with_name("dbt")
    command: list[str | Path] = [dbt, "deps", "--project-dir", project]
    try:
        return (
            subprocess.run(
                command, timeout=DEPS_SECONDS, check=False, capture_output=True
            ).returncode
            == 0
        )
    except subprocess.TimeoutExpired:
        return False


def main() -> None:
    """Install the packages of the project in the given folder, by default the current one."""
    done = install(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    if done:
        print(done)


if __name__ == "__main__":
    main()
