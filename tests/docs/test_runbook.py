"""The runbook: what it tells people to type does what it says."""

import json
import re
import shlex
from contextlib import closing
from pathlib import Path

import pytest

from include.alerts import stale
from include.alerts.notify import Alert
from include.load.errors import LoadError
from include.run.lock import RunLockHeldError, acquire_run_lock
from include.run.work import has_work, record_gate
from local import processes
from tests.conftest import ROOT
from tests.sparkify_data import event, song
from tests.warehouse import Warehouse

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
DAYS = ("log_data/2018/11/2018-11-05", "log_data/2018/11/2018-11-06", "log_data/2018/11/2018-11-07")
DAY_MS = 24 * 60 * 60 * 1000
AUDIT = ("+assert_load_audit_is_whole", "+assert_every_line_is_accounted_for")


def sql_blocks() -> dict[str, list[str]]:
    """Return the runbook's SQL by the heading that it stands under."""
    parts = re.split(r"^#+ (.*)\n", RUNBOOK, flags=re.MULTILINE)[1:]
    found = {
        heading: re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
        for heading, text in zip(parts[::2], parts[1::2], strict=True)
    }
    return {heading: blocks for heading, blocks in found.items() if blocks}


SQL = sql_blocks()


def test_the_tests_below_run_all_sql_of_the_runbook() -> None:
    assert {heading: len(blocks) for heading, blocks in SQL.items()} == {
        "Failed loads": 2,
        "Take a partition out": 1,
        "Quarantine": 2,
        "Failing rows": 1,
        "Run lock": 2,
        "Idle hour": 2,
        "Whole gate": 1,
        "Publishing": 2,
        "Late run": 1,
        "Stale source": 2,
    }
    inline = re.findall(r"`(?:select|delete|update|insert) .*?`", RUNBOOK)
    assert inline == []


def test_its_links_lead_to_headings() -> None:
    headings = {
        heading.lower().replace(" ", "-")
        for heading in re.findall(r"^##+ (.*)$", RUNBOOK, re.MULTILINE)
    }
    links = set(re.findall(r"\]\(#(.*?)\)", RUNBOOK))
    assert links
    assert links <= headings


def test_the_messages_that_it_quotes_are_those_of_the_code() -> None:
    sources = [*(ROOT / "include").rglob("*.py"), *(ROOT / "macros").rglob("*.sql")]
    # literals that stand next to each other are one message
    code = "".join(re.sub(r'"\s*(~\s*)?f?"', "", path.read_text()) for path in sources)
    of_others = {
        "database",
        "does not exist",
        "could not open relation",
        "Failed validating 'pattern'",
    }
    rows = re.findall(r"^\| (.*?) \|", RUNBOOK, re.MULTILINE)
    quotes = [quote for row in rows for quote in re.findall(r'"(.*?)"', row)]
    parts = {part.strip() for quote in quotes for part in quote.split("…")} - {""}
    assert "is working on schema" in parts
    assert {part for part in parts if part not in code} <= of_others


def test_a_failed_load_shows_its_partition_and_lines_until_it_is_corrected(
    warehouse: Warehouse,
) -> None:
    failed, refused = SQL["Failed loads"]
    refused = refused.replace("s3://…", f"s3://sparkify/{DAYS[0]}")
    wrong = event(1, sessionId="refused")
    warehouse.put_events(f"{DAYS[0]}-events.json", [wrong, {**wrong, "itemInSession": 2}])
    warehouse.put_events(f"{DAYS[1]}-events.json", [event(0)])
    warehouse.put("song_data/A/A/1.json", json.dumps(song()).encode())
    with pytest.raises(LoadError, match=r"all lines of .* were refused"):
        warehouse.load("log_data/")

    [(table, partition, rejected, run_id, _)] = warehouse.rows(failed)
    assert (table, rejected, run_id) == ("raw.staging_events", 2, "test")
    assert partition == f"s3://sparkify/{DAYS[0]}"
    lines = warehouse.rows(refused)
    assert [(line[2], line[3], line[4]) for line in lines] == [
        (1, "sessionid", "refused"),
        (2, "sessionid", "refused"),
    ]
    assert json.loads(lines[0][6]) == wrong

    warehouse.put_events(f"{DAYS[0]}-events.json", [event(1)])
    warehouse.load("log_data/")
    assert warehouse.rows(failed) == []
    assert warehouse.rows('select count(*) from "raw".staging_events') == [(2,)]


def test_a_partition_is_taken_out_and_nothing_after_it_is_skipped(warehouse: Warehouse) -> None:
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
    [sql] = SQL["Take a partition out"]
    warehouse.run(sql.replace("s3://…", f"s3://sparkify/{DAYS[1]}"))
    warehouse.build("--full-refresh", *models)
    assert warehouse.rows(plays) == [(1,)]

    warehouse.load(DAYS[2])
    warehouse.build(*models)
    assert warehouse.rows(plays) == [(2,)]


