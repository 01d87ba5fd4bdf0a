"""Background processes that outlive the command that starts them, found by their pid files."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

# Python warns of a child process that is garbage-collected while it runs.
_children: dict[int, subprocess.Popen[bytes]] = {}


class StartError(Exception):
    """A process ended, or was not ready in time; the message ends with the tail of its log."""


def start(
    name: str,
    command: Sequence[str],
    folder: Path,
    *,
    ready: str,
    environment: Mapping[str, str] | None = None,
    timeout_seconds: float = 120,
) -> str:
    """Start a process in the background and return the line of its output that matches `ready`.

    Writes `<name>.log` and `<name>.pid` into `folder`. Raises StartError when the process ends
    first or takes longer than the timeout.
    """
    launch(name, command, folder, environment or {})
    return wait_for(name, folder, ready, timeout_seconds)


def launch(name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
    """Start a process in the background without waiting for it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.log").open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    _children[process.pid] = process
    created = psutil.Process(process.pid).create_time()
    (folder / f"{name}.pid").write_text(f"{process.pid} {created}")


def wait_for(name: str, folder: Path, ready: str, timeout_seconds: float = 120) -> str:
    """Wait for the line of the process's output that matches `ready`, and return it."""
    log = folder / f"{name}.log"
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if found := re.search(ready, log.read_text(errors="replace"), re.MULTILINE):
            return found.group(0)
        if running(name, folder) is None:
            break
        time.sleep(0.05)
    stop(name, folder)
    last_lines = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
    raise StartError(f"{name} did not start:\n{last_lines}\nThe whole log is in {log}.")


def running(name: str, folder: Path) -> psutil.Process | None:
    """Return the process if it still runs; its start time tells it from a reused process id."""
    pid_file = folder / f"{name}.pid"
    try:
        pid, created = pid_file.read_text().split()
        process = psutil.Process(int(pid))
        if process.create_time() == float(created) and process.status() != psutil.STATUS_ZOMBIE:
            return process
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        pass
    return None


def stop(name: str, folder: Path, *, timeout_seconds: float = 30) -> bool:
    """End the process and its children; return whether it ran."""
    process = running(name, folder)
    (folder / f"{name}.pid").unlink(missing_ok=True)
    for pid in [pid for pid, child in _children.items() if child.poll() is not None]:
        del _children[pid]
    if process is None:
        return False
    family = [process, *process.children(recursive=True)]
    process.send_signal(signal.SIGTERM)
    psutil.wait_procs([process], timeout=timeout_seconds)
    for member in psutil.wait_procs(family, timeout=5)[1]:
        member.kill()
    if child := _children.pop(process.pid, None):
        child.wait()
    return True


def python(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module with this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def script(name: str, *arguments: str) -> list[str]:
    """Return the command that runs a package's console script with this interpreter.

    The script's own shebang line may be too long for the system.
    """
    return [sys.executable, str(Path(sys.executable).with_name(name)), *arguments]
