"""Install what packages.yml names: from dbt's package hub, or our stand-in where it cannot answer.

    python -m local.dbt_packages.install [project folder]

dbt refuses to parse a project whose packages are not installed. `dbt deps` retries for minutes
before it gives up, so the hub is asked first, for a few seconds. A package that came from the hub
is never touched here (`dbt deps` updates it), nor is a stand-in that is up to date.
"""

import hashlib
import shutil
import subprocess
import sys
import threading
from pathlib import Path

STAND_IN = Path(__file__).parent / "dbt_expectations"
MARKER = "STAND_IN.md"
"""A file that the stand-in has and the package has not."""

PROBE_SECONDS = 3.0
DEPS_SECONDS = 120.0


def install(project: Path) -> str:
    """Make the packages of the dbt project in `project` available; return what was done.

    Returns one line for the reader, empty if nothing had to be done.
    """
    package = project / "dbt_packages" / STAND_IN.name
    from_hub = package.exists() and not (package / MARKER).exists()
    if from_hub or _fingerprint(package) == _fingerprint(STAND_IN):
        return ""
    if _hub_answers() and _deps_succeed(project):
        return "dbt's packages were installed from the hub."
    shutil.rmtree(package, ignore_errors=True)
    shutil.copytree(STAND_IN, package)
    return (
        "dbt's package hub does not answer: our stand-in for dbt_expectations was installed "
        "(`dbt deps` replaces it by the package)."
    )


def _fingerprint(folder: Path) -> str:
    """Return a digest of the names and contents of the files below `folder`."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _hub_answers() -> bool:
    """Tell whether the hub that dbt is set to (DBT_PACKAGE_HUB_URL) answers in PROBE_SECONDS."""
    # Imported here: dbt takes a second, which a run that has nothing to do need not spend.
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

    # The time-out of a request does not cover the look-up of the name, which a daemon may leave.
    probe = threading.Thread(target=ask, daemon=True)
    probe.start()
    probe.join(PROBE_SECONDS)
    return answered.is_set()


def _deps_succeed(project: Path) -> bool:
    """Run `dbt deps`; it fails too where the hub answers and the packages' own host does not."""
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
