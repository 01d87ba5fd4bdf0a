"""A real browser in the checkout, without root: `python -m local.browser` installs it.

npm's package @sparticuz/chromium carries Chromium itself, with the libraries and a font that a
bare machine lacks; package-lock.json pins it. Playwright drives it, and brings the Node.js that
unpacks it.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent.parent / ".local" / "browser"
PINS = ("package.json", "package-lock.json")
UNPACKED = FOLDER / "unpacked"
# Chromium's own sandbox needs rights that a container lacks; the pages are ours. The rest keeps the
# browser from asking its vendor's hosts for anything.
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
    "--disable-sync",
)
# The package's own font, and what the machine has; the package's list is that of an AWS function.
FONTS = f"""<?xml version="1.0"?>
<fontconfig>
  <dir>{UNPACKED / "fonts"}</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{UNPACKED / "fonts-cache"}</cachedir>
</fontconfig>
"""
# On AWS alone the package unpacks its libraries.
UNPACK = 'console.log(await (await import("@sparticuz/chromium")).default.executablePath())'


class BrowserError(Exception):
    """There is no browser, and how to get one."""


def install() -> None:
    """Install the pinned browser into `.local/browser`, unless it is there. Raises BrowserError."""
    if is_current():
        return
    if not shutil.which("npm"):
        raise BrowserError(
            "There is no npm, which brings the browser. Install Node.js (Debian: nodejs and npm), "
            "or Chromium itself; until then the tests of pages are skipped."
        )
    shutil.rmtree(FOLDER, ignore_errors=True)
    UNPACKED.mkdir(parents=True)
    for name in PINS:
        shutil.copyfile(HERE / name, FOLDER / name)
    npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    unpack = [driver_node(), "--input-type=module", "-e", UNPACK]
    environment = {"TMPDIR": str(UNPACKED), "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs22.x"}
    for command in (npm, unpack):
        done = subprocess.run(
            command,
            cwd=FOLDER,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            (FOLDER / PINS[1]).unlink()  # not current: the next call tries again
            raise BrowserError(f"{command[0]} could not install the browser: {done.stderr}")
    (UNPACKED / "fonts.conf").write_text(FONTS)
    shutil.rmtree(FOLDER / "node_modules")


def is_current() -> bool:
    """Tell whether the browser of package-lock.json is installed."""
    pinned = FOLDER / PINS[1]
    return (
        (UNPACKED / "chromium").exists()
        and pinned.exists()
        and pinned.read_bytes() == (HERE / PINS[1]).read_bytes()
    )


def driver_node() -> str:
    """Return the path of Playwright's Node.js: the machine's may be too old for the package."""
    from playwright._impl._driver import compute_driver_executable

    return str(compute_driver_executable()[0])


def executable() -> tuple[Path, dict[str, str]]:
    """Return the browser and what its environment needs; raise BrowserError if there is none."""
    if is_current():
        return UNPACKED / "chromium", {
            "FONTCONFIG_FILE": str(UNPACKED / "fonts.conf"),
            "LD_LIBRARY_PATH": str(UNPACKED / "al2023" / "lib"),
        }
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return Path(found), {}
    raise BrowserError("There is no browser: `make browser` installs one into the checkout.")


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start the browser without a window; raise BrowserError if there is none."""
    path, environment = executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=FLAGS, env={**os.environ, **environment}
        )
        try:
            yield browser
        finally:
            browser.close()