def test_quarantined_and_failing_rows_are_shown_until_their_file_is_corrected(
    warehouse: Warehouse,
) -> None:
    by_reason, of_reason = SQL["Quarantine"]
    of_reason = of_reason.replace("'…'", "'level: neither free nor paid'")
    [failing] = SQL["Failing rows"]
    partition = f"s3://sparkify/{DAYS[0]}"
    good = [event(item) for item in range(89)]
    wrong = [event(item, level="gold") for item in range(100, 111)]
    warehouse.put_events(f"{DAYS[0]}-events.json", good + wrong)
    warehouse.put("song_data/A/A/1.json", json.dumps(song()).encode())
    warehouse.load("log_data/")
    models = ("--select", "+int_events_quarantined")
    warehouse.dbt_here("run", *models)

    assert warehouse.rows(by_reason) == [("level: neither free nor paid", partition, 11)]
    assert len(warehouse.rows(of_reason)) == 11
    test = "few_rows_are_quarantined_stg_sparkify__events_"
    assert warehouse.dbt_here("test", "--select", test)[test]["status"] == "fail"
    assert [row[:3] for row in warehouse.rows(failing)] == [(partition, 100, 11)]

    warehouse.put_events(f"{DAYS[0]}-events.json", [*good, event(100)])
    warehouse.load("log_data/")
    warehouse.dbt_here("run", *models)
    assert warehouse.dbt_here("test", "--select", test)[test]["status"] == "pass"
    assert warehouse.rows(by_reason) == []
    assert warehouse.rows(of_reason) == []
    assert warehouse.rows(failing) == []


def test_the_run_lock_is_shown_and_freed_as_its_refusal_says(warehouse: Warehouse) -> None:
    shown, freed = SQL["Run lock"]
    with closing(warehouse.connect()) as connection:
        acquire_run_lock(connection, "analytics", "scheduled__1", 15)
        [(owner, _, expires_at, now)] = warehouse.rows(shown)
        assert owner == "scheduled__1"
        assert expires_at > now
        with pytest.raises(RunLockHeldError) as refused:
            acquire_run_lock(connection, "analytics", "manual__2", 15)
        sql = freed.strip().removesuffix(";").replace("…", "scheduled__1")
        assert str(refused.value).endswith(sql)
        warehouse.run(sql)
        assert warehouse.rows(shown) == []
        with pytest.raises(RunLockHeldError, match=r"holds no run lock .* wait_for_run_lock"):
            acquire_run_lock(connection, "analytics", "scheduled__1", 15, may_take=False)
        acquire_run_lock(connection, "analytics", "manual__2", 15)


def test_an_idle_hour_shows_how_far_the_gate_came_and_can_be_built_again(
    warehouse: Warehouse,
) -> None:
    shown, forgotten = SQL["Idle hour"]
    warehouse.put_events(f"{DAYS[0]}-events.json", [event(0)])
    warehouse.put("song_data/A/A/1.json", json.dumps(song()).encode())
    warehouse.load("log_data/")
    with closing(warehouse.connect()) as connection:
        for run in ("scheduled__1", "scheduled__2"):
            acquire_run_lock(connection, "analytics", run, 15)
            record_gate(connection, "analytics", run, "project", is_whole=True)
            warehouse.run("delete from ops.run_lock")
        [(through, run_id, _, newest)] = warehouse.rows(shown)
        assert run_id == "scheduled__2"
        assert through == newest > 0
        assert not has_work(connection, "analytics", "project")
        warehouse.run(forgotten)
        assert has_work(connection, "analytics", "project")


def test_publications_and_what_waits_for_the_next_are_shown(warehouse: Warehouse) -> None:
    publications, waiting = SQL["Publishing"]
    for number in range(1, 7):
        warehouse.run(
            "insert into ops.publications (target_schema, publication_id, run_id, "
            f"through_load_id, published_at) select 'analytics', {number}, 'r', 5, sysdate"
        )
    for key, publication in (("2018-11-05", "null"), ("2018-11-04", "6")):
        warehouse.run(
            "insert into ops.replaced_keys (target_schema, model, key_value, publication_id, "
            f"recorded_at) select 'analytics', 'songplays', '{key}', {publication}, sysdate"
        )
    [whole_gates] = SQL["Whole gate"]
    assert warehouse.rows(whole_gates) == []
    assert [row[0] for row in warehouse.rows(publications)] == [6, 5, 4, 3, 2]
    assert warehouse.rows(waiting) == [("songplays", 1, 0)]


def test_a_late_run_and_a_stale_source_are_shown_as_their_alerts_say(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    [of_run] = SQL["Late run"]
    loads, forget = SQL["Stale source"]
    warehouse.run(
        "insert into ops.node_runs select 'analytics', 'scheduled__1', 'users', 'model', null, "
        "'success', null, 1.5, sysdate"
    )
    [(node, status, seconds, _)] = warehouse.rows(of_run.replace("…", "scheduled__1"))
    assert (node, status, seconds) == ("users", "success", 1.5)

    warehouse.put_events(f"{DAYS[0]}-events.json", [event(0)])
    warehouse.put("song_data/A/A/1.json", json.dumps(song()).encode())
    warehouse.load("log_data/")
    assert [(table, hours) for table, _, hours in warehouse.rows(loads)] == [
        ("raw.staging_events", 0),
        ("raw.staging_songs", 0),
    ]
    told: list[Alert] = []
    monkeypatch.setattr(stale, "send", told.append)
    with closing(warehouse.connect()) as connection:
        for sql in ("select 1", forget):
            warehouse.run(sql)
            stale.tell_of_stale_sources(connection, {"raw.staging_events": "old"}, "r", "link")
            stale.tell_of_stale_sources(connection, {"raw.staging_events": "old"}, "r", "link")
    assert len(told) == 2


def test_a_backfill_means_days_in_utc_whatever_the_default_timezone(
    running_warehouse: Warehouse, tmp_path: Path
) -> None:
    [command] = re.findall(r"^(airflow backfill create .*)$", RUNBOOK, re.MULTILINE)
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
