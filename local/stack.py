"""The local stack: S3, Redshift and Airflow as background processes, and their environment.

`.local/` in the checkout holds the bucket's files, the warehouse's data, logs, and `env`, a shell
file that tells dbt, Airflow and the loader where the stack listens.
"""

import json
import os
import re
import secrets
import shlex
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import httpx
import redshift_connector
from redshift_connector.core import Connection

from include.cosmos import manifest
from local import processes
from local.addresses import warehouse_environment
from local.principals import BUCKET, COPY_ROLE_ARN
from local.s3 import upload_folder
from redshift_emulator import PASSWORD_VARIABLE

ROOT = Path(__file__).resolve().parent.parent
STATE = Path(os.environ.get("SPARKIFY_LOCAL_STATE", ROOT / ".local"))
RUNNING = STATE / "run"
ENVIRONMENT = STATE / "env"
BUCKET_FOLDER = STATE / "s3" / BUCKET
# Each component of Airflow, and what it logs once it is up. There is no triggerer, as no task
# defers. The API server reads the tasks' logs from disk, so no component has to serve them.
AIRFLOW = {
    "airflow-api-server": (["api-server"], r"Uvicorn running on"),
    "airflow-dag-processor": (["dag-processor"], r"Starting the Dag Processor Job"),
    "airflow-scheduler": (["scheduler", "--skip-serve-logs"], r"Starting the scheduler"),
}
REDSHIFT_PORT = 5439  # a cluster's default; the first start takes another one if it is in use
READER = "analyst"  # who reads the marts for the dashboard and the notebook
READER_VARIABLES = (
    *("REDSHIFT_READER_USER", "REDSHIFT_READER_PASSWORD"),
    *("SPARKIFY_READER_ROLE", "SPARKIFY_PII_READER_ROLE"),
)
SERVICES = (*reversed(AIRFLOW), "redshift", "s3")  # in stop order


def start_warehouse() -> dict[str, str]:
    """Start S3 and Redshift unless they run, fill the bucket, and return the environment.

    Redshift keeps its port and its password from one start to the next, so that a connection that
    psql or a BI tool has saved goes on working.
    """
    saved = read_environment() if ENVIRONMENT.exists() else {}
    if saved and all(processes.running(name, RUNNING) for name in ("s3", "redshift")):
        return saved
    stop()
    s3 = processes.start(
        "s3",
        processes.python("local.s3", "--port", "0", *fault_file("s3")),
        RUNNING,
        ready=r"^listening on .*$",
    ).removeprefix("listening on ")
    upload_bucket(s3)
    password = saved.get("REDSHIFT_PASSWORD") or secrets.token_hex(16)
    port = os.environ.get("SPARKIFY_LOCAL_REDSHIFT_PORT") or redshift_port(
        int(saved.get("REDSHIFT_PORT", REDSHIFT_PORT))
    )
    try:
        address = start_redshift(s3, port, password)
    except processes.StartError:
        stop()
        raise
    host, port = address.rsplit(":", 1)
    environment = warehouse_environment(s3, host, port, password) | airflow_environment()
    environment |= {name: saved[name] for name in READER_VARIABLES if name in saved}
    write_environment(environment)
    return environment


def reader_environment() -> dict[str, str]:
    """Return the login of the dashboard's reader, and the roles that publishing grants to."""
    return {
        "REDSHIFT_READER_USER": READER,
        # Redshift asks for an upper-case letter, a lower-case one and a digit.
        "REDSHIFT_READER_PASSWORD": f"Rd0{secrets.token_hex(16)}",
        "SPARKIFY_READER_ROLE": "sparkify_reader",
        "SPARKIFY_PII_READER_ROLE": "sparkify_pii_reader",
    }


def create_reader(environment: Mapping[str, str]) -> None:
    """Create the warehouse's roles and a user who holds the reader's, unless they are there.

    The dbt project must have been parsed: it tells what a reader may see of published tables.
    """
    from include.access import roles  # it imports Airflow, which takes seconds

    reader = environment["REDSHIFT_READER_USER"]
    with closing(connect(environment)) as connection:
        connection.autocommit = False
        roles.create_roles(connection)
        with connection.cursor() as cursor:
            cursor.execute("select 1 from pg_user where usename = %s", (reader,))
            verb = "alter" if cursor.fetchone() else "create"
            password = environment["REDSHIFT_READER_PASSWORD"]
            cursor.execute(f"{verb} user {reader} password '{password}'")
        roles.grant_roles(connection, loaders=[], transformers=[], analysts=[reader])
        connection.commit()


