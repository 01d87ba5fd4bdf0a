"""The dashboard and the notebook on a warehouse of their own, in a real browser.

The tests run in order: each goes on with the warehouse that the one before it left.
"""

import datetime
import json
import os
import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from dashboard import integrity, warehouse
from include.settings import settings
from local import stack
from local.events import generate
from tests.conftest import ROOT
from tests.stack.star_schema import Star, expected
from tests.warehouse import Warehouse

FIRST_DAY = datetime.date(2018, 11, 5)
DAYS = 9
RANGE = {"first_day": FIRST_DAY, "last_day": FIRST_DAY + datetime.timedelta(days=DAYS - 1)}
NOWHERE = {"REDSHIFT_HOST": "127.0.0.1", "REDSHIFT_PORT": "1", "REDSHIFT_READER_USER": "ana"}
MILLISECONDS = 60_000  # what a page may take on a busy machine


@pytest.fixture(scope="module")
def empty(running_warehouse: Warehouse) -> Iterator[Warehouse]:
    """Make the warehouse anew, with its reader, and tell this process its connections."""
    running_warehouse.empty()
    environment = stack.reader_environment() | stack.read_environment()
    stack.create_reader(environment)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            if name.startswith(("AIRFLOW_CONN_", "REDSHIFT_", "SPARKIFY_")):
                patch.setenv(name, value)
        settings.cache_clear()  # publishing grants to the roles
        yield running_warehouse
    settings.cache_clear()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    generate(folder, seed=4, start=FIRST_DAY, days=DAYS, users=12, songs=40, anomalies={})
    return folder


@pytest.fixture(scope="module")
def star(folder: Path) -> Star:
    return expected(folder)


@pytest.fixture(scope="module")
def published(empty: Warehouse, folder: Path) -> Warehouse:
    """Load and build what the generator wrote, and publish it."""
    empty.upload(folder)
    empty.load("log_data/")
    empty.build()
    return empty


