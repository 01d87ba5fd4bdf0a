"""Each defect of docs/defects.md, when injected, fails the dbt test named there.

A defect is injected as it happens in practice: a copy of the project gets the naive version of a
model and builds it. Each test first passes on the tables that the right models build from the same
data. An hour's gate finds the defect in what the hour touched and not in what is older; the gate
over all history finds it there.
"""

import json
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.sparkify_data import event, song
from tests.warehouse import Warehouse

PROJECT = (
    *("dbt_project.yml", "profiles.yml", "packages.yml", "package-lock.yml", "selectors.yml"),
    *("dbt_sparkify", "macros", "tests/dbt", "dbt_packages"),
)
MODELS = Path("dbt_sparkify", "models")
MARTS = f"path:{MODELS}/marts"
# A play of a song that the catalogue has twice, and one that it lacks; a user who goes paid, free,
# paid in two seconds; two users who play at the same moment.
EVENTS = [
    event(0, level="paid"),
    event(1, song="Not in the catalogue", level="free"),
    event(2, level="paid"),
    event(2, level="free", userId="8", sessionId=80),
]
SONGS = [song(1, artist_latitude=35.1, artist_longitude=-90.5), song(2, duration=201.7)]
# What later hours bring: another song; then the same of two other users, a day later, on which
# user 8 does not play.
NEW_SONG = song(3, title="Integration", duration=301.25)
DAY_MS = 24 * 60 * 60 * 1000
NEW_EVENTS = [
    {**each, "ts": each["ts"] + DAY_MS, "userId": f"1{each['userId']}", "sessionId": 170}
    for each in EVENTS
] + [
    event(
        9,
        **{"page": "Home", "song": None, "artist": None, "length": None},
        **{"userId": "8", "sessionId": 80, "ts": event(9)["ts"] + DAY_MS},
    )
]


@dataclass(frozen=True)
class Defect:
    """The naive version of a model, as replacements of its text, and the test that must fail."""

    name: str
    model: str  # file below models/, without .sql
    edits: tuple[tuple[str, str], ...]
    caught_by: str
    full_refresh: bool = True


DEFECTS = (
    Defect(
        "duplicate users when the level changes",
        "marts/users",
        (("over (partition by user_id order by", "over (partition by user_id, level order by"),),
        "unique_users_user_id",
    ),
    Defect(
        "fact lost by inner join",
        "marts/songplays",
        (("left join ranked", "inner join ranked"),),
        "assert_no_play_is_lost_or_doubled",
    ),
    Defect(
        "fan-out",
        "marts/songplays",
        (("and ranked.candidate_number = 1", ""),),
        "unique_songplays_songplay_id",
    ),
    Defect(
        "rounded durations",
        "marts/songs",
        (
            (
                "        duration\n",
                "        cast(round(duration) as double precision) as duration\n",
            ),
        ),
        "assert_numbers_are_not_rounded",
    ),
    Defect(
        "collapsed same-day flips",
        "intermediate/int_user_levels_by_day",
        (("partition by user_id, event_date, run_number", "partition by user_id, event_date"),),
        "assert_play_levels_agree_with_periods",
    ),
    Defect(
        "non-distinct time rows",
        "marts/time",
        (("select distinct event_at", "select event_at"),),
        "unique_time_start_time",
    ),
    Defect(
        "repeated fact rows on re-run",
        "marts/songplays",
        (
            ("unique_key='start_time'", "incremental_strategy='append'"),
            ("and {{ is_affected('event_date', by=['event_date', 'song_id']) }}", ""),
        ),
        "unique_songplays_songplay_id",
        full_refresh=False,
    ),
)


