"""The gate under Airflow's own scheduler: which tasks each kind of bad data stops.

Also what Airflow's UI shows of a run: another file would start Airflow a second time.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from include.cosmos.manifest import written_fingerprint
from include.settings import settings
from local import demo, stack
from tests.conftest import AIRFLOW_HOME, ROOT, shown_to_the_user
from tests.include.alerts.receiver import Receiver
from tests.sparkify_data import event, song
from tests.stack.conftest import ADMIN, SLACK_TOKEN
from tests.warehouse import Warehouse

EVENTS_PREFIX = "log_data/2018/11/"
FILE = f"{EVENTS_PREFIX}2018-11-05-events.json"
NEXT_FILE = f"{EVENTS_PREFIX}2018-11-06-events.json"
UI_MILLISECONDS = 60_000  # what a page may take on a busy machine
NEXT_DAY = {"ts": event(5)["ts"] + 86_400_000, "userId": "8"}


def put_good_data(warehouse: Warehouse) -> None:
    warehouse.put_events(FILE, [event(0), event(1, song="Not in the catalogue"), event(2)])
    warehouse.put("song_data/1.json", json.dumps(song()).encode())


@dataclass(frozen=True)
class Finished:
    """A run that has ended: its state, and the state of each task."""

    run_id: str
    state: str
    tasks: dict[str, str]
    log: Callable[[str], str]

    @property
    def failed(self) -> set[str]:
        return {task_id for task_id, state in self.tasks.items() if state == "failed"}


def run(airflow: httpx.Client, **params: bool) -> Finished:
    run_id = demo.trigger(airflow, EVENTS_PREFIX, **params)
    state = demo.wait_for(airflow, run_id)
    instances = demo.task_instances(airflow, run_id)

    def log(task_id: str) -> str:
        answer = airflow.get(
            f"dags/sparkify/dagRuns/{run_id}/taskInstances/{task_id}/logs/1",
            headers={"Accept": "application/json"},
        ).raise_for_status()
        return answer.text

    return Finished(run_id, state, {task["task_id"]: task["state"] for task in instances}, log)


def asset_events(airflow: httpx.Client) -> int:
    answer = airflow.get("assets/events", params={"limit": 1}).raise_for_status().json()
    return int(answer["total_entries"])


@dataclass(frozen=True)
class BadData:
    """What to inject after a good run, the task that must fail, and the test its log must name."""

    inject: Callable[[Warehouse], None]
    failing_task: str
    test: str
    not_run: frozenset[str]


def new_event(**changes: Any) -> Callable[[Warehouse], None]:
    return lambda warehouse: warehouse.put_events(NEXT_FILE, [event(5, **NEXT_DAY | changes)])


def many_faulty_events(warehouse: Warehouse) -> None:
    """Put a day in which 1 event in 5 has an unknown level."""
    events = [event(item, **NEXT_DAY) for item in range(100)]
    warehouse.put_events(
        NEXT_FILE,
        [{**each, "level": "gold"} if at % 5 == 0 else each for at, each in enumerate(events)],
    )


def failing_rows(warehouse: Warehouse, test: str) -> int:
    """Return how many failing rows the test stored in `dq`, in the table named by the manifest."""
    manifest = json.loads((ROOT / "target" / "manifest.json").read_text())
    [table] = [node["alias"] for node in manifest["nodes"].values() if node["name"] == test]
    [(count,)] = warehouse.rows(f"select count(*) from dq.{table}")
    return int(count)


def by_hand(sql: str) -> Callable[[Warehouse], None]:
    return lambda warehouse: warehouse.run(sql)


MODELS_AFTER_STAGING = frozenset(
    {"intermediate.int_events_deduplicated", "marts.songplays", "marts.users"}
)
AFTER_THE_GATE = frozenset({"publish", "emit_marts", "docs", "report_run"})

KINDS = {
    "source": BadData(
        by_hand(
            """insert into "raw".staging_events (page, _partition, _loaded_at)
            values ('Home', 'by hand', sysdate)"""
        ),
        "test_sources",
        "dbt_expectations_source_expect_column_values_to_match_regex_sparkify_staging_events__partition___s3_",
        MODELS_AFTER_STAGING | {"staging.stg_sparkify__events"},
    ),
    "staging": BadData(
        many_faulty_events,
        "staging.stg_sparkify__events",
        "few_rows_are_quarantined_stg_sparkify__events_",
        MODELS_AFTER_STAGING,
    ),
    "several parents": BadData(
        by_hand("update unpublished.songs set song_id = 'SO' || right(song_id, 15) || 'X'"),
        "test_marts",
        "relationships_songplays_song_id__song_id__ref_songs_",
        frozenset({"quality_gate"}),
    ),
    "singular": BadData(
        by_hand("delete from unpublished.songplays where song_id is null"),
        "quality_gate",
        "assert_no_play_is_lost_or_doubled",
        frozenset(),
    ),
}


def gates(warehouse: Warehouse) -> list[tuple[bool]]:
    return warehouse.rows("select is_whole from ops.gates order by recorded_at")


def pass_whole_gate(warehouse: Warehouse) -> None:
    """Note that a whole gate of this day has passed with what was loaded."""
    newest = 'select max(load_id) from "raw".load_history'
    project = written_fingerprint(settings().dbt_manifest)
    warehouse.run(
        f"insert into ops.gates select 'analytics', '{project}', ({newest}), 'r', sysdate, true"
    )


def test_good_data_passes_the_gate_of_an_hour_whatever_is_older(
    warehouse: Warehouse, airflow: httpx.Client, checkout: Path, shown_before: dict[str, str]
) -> None:
    put_good_data(warehouse)
    warehouse.load(EVENTS_PREFIX)
    warehouse.dbt_here("run", "--exclude", "path:dbt_sparkify/models/reporting")
    pass_whole_gate(warehouse)
    by_hand("insert into unpublished.users select * from unpublished.users")(warehouse)
    new_event()(warehouse)
    before = asset_events(airflow)
    finished = run(airflow, whole_gate=False)
    assert finished.state == "success", finished.failed
    others = {task_id: state for task_id, state in finished.tasks.items() if state != "success"}
    assert others == {"stage_songs": "skipped"}  # no song has changed
    for task_id in ("marts.songplays", "test_reporting", "quality_gate"):
        assert "Unable to do partial parsing" not in finished.log(task_id), task_id
    assert ".songplays: 1 rows written in " in finished.log("marts.songplays")
    named = (
        "select count(*) > 0 from stl_connection_log where application_name = 'sparkify-airflow'"
    )
    assert warehouse.rows(named) == [(True,)]
    assert asset_events(airflow) == before + 1
    assert warehouse.rows("select count(*) from analytics.songplays") == [(4,)]
    assert warehouse.rows("select run_id from ops.publications") == [(finished.run_id,)]
    assert "Published" in finished.log("publish")
    catalog = json.loads((checkout / "target" / "docs" / "catalog.json").read_text())["nodes"]
    assert catalog["model.sparkify.songplays"]["metadata"]["schema"] == "analytics"
    assert gates(warehouse) == [(True,), (False,)]
    assert warehouse.rows("select * from ops.run_lock") == []
    assert (checkout / "target" / "docs" / "index.html").exists()
    assert shown_to_the_user() == shown_before


def test_the_ui_triggers_a_run_and_shows_what_it_did(
    airflow: httpx.Client, browser: Browser
) -> None:
    """Go on with the run of the test before: the one that is triggered here finds nothing new."""
    address = str(airflow.base_url).partition("/api/")[0]
    [good] = runs(airflow)
    page = browser.new_page()
    page.set_default_timeout(UI_MILLISECONDS)
    page.goto(f"{address}/dags/sparkify")
    log_in(page, ADMIN["username"], "a guess")
    page.get_by_text("Invalid credentials").wait_for()
    log_in(page, **ADMIN)
    page.get_by_role("button", name="Trigger Dag").click()
    page.locator("#element_events_prefix").fill(EVENTS_PREFIX)
    page.get_by_role("dialog").get_by_role("button", name="Trigger").click()
    page.get_by_role("dialog").wait_for(state="hidden")
    [triggered] = [run for run in runs(airflow) if run["dag_run_id"] != good["dag_run_id"]]
    assert triggered["conf"]["events_prefix"] == EVENTS_PREFIX
    assert triggered["triggering_user_name"] == ADMIN["username"]
    assert demo.wait_for(airflow, triggered["dag_run_id"]) == "success"

    page.goto(f"{address}/dags/sparkify/runs/{good['dag_run_id']}")
    page.get_by_label("Expand all task groups").click()
    page.get_by_role("link", name="daily_activity").first.wait_for()  # the grid
    page.get_by_label("Collapse all task groups").click()
    page.get_by_label("Show Graph").click()
    page.locator(".react-flow__node", has_text="quality_gate").wait_for()
    task = f"{address}/dags/sparkify/runs/{good['dag_run_id']}/tasks/marts.songplays"
    page.goto(task)
    page.get_by_text(".songplays: 1 rows written in ").wait_for()  # the log
    page.goto(f"{task}/details")
    sql, docs = (
        page.get_by_role("link", name=name).get_attribute("href") or ""
        for name in ("Compiled SQL", "dbt docs")
    )
    page.goto(sql)
    page.get_by_text("dbt_sparkify/models/marts/songplays.sql").first.wait_for()
    page.goto(docs)
    page.get_by_text("One row per play.").first.wait_for()
    page.goto(f"{address}/assets")
    page.get_by_role("link", name="sparkify_marts").wait_for()
    page.close()


def log_in(page: Page, username: str, password: str) -> None:
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def runs(airflow: httpx.Client) -> list[dict[str, Any]]:
    answer = airflow.get("dags/sparkify/dagRuns").raise_for_status().json()
    return list(answer["dag_runs"])


def test_an_hour_without_news_ends_after_the_loads(
    warehouse: Warehouse, airflow: httpx.Client
) -> None:
    put_good_data(warehouse)
    warehouse.load(EVENTS_PREFIX)
    pass_whole_gate(warehouse)
    before = asset_events(airflow)

    finished = run(airflow)

    assert finished.state == "success"
    done = {task_id for task_id, state in finished.tasks.items() if state == "success"}
    assert done == {"create_tables", "wait_for_run_lock", "find_work", "give_back_run_lock"}
    assert set(finished.tasks.values()) == {"success", "skipped"}
    assert asset_events(airflow) == before
    assert warehouse.rows("select * from ops.run_lock") == []


@pytest.mark.parametrize("kind", KINDS)
def test_bad_data_stops_what_is_downstream(
    warehouse: Warehouse, airflow: httpx.Client, alerts: Receiver, kind: str
) -> None:
    bad = KINDS[kind]
    put_good_data(warehouse)
    warehouse.load(EVENTS_PREFIX)
    warehouse.dbt_here("run", "--exclude", "path:dbt_sparkify/models/reporting")
    new_event()(warehouse)
    bad.inject(warehouse)
    before = asset_events(airflow)

    finished = run(airflow)

    assert finished.state == "failed"
    assert finished.failed == {bad.failing_task}
    log = finished.log(bad.failing_task)
    assert f"{bad.test}: Got" in log
    assert "Its query:" in log
    assert "Lovelace" not in log  # a name is nobody's business
    for task_id in bad.not_run | AFTER_THE_GATE:
        assert finished.tasks[task_id] == "upstream_failed", task_id
    assert asset_events(airflow) == before
    assert failing_rows(warehouse, bad.test) > 0
    [text] = [text for text in alerts.texts() if f"failed, {finished.run_id}*" in text]
    assert text.startswith(f"*Sparkify: task {bad.failing_task} failed")
    assert f"The test {bad.test} found {failing_rows(warehouse, bad.test):,} rows." in text
    [shown] = re.findall(r"```(.*?)```", text, re.DOTALL)  # a line for each test that failed
    counts = [len(warehouse.rows(sql)) for sql in shown.splitlines()]
    assert failing_rows(warehouse, bad.test) in counts
    [link] = re.findall(r"<(http.*?)\|Open in Airflow>", text)
    assert link.startswith(f"{airflow.base_url.scheme}://{airflow.base_url.netloc.decode()}/dags/")
    assert warehouse.rows("select 1 from pg_tables where schemaname = 'analytics'") == []
    assert warehouse.rows("select * from ops.run_lock") == []


def test_a_run_that_is_not_done_in_time_is_told_of_and_goes_on(
    warehouse: Warehouse, airflow: httpx.Client, alerts: Receiver
) -> None:
    late = [text for text in alerts.texts() if "run not done after 0.25 minutes" in text]
    assert late
    assert all("The run goes on." in text for text in late)


def test_a_faulty_parameter_is_refused_when_a_run_is_triggered(airflow: httpx.Client) -> None:
    conf = {"events_prefix": "s3://sparkify/log_data/"}
    answer = airflow.post("dags/sparkify/dagRuns", json={"logical_date": None, "conf": conf})
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert "Leave out s3:// and the bucket" in answer.json()["detail"]


def test_no_secret_is_in_anything_that_the_runs_left(
    warehouse: Warehouse, airflow: httpx.Client, checkout: Path
) -> None:
    """Search logs, database (XComs, rendered templates), dbt's artifacts and docs, byte by byte."""
    left = {
        path: path.read_bytes()
        for folder in (
            AIRFLOW_HOME,
            stack.RUNNING,
            checkout / "target",
            stack.STATE / "target_here",
        )
        for path in folder.rglob("*")
        if path.is_file()
    }

    def holding(text: str) -> set[str]:
        return {path.name for path, content in left.items() if text.encode() in content}

    keys = json.loads(warehouse.environment["AIRFLOW_CONN_AWS_DEFAULT"])
    for secret in (warehouse.environment["REDSHIFT_PASSWORD"], keys["password"], SLACK_TOKEN):
        assert holding(secret) == set()
    # it searches where it should: what is no secret is found
    assert {"manifest.json", "catalog.json"} <= holding("songplay_id")
    assert {"airflow.db", "attempt=1.log"} <= holding("marts.songplays")