@contextmanager
def served(target: str, **environment: str) -> Iterator[str]:
    """Run one of make's targets, and yield the address that it prints."""
    with (stack.STATE / f"{target}.log").open("w+") as log:
        server = subprocess.Popen(
            ["make", "--silent", target, "LOAD_ENV=:"],
            cwd=ROOT,
            env={
                **os.environ,
                f"SPARKIFY_{target.upper()}_PORT": str(stack.free_port()),
                **environment,
            },
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield printed_address(log.name)
        finally:
            os.killpg(server.pid, 15)
            server.wait()


def printed_address(log: str) -> str:
    """Wait until the server listens where it said it would, and return the address."""
    deadline = time.monotonic() + MILLISECONDS / 1000
    while time.monotonic() < deadline:
        if found := re.search(r"http://\S+", Path(log).read_text()):
            with suppress(httpx.ConnectError):
                httpx.get(found[0])
                return found[0]
        time.sleep(0.1)
    raise TimeoutError(Path(log).read_text())


@pytest.fixture(scope="module")
def dashboard(empty: Warehouse) -> Iterator[str]:
    with served("dashboard") as address:
        yield address


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.set_default_timeout(MILLISECONDS)
    expect.set_options(timeout=MILLISECONDS)
    yield page
    page.close()


def test_a_warehouse_that_does_not_answer_is_an_instruction(page: Page) -> None:
    with served("dashboard", **NOWHERE) as address:
        page.goto(address)
        expect(page.get_by_text("No warehouse answers at 127.0.0.1:1")).to_contain_text("make up")


def test_before_the_first_run_the_page_says_what_to_run(page: Page, dashboard: str) -> None:
    page.goto(dashboard)
    expect(page.get_by_text("run the pipeline")).to_contain_text("REDSHIFT_READER_USER")


def test_the_reader_sees_the_plays_of_the_independent_computation(
    published: Warehouse, star: Star
) -> None:
    [days] = warehouse.read("days").to_dict("records")
    fingerprint = days.pop("fingerprint")
    assert days == {"plays": len(star.songplays), **RANGE}
    published.run("update reporting.top_songs set song_title = song_title || '!' where plays > 1")
    [corrected] = warehouse.read("days").to_dict("records")
    assert corrected.pop("fingerprint") != fingerprint, "a title was corrected, no count changed"
    assert corrected == days
    published.run(
        "update reporting.top_songs set song_title = left(song_title, len(song_title) - 1) "
        "where plays > 1"
    )
    [again] = warehouse.read("days").to_dict("records")
    assert again.pop("fingerprint") == fingerprint
    [totals] = warehouse.read("totals", **RANGE).to_dict("records")
    assert totals == {
        "plays": len(star.songplays),
        "paid_plays": sum(play["level"] == "paid" for play in star.songplays),
        "listeners": len({play["user_id"] for play in star.songplays}),
        "sessions": len({(play["user_id"], play["session_id"]) for play in star.songplays}),
    }
    artists = Counter(play["artist_name"].lower() for play in star.songplays)
    read = warehouse.read("artists", **RANGE)
    assert list(read["plays"]) == sorted(artists.values(), reverse=True)[:10]
    assert [artists[name.lower()] for name in read["artist_name"]] == list(read["plays"])
    hours = warehouse.read("hours", **RANGE)
    assert hours["plays"].sum() == len(star.songplays)
    monday = [play for play in star.songplays if play["start_time"].isoweekday() == 1]
    mondays = {play["start_time"].date() for play in monday}
    assert hours.loc[hours["weekday"] == 1, "mean_plays"].sum() == pytest.approx(
        len(monday) / len(mondays)
    )


@pytest.mark.parametrize("name", ["totals", "activity", "songs", "artists", "hours"])
def test_a_range_of_days_counts_those_days_whole(
    published: Warehouse, star: Star, name: str
) -> None:
    day = FIRST_DAY + datetime.timedelta(days=2)
    of_day = [play for play in star.songplays if play["start_time"].date() == day]
    read = warehouse.read(name, first_day=day, last_day=day)
    if name in ("songs", "artists"):
        assert 0 < read["plays"].sum() <= len(of_day)
    else:
        assert read["plays"].sum() == len(of_day) > 0


def test_the_other_reports_are_read_as_they_are(published: Warehouse) -> None:
    for name in ("places", "devices"):
        assert warehouse.read(name)["plays"].sum() > 0, name
    [(changes,)] = published.rows("select count(*) from reporting.level_conversions")
    assert warehouse.read("conversions", **RANGE)["conversions"].sum() == changes
    [(cohorts,)] = published.rows("select count(*) from reporting.cohort_retention")
    assert len(warehouse.read("retention", **RANGE)) == cohorts
    [(sessions,)] = published.rows("select count(*) from reporting.sessions")
    assert warehouse.read("session_lengths")["sessions"].sum() == sessions


def test_the_dashboard_shows_the_numbers_and_filters_by_day(
    page: Page, dashboard: str, published: Warehouse, star: Star
) -> None:
    page.goto(dashboard)
    expect(page.get_by_text(f"{len(star.songplays):,}", exact=True)).to_be_visible()
    for heading in ("How busy was each day?", "What is played most?", "How many come back?"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.locator("canvas, svg.marks")).to_have_count(8)

    # the last of the two dates becomes the first: its month, day and year are typed one by one
    page.get_by_role("spinbutton", name=re.compile("day, End", re.I)).fill("5")
    of_day = sum(play["start_time"].date() == FIRST_DAY for play in star.songplays)
    expect(page.get_by_text(f"{of_day:,}", exact=True)).to_be_visible()


def test_the_notebook_proves_the_flow_and_answers(page: Page, published: Warehouse) -> None:
    written = (ROOT / "dashboard" / "notebook.py").read_text()
    with served("notebook") as address:
        page.goto(address)
        expect(page.get_by_text("24 of 24 rules hold")).to_be_visible()
        as_many = re.compile(r"\b(\d+) of \1 partitions are loaded as they lie in S3")
        expect(page.get_by_text(as_many)).to_be_visible()
        expect(page.get_by_text(re.compile(r"The busiest was \d"))).to_be_visible()  # not the code
    assert (ROOT / "dashboard" / "notebook.py").read_text() == written


def test_every_rule_of_integrity_holds_and_each_kind_of_fault_breaks_one(
    published: Warehouse, folder: Path
) -> None:
    assert set(integrity.compare_with_s3()["state"]) == {"loaded"}
    newest = integrity.compare_with_s3().iloc[0]
    assert newest["lines_in_s3"] == newest["lines_read"] > 0
    for part in integrity.RULES:
        assert integrity.check(part)["holds"].all(), part

    published.run(
        """
        delete from analytics.users where user_id = (select min(user_id) from analytics.users);
        insert into analytics.songplays select * from analytics.songplays limit 1;
        delete from reporting.listening_by_hour where hour = 12;
        """
    )
    broken = {
        rule
        for part in integrity.RULES
        for rule in integrity.check(part).query("not holds")["rule"]
    }
    assert broken == {
        "each play is in songplays once",
        "each user id is in users once",
        "each user of a play is in users",
        "each user of a period on a level is in users",
        "no play is there twice",
        "the days add up to the plays",
        "the hours add up to the plays",
        "the places add up to the plays",
        "the devices add up to the plays",
    }


def test_a_bucket_that_went_on_is_seen(published: Warehouse, folder: Path) -> None:
    [first, second, *_] = sorted(
        path.relative_to(folder).as_posix() for path in (folder / "log_data").rglob("*.json")
    )
    published.put(
        first, (folder / first).read_bytes() + b"\n" + json.dumps({"page": "Home"}).encode()
    )
    published.delete(second)
    published.put(first.replace("2018-11-05", "2018-11-30"), b"{}")
    states = integrity.compare_with_s3().set_index("partition")["state"]
    assert states[states != "loaded"].to_dict() == {
        "log_data/2018/11/2018-11-30": "not loaded",
        "log_data/2018/11/2018-11-06": "gone from S3",
        "log_data/2018/11/2018-11-05": "changed since",
    }