@dataclass(frozen=True)
class Project:
    """A copy of the dbt project that may be broken, in a warehouse that holds good data."""

    folder: Path
    warehouse: Warehouse
    old_loads: tuple[int, int]  # the newest load before the song, and the one before the events

    def dbt(self, *arguments: str) -> dict[str, dict[str, Any]]:
        return self.warehouse.dbt_here(*arguments, project=self.folder)

    def gate(self, test: str, *, whole: bool) -> str:
        """Run a test as an hour's gate or over all history and return its status."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SPARKIFY_WHOLE_RUN", str(whole).lower())
            return str(self.dbt("test", "--select", test)[test]["status"])

    def pass_gate(self, through: int) -> None:
        self.warehouse.run(
            f"""
            delete from ops.gates;
            insert into ops.gates (target_schema, project, through_load_id, run_id, recorded_at)
            select 'analytics', 'p', {through}, 'r', sysdate
            """
        )

    def rebuild_what_is_new(self, models: Iterable[str], after: int) -> None:
        """Run models on the loads after one, through which they are now said to be complete."""
        for model in models:
            self.warehouse.run(
                f"insert into ops.watermarks select 'analytics', '{model}', {after}, 'r', sysdate"
            )
        built = self.dbt("run", "--select", *models)
        assert {result["status"] for result in built.values()} == {"success"}

    def manifest(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.folder / "target/manifest.json").read_text())
        return content


@pytest.fixture(scope="module")
def project(
    running_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """Build everything from good data and check that every test passes."""
    running_warehouse.empty()
    running_warehouse.put_events("log_data/2018/11/2018-11-05-events.json", EVENTS)
    for number, entry in enumerate(SONGS):
        running_warehouse.put(f"song_data/{number}.json", json.dumps(entry).encode())
    folder = tmp_path_factory.mktemp("project")
    for name in PROJECT:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in running_warehouse.environment.items():
            patch.setenv(name, value)
        running_warehouse.load("log_data/")
        old = newest_load(running_warehouse)
        built = running_warehouse.dbt_here("run", project=folder)
        running_warehouse.put("song_data/2.json", json.dumps(NEW_SONG).encode())
        running_warehouse.load("log_data/")
        copy = Project(folder, running_warehouse, (old, newest_load(running_warehouse)))
        running_warehouse.put_events("log_data/2018/11/2018-11-06-events.json", NEW_EVENTS)
        running_warehouse.load("log_data/")
        copy.pass_gate(old)
        patch.setenv("SPARKIFY_WHOLE_RUN", "false")
        in_an_hour = copy.dbt("build", "--exclude", "resource_type:unit_test")
        patch.delenv("SPARKIFY_WHOLE_RUN")
        guards = {defect.caught_by for defect in DEFECTS}
        over_all_history = copy.dbt("test", "--select", *guards)
        for results in (built, in_an_hour, over_all_history):
            # an exposure is a no-op
            assert {result["status"] for result in results.values()} <= {"success", "pass", "no-op"}
        assert guards <= in_an_hour.keys() & over_all_history.keys()
        yield copy


def newest_load(warehouse: Warehouse) -> int:
    [(load_id,)] = warehouse.rows('select max(load_id) from "raw".load_history')
    return int(load_id)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name.replace(" ", "-"))
def test_a_known_defect_fails_the_test_that_guards_against_it(
    project: Project, defect: Defect
) -> None:
    path = project.folder / MODELS / f"{defect.model}.sql"
    right = naive = path.read_text()
    for old, new in defect.edits:
        assert old in naive, f"{defect.model} has no {old!r} any more: inject the defect anew"
        naive = naive.replace(old, new)
    selection = path.stem, f"{path.stem}+,{MARTS}"
    refresh = ["--full-refresh"] if defect.full_refresh else []
    after = project.old_loads[0 if defect.model == "marts/songs" else 1]
    project.pass_gate(after)
    try:
        path.write_text(naive)
        built = project.dbt("run", *refresh, "--select", *selection)
        assert {result["status"] for result in built.values()} == {"success"}
        in_what_is_new = project.gate(defect.caught_by, whole=False)
        path.write_text(right)
        models = {name for name, each in built.items() if each["unique_id"].startswith("model.")}
        project.rebuild_what_is_new(models, after)
        in_what_is_old = [project.gate(defect.caught_by, whole=whole) for whole in (False, True)]
    finally:
        path.write_text(right)
        project.dbt("run", "--full-refresh", "--select", *selection)
    assert in_what_is_new == "fail"
    assert in_what_is_old == ["pass", "fail"]


def test_an_hour_finds_old_rows_that_lose_their_parent(project: Project) -> None:
    """User 8 plays on the old day alone, and the new day has another event of the user."""
    test = "relationships_songplays_user_id__user_id__ref_users_"
    project.pass_gate(project.old_loads[1])
    project.warehouse.run("delete from unpublished.users where user_id = 8")
    try:
        assert project.gate(test, whole=False) == "fail"
    finally:
        project.dbt("run", "--full-refresh", "--select", "users")
    assert project.gate(test, whole=False) == "pass"


def test_every_data_test_reads_what_it_guards_and_can_fail(project: Project) -> None:
    compiled = project.dbt("compile", "--write-json", "--select", "resource_type:test")
    nodes = project.manifest()["nodes"]
    tests = [node for node in nodes.values() if node["resource_type"] == "test"]
    assert tests
    assert len(compiled) == len(tests)
    faults = {test["name"]: reasons_it_cannot_fail(test) for test in tests}
    assert {name: reasons for name, reasons in faults.items() if reasons} == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"compiled_code": "select 1 where 1 = 2"},
        {"compiled_code": 'select * from "dev"."analytics"."users" where false'},
        {"compiled_code": 'select * from "dev"."analytics"."users" limit 0'},
        {"config": {"severity": "error", "warn_if": "< 0", "error_if": "< 0"}},
    ],
    ids=["reads-nothing", "where-false", "limit-0", "threshold-out-of-reach"],
)
def test_a_check_that_cannot_fail_is_refused(changes: dict[str, Any]) -> None:
    sound = {
        "attached_node": None,
        "compiled_code": 'select * from "dev"."analytics"."users" where user_id is null',
        "config": {"severity": "error", "warn_if": "!= 0", "error_if": "!= 0"},
    }
    assert reasons_it_cannot_fail(sound) == []
    assert reasons_it_cannot_fail(sound | changes)


def reasons_it_cannot_fail(test: dict[str, Any]) -> list[str]:
    """Return why no data makes the test fail: it reads no table, keeps no row, or forgives all."""
    reasons = []
    sql = test["compiled_code"].lower()
    # This one compiles to what it found in the catalog; the tests of its package see it fail.
    name = (test.get("test_metadata") or {}).get("name")
    if name != "expect_table_columns_to_match_ordered_list":
        if not re.search(r'\b(from|join)\s+\(?\s*(select \* from )?"', sql):
            reasons.append("it reads no table")
        if re.search(r"\bwhere\s+(false|1\s*=\s*[02])\b|\blimit\s+0\b", sql):
            reasons.append("it keeps no row")
    thresholds = (test["config"]["warn_if"], test["config"]["error_if"])
    if not all(re.fullmatch(r"(!=|>|>=) \d+", threshold) for threshold in thresholds):
        reasons.append("no count of rows reaches its threshold")
    return reasons


def test_the_table_of_defects_names_each_defect_and_its_test() -> None:
    rows = re.findall(
        r"^\| (.+?) \| .+? \| `(.+?)` \|$", (ROOT / "docs/defects.md").read_text(), re.M
    )
    assert rows == [(defect.name, defect.caught_by) for defect in DEFECTS]