def start_redshift(s3: str, port: str, password: str) -> str:
    """Start Redshift alone, beside an S3 that runs, and return its host and port."""
    return processes.start(
        "redshift",
        processes.python(
            "redshift_emulator",
            *("--data-dir", str(STATE / "redshift")),
            *("--port", port),
            *("--user", "sparkify", "--database", "dev"),
            *("--s3-endpoint", s3, "--copy-role", COPY_ROLE_ARN),
            *("--system-view-delay", os.environ.get("SPARKIFY_LOCAL_VIEW_DELAY", "0")),
            *fault_file("redshift"),
        ),
        RUNNING,
        ready=r"^listening on .*$",
        environment={PASSWORD_VARIABLE: password},
    ).removeprefix("listening on ")


def fault_file(service: str) -> list[str]:
    """Return the option by which a service takes faults, where a folder for them is set."""
    folder = os.environ.get("SPARKIFY_LOCAL_FAULTS")
    return ["--fault-file", str(Path(folder) / f"{service}.json")] if folder else []


def upload_bucket(endpoint_url: str) -> int:
    """Upload every file of the bucket's folder to S3 and return their number."""
    BUCKET_FOLDER.mkdir(parents=True, exist_ok=True)
    return upload_folder(endpoint_url, BUCKET, BUCKET_FOLDER)


def start_airflow() -> str:
    """Start Airflow unless it runs, wait until it is healthy, and return the UI's address.

    A running Airflow is restarted when SPARKIFY_SCHEDULE differs from its schedule. When the dbt
    project has changed since, it is parsed again and the DAG gets the new tasks.
    """
    environment = start_warehouse()
    had = environment["SPARKIFY_SCHEDULE"]
    keeps_schedule = os.environ.get("SPARKIFY_SCHEDULE", had) == had
    if not keeps_schedule or not all(processes.running(name, RUNNING) for name in AIRFLOW):
        for name in AIRFLOW:
            processes.stop(name, RUNNING)
        environment |= airflow_environment(int(environment["AIRFLOW__API__PORT"]))
        environment = reader_environment() | environment  # what it has stays
        write_environment(environment)
        prepare_airflow(environment)
        create_reader(environment)
        for name in AIRFLOW:
            launch_airflow(name, environment)
        for name, (_, ready) in AIRFLOW.items():
            processes.wait_for(name, RUNNING, ready)
    elif not manifest.is_current(ROOT / "target" / "cosmos" / "manifest.json", ROOT):
        print("The dbt project has changed: parsing it again.", flush=True)
        parse_project(environment)
        update_dag(environment)
    address = environment["AIRFLOW__API__BASE_URL"]
    wait_until_healthy(address)
    return address


def launch_airflow(name: str, environment: Mapping[str, str]) -> None:
    """Start a component of Airflow without waiting for it."""
    command, _ = AIRFLOW[name]
    # What it logs once it is up is no warning; the shell may have set a higher level.
    level = {"AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO"}
    processes.launch(name, airflow(*command), RUNNING, {**environment, **level})


def airflow(*arguments: str) -> list[str]:
    """Return the command that runs Airflow by its console script.

    dbt's flags inspect the source of the whole call stack in each task. Under `python -m` the stack
    begins with frames without source, for which Python searches all modules each time.
    """
    return processes.script("airflow", *arguments)


def prepare_airflow(environment: Mapping[str, str]) -> None:
    """Create Airflow's database and parse the dbt project."""
    migration = subprocess.Popen(
        airflow("db", "migrate"), env=quiet(environment), stdout=subprocess.DEVNULL
    )
    try:
        parse_project(environment)
    finally:
        failed = migration.wait()
    if failed:
        raise processes.StartError("`airflow db migrate` failed; its message is above.")


def parse_project(environment: Mapping[str, str]) -> None:
    """Parse the dbt project with the login of Airflow's tasks, so that no task parses it again."""
    done = subprocess.run(
        ["make", "--silent", "manifest", "LOAD_ENV=:"],
        cwd=ROOT,
        env={**os.environ, **environment},
        check=False,
    )
    if done.returncode:
        raise processes.StartError("`make manifest` failed; dbt's message is above.")


