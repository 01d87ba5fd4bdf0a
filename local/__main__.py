"""`python -m local up|down|…`: the local stack from the command line; `make help` lists it."""

import argparse
import shlex
import sys

from include.settings import SettingsError, settings
from local import demo, processes, stack


def up() -> None:
    """Start everything and print the addresses."""
    print("Starting S3, Redshift and Airflow …", flush=True)
    address = stack.start_airflow()
    environment = stack.read_environment()
    print(f"Airflow   {address}/dags/sparkify")
    print(f"dbt docs  {address}/cosmos/sparkify/dbt_docs_index.html, once the DAG has run")
    print(
        f"Redshift  {environment['REDSHIFT_HOST']}:{environment['REDSHIFT_PORT']}, database "
        f"{environment['REDSHIFT_DATABASE']}, user {environment['REDSHIFT_USER']}; port and "
        "password stay the same from one start to the next"
    )
    print(f"S3        {environment['SPARKIFY_LOCAL_S3']}")
    print(
        f"dbt       source {stack.ENVIRONMENT}  # airflow reads it too; REDSHIFT_PASSWORD is there"
    )
    print(f"psql      {psql()}")


def psql() -> str:
    """Return the shell command that opens psql on the local Redshift."""
    return (
        f"source {shlex.quote(str(stack.ENVIRONMENT))} && PGPASSWORD=$REDSHIFT_PASSWORD psql "
        "-h $REDSHIFT_HOST -p $REDSHIFT_PORT -U $REDSHIFT_USER $REDSHIFT_DATABASE"
    )


def warehouse() -> None:
    """Start S3 and Redshift only."""
    stack.start_warehouse()


def down() -> None:
    """Stop what runs; the data is kept."""
    print("Stopped: " + (", ".join(stack.stop()) or "nothing was running"))


COMMANDS = {"up": up, "warehouse": warehouse, "down": down, "demo": demo.main}


def main() -> int:
    """Run one command and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    command = parser.parse_args().command
    try:
        if command != "down":
            settings()  # a wrong one would end Airflow's start in a traceback
        COMMANDS[command]()
    except (processes.StartError, demo.DemoError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
