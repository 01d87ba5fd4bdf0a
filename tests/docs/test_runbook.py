"""The runbook: what it tells people to type does what it says."""

import re
import shlex
from pathlib import Path

from local import processes
from tests.sparkify_data import event, song
from tests.warehouse import Warehouse

RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"
DAYS = ("log_data/2018/11/2018-11-05", "log_data/2018/11/2018-11-06", "log_data/2018/11/2018-11-07")
DAY_MS = 24 * 60 * 60 * 1000
AUDIT = ("+assert_load_audit_is_whole", "+assert_loads_balance_with_rows")


def test_a_partition_is_taken_out_and_nothing_after_it_is_passed_over(warehouse: Warehouse) -> None:
    first = event(0)
    for day, prefix in enumerate(DAYS):
        rows = [first | {"ts": int(first["ts"]) + day * DAY_MS}, event(1, sessionId="refused")]
        warehouse.put_events(f"{prefix}-events.json", rows)
    warehouse.put_events("song_data/1.json", [song()])
    models = ("--indirect-selection", "cautious", "--select", "+int_events_deduplicated", *AUDIT)
    plays = "select count(*) from intermediate.int_events_deduplicated"
    warehouse.load(DAYS[0])
    warehouse.load(DAYS[1])
    warehouse.build(*models)
    assert warehouse.rows(plays) == [(2,)]

    warehouse.delete(f"{DAYS[1]}-events.json")
    [sql] = re.findall(
        r"\*\*Take a partition out\..*?```sql\n(.*?)```", RUNBOOK.read_text(), re.DOTALL
    )
    warehouse.run(sql.replace("s3://…", f"s3://sparkify/{DAYS[1]}"))
    warehouse.build("--full-refresh", *models)
    assert warehouse.rows(plays) == [(1,)]

    warehouse.load(DAYS[2])
    warehouse.build(*models)
    assert warehouse.rows(plays) == [(2,)]


def test_a_backfill_means_days_in_utc_whatever_the_default_timezone(
    running_warehouse: Warehouse, tmp_path: Path
) -> None:
    [command] = re.findall(r"^(airflow backfill create .*)$", RUNBOOK.read_text(), re.MULTILINE)
    environment = {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path / 'airflow.db'}",
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": "America/New_York",
        "SPARKIFY_SCHEDULE": "0 0 * * *",
    }
    for prepare in (("db", "migrate"), ("dags", "reserialize")):
        done = running_warehouse.command(*processes.script("airflow", *prepare), **environment)
        assert done.returncode == 0, done.stderr
    dry_run = processes.script(*shlex.split(command), "--dry-run")
    done = running_warehouse.command(*dry_run, **environment)
    assert done.returncode == 0, done.stderr
    days = re.findall(r"^\| (2018-\d\d-\d\d) 00:00:00\+00:00", done.stdout, re.MULTILINE)
    assert (len(days), min(days), max(days)) == (30, "2018-11-01", "2018-11-30")