def update_dag(environment: Mapping[str, str]) -> None:
    """Write the current DAG to Airflow's database now; the DAG processor may take 30 seconds."""
    done = subprocess.run(
        airflow("dags", "reserialize"),
        # without this, Airflow skips a DAG that it wrote less than 30 seconds ago
        env={**quiet(environment), "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0"},
        stdout=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        raise processes.StartError("`airflow dags reserialize` failed; its message is above.")


def quiet(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of an Airflow command that logs errors only."""
    return {**os.environ, **environment, "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"}


def wait_until_healthy(address: str, timeout_seconds: float = 60) -> None:
    """Wait until the API server reports a healthy scheduler and DAG processor."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        answer = httpx.get(f"{address}/api/v2/monitor/health", timeout=timeout_seconds)
        health = answer.raise_for_status().json()
        if all(health[part]["status"] == "healthy" for part in ("scheduler", "dag_processor")):
            return
        time.sleep(0.5)
    raise processes.StartError(
        f"Airflow is not healthy after {timeout_seconds:.0f} s: {health}. "
        f"Its logs are in {RUNNING}."
    )


def stop() -> list[str]:
    """Stop what runs and return the names; the data is kept."""
    return [name for name in SERVICES if processes.stop(name, RUNNING)]


def airflow_environment(last_port: int = 0) -> dict[str, str]:
    """Return Airflow's configuration; it keeps the port of its last start if that is free."""
    home = STATE / "airflow"
    port = os.environ.get("SPARKIFY_LOCAL_AIRFLOW_PORT") or str(free_port(last_port))
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": port,
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__COSMOS__CACHE_DIR": str(home / "cosmos"),
        "AIRFLOW__COSMOS__DBT_DOCS_PROJECTS": json.dumps(
            {"sparkify": {"dir": str(ROOT / "target" / "docs"), "index": "index.html"}}
        ),
        "AIRFLOW__COSMOS__ENABLE_TELEMETRY": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}?timeout=60",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        # `include` for the DAG, `airflow_local_settings` for the scheduler
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "include" / "cosmos" / "preload")]),
        # No schedule by default, as no new files arrive in the local bucket; a backfill needs one.
        "SPARKIFY_SCHEDULE": os.environ.get("SPARKIFY_SCHEDULE", ""),
        "SPARKIFY_RETRY_DELAY_SECONDS": "5",
    }


def redshift_port(preferred: int) -> str:
    """Return the preferred port, or if another process listens there a free one, and say so."""
    port = free_port(preferred)
    if port != preferred:
        print(
            f"Port {preferred} is taken by another process; the local Redshift moves to {port} and "
            "stays there. Change saved connections, or free the port and run "
            f"`make down && SPARKIFY_LOCAL_REDSHIFT_PORT={preferred} make up`.",
            flush=True,
        )
    return str(port)


def write_environment(environment: Mapping[str, str]) -> None:
    """Write the shell file for `source .local/env`; it contains the password."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    lines.append(f'export PATH={shlex.quote(str(ROOT / ".venv" / "bin"))}:"$PATH"')
    ENVIRONMENT.touch(mode=0o600)
    ENVIRONMENT.write_text("\n".join(lines) + "\n")


def read_environment() -> dict[str, str]:
    """Return the variables that `write_environment` wrote."""
    words = shlex.split(ENVIRONMENT.read_text())
    assignments = (re.fullmatch(r"(\w+)=(.*)", word, re.DOTALL) for word in words)
    return {found[1]: found[2] for found in assignments if found and found[1] != "PATH"}


def free_port(preferred: int = 0) -> int:
    """Return a free port of 127.0.0.1, the preferred one if it is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers set it
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def connect(environment: Mapping[str, str]) -> Connection:
    """Return a connection to the warehouse that the environment names."""
    return redshift_connector.connect(
        host=environment["REDSHIFT_HOST"],
        port=int(environment["REDSHIFT_PORT"]),
        database=environment["REDSHIFT_DATABASE"],
        user=environment["REDSHIFT_USER"],
        password=environment["REDSHIFT_PASSWORD"],
        ssl=False,
    )
