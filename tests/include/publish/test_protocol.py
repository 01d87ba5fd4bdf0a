"""Publishing on the local Redshift: what passed, all of it at once, and back again."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from redshift_connector.core import Connection
from redshift_connector.cursor import Cursor
from redshift_connector.error import InterfaceError

from include.load.errors import LoadError
from include.publish import protocol
from include.publish.protocol import PublicationHeldError, RollbackError
from include.publish.verdict import GateError
from include.run.lock import RunLockHeldError, acquire_run_lock, release_run_lock
from include.settings import settings
from tests.warehouse import Warehouse

BUILT = """
create table unpublished.people (user_id integer not null, name varchar(50)) diststyle all;
create table unpublished.plays (start_time timestamp not null, user_id integer, place varchar(50))
    distkey (user_id) sortkey (start_time);
create table unpublished.report (plays bigint not null);
comment on table unpublished.people is 'One row per person.';
comment on column unpublished.people.name is 'It''s a name.';
insert into unpublished.people values (1, 'Ada'), (2, 'Bob');
insert into unpublished.plays values ('2018-11-05 12:00', 1, 'X'), ('2018-11-06 12:00', 2, 'Y');
insert into unpublished.report values (2);
"""
WHOLE = {"people": None, "plays": None, "report": None}


def model(name: str, columns: dict[str, bool], **config: Any) -> dict[str, Any]:
    """Return a model's node of a manifest; `columns` are names and whether it is personal data."""
    constraints = config.pop("constraints", [])
    return {
        "name": name,
        "resource_type": "model",
        "schema": "unpublished",
        "columns": {
            column: {"config": {"meta": {"contains_pii": is_personal}}}
            for column, is_personal in columns.items()
        },
        "constraints": constraints,
        "config": {"access": "public", "schema": None, "unique_key": None, "meta": {}} | config,
    }


PEOPLE = model(
    "people",
    {"user_id": False, "name": True},
    unique_key="user_id",
    meta={"affected_by": ["user_id"]},
    constraints=[{"type": "primary_key", "columns": ["user_id"]}],
)
PLAYS = model(
    "plays",
    {"start_time": False, "user_id": False, "place": True},
    unique_key="start_time",
    meta={"affected_by": ["event_date"]},
    constraints=[
        {
            "type": "foreign_key",
            "columns": ["user_id"],
            "to": "ref('people')",
            "to_columns": ["user_id"],
        }
    ],
)
REPORT = model("report", {"plays": False}, schema="reporting")
PRIVATE = model("deduplicated", {"user_id": False}, access="private")
TEST = {"name": "plays_are_whole", "resource_type": "test", "refs": [{"name": "plays"}]}
GATE = {"name": "gate", "resource_type": "test", "refs": [{"name": "plays"}, {"name": "report"}]}


class Pipeline:
    """A warehouse with three tables that were built and tested, and a run that may publish."""

    def __init__(self, warehouse: Warehouse, folder: Path) -> None:
        self.warehouse, self.manifest = warehouse, folder / "manifest.json"
        nodes = {each["name"]: each for each in (PEOPLE, PLAYS, REPORT, PRIVATE, TEST)}
        self.manifest.write_text(json.dumps({"nodes": nodes, "disabled": {"gate": [GATE]}}))
        warehouse.run("create schema unpublished")
        warehouse.run(BUILT)
        with closing(warehouse.connect()) as connection:
            acquire_run_lock(connection, "analytics", "run", 15)

    def built(self, **keys: list[str] | None) -> None:
        """Note what a build replaced, by table (None: the whole), and that it passed its tests."""
        for table, values in keys.items():
            for value in ["null"] if values is None else map(repr, values):
                self.warehouse.run(
                    "insert into ops.replaced_keys (target_schema, model, key_value, recorded_at) "
                    f"values ('analytics', '{table}', {value}, sysdate)"
                )
            self.result("model", table, "success")
        self.result("test", "plays_are_whole", "pass")
        self.result("test", "gate", "warn")

    def result(self, kind: str, node: str, status: str) -> None:
        self.warehouse.run(
            f"insert into ops.node_runs values ('analytics', 'run', '{node}', '{kind}', null, "
            f"'{status}', 0, 1, sysdate)"
        )

    def publish(
        self, connect: Callable[[], Connection] | None = None, **options: bool
    ) -> dict[str, int]:
        return protocol.publish(
            connect or self.warehouse.connect, self.manifest, "analytics", "run", **options
        )

    def roll_back(self, connect: Callable[[], Connection] | None = None) -> int:
        return protocol.roll_back(
            connect or self.warehouse.connect, self.manifest, "analytics", "run"
        )

    def seen(self) -> list[tuple[Any, ...]]:
        """Return what readers see: people, plays, the number in the report."""
        return self.warehouse.rows(SEEN)


SEEN = """
select (select listagg(name, ',') within group (order by user_id) from analytics.people),
    (select listagg(place, ',') within group (order by start_time, place) from analytics.plays),
    (select max(plays) from reporting.report)
"""


@pytest.fixture
def pipeline(warehouse: Warehouse, tmp_path: Path) -> Pipeline:
    return Pipeline(warehouse, tmp_path)


@pytest.fixture
def published(pipeline: Pipeline) -> Pipeline:
    pipeline.built(**WHOLE)
    pipeline.publish()
    return pipeline


NEXT_BUILD = """
update unpublished.people set name = 'Bert' where user_id = 2;
delete from unpublished.plays where start_time >= '2018-11-06';
insert into unpublished.plays values ('2018-11-06 13:00', 2, 'Z'), ('2018-11-06 14:00', 2, 'Z');
update unpublished.report set plays = 3;
"""
NEXT_KEYS: dict[str, list[str] | None] = {"people": ["2"], "plays": ["2018-11-06"], "report": None}
BEFORE = [("Ada,Bob", "X,Y", 2)]
AFTER = [("Ada,Bert", "X,Z,Z", 3)]


@pytest.fixture
def changed(published: Pipeline) -> Pipeline:
    """Return the pipeline after a second build that passed and is not published yet."""
    published.warehouse.run(NEXT_BUILD)
    published.built(**NEXT_KEYS)
    return published


def test_the_first_publication_makes_the_tables_with_keys_and_comments(pipeline: Pipeline) -> None:
    pipeline.built(**WHOLE)
    assert pipeline.publish() == {"people": 2, "plays": 2, "report": 1}
    assert pipeline.seen() == BEFORE
    rows = pipeline.warehouse.rows
    assert rows(
        "select table_name, constraint_type from information_schema.table_constraints "
        "where table_schema = 'analytics' order by 1, 2"
    ) == [("people", "PRIMARY KEY"), ("plays", "FOREIGN KEY")]
    described = (
        "select table_name, column_name, distkey, sortkey, remarks from svv_redshift_columns"
    )
    assert rows(f"{described} where schema_name = 'analytics' order by 1, 2") == [
        ("people", "name", False, 0, "It's a name."),
        ("people", "user_id", False, 0, None),
        ("plays", "place", False, 0, None),
        ("plays", "start_time", False, 1, None),
        ("plays", "user_id", True, 0, None),
    ]
    assert rows(
        "select table_name, remarks from svv_redshift_tables where schema_name = 'analytics' "
        "order by 1"
    ) == [("people", "One row per person."), ("plays", None)]
    assert rows("select publication_id, run_id from ops.publications") == [(1, "run")]


def test_nothing_is_published_where_nothing_was_built(published: Pipeline) -> None:
    assert published.publish() == {}
    assert published.warehouse.rows("select count(*) from ops.publications") == [(1,)]


def test_what_was_built_of_a_table_that_is_no_longer_published_does_not_wait(
    published: Pipeline,
) -> None:
    published.built(gone=None)
    assert published.publish() == {}
    assert published.warehouse.rows(
        "select count(*) from ops.replaced_keys where publication_id is null"
    ) == [(0,)]


def test_only_the_rows_that_builds_replaced_are_published(changed: Pipeline) -> None:
    changed.warehouse.run("update analytics.people set name = 'untouched' where user_id = 1")
    changed.warehouse.run("update analytics.plays set place = 'too' where user_id = 1")
    assert changed.publish() == {"people": 1, "plays": 2, "report": 1}
    assert changed.seen() == [("untouched,Bert", "too,Z,Z", 3)]


def test_the_builds_of_failed_runs_are_published_by_the_next_that_passes(
    published: Pipeline,
) -> None:
    published.warehouse.run(NEXT_BUILD)
    published.built(**NEXT_KEYS)
    published.result("test", "gate", "fail")
    with pytest.raises(GateError):
        published.publish()
    published.warehouse.run("update unpublished.people set name = 'Eda' where user_id = 1")
    published.built(people=["1"])
    published.publish()
    assert published.seen() == [("Eda,Bert", "X,Z,Z", 3)]


def test_grants_views_and_comments_of_analysts_stay(changed: Pipeline) -> None:
    changed.warehouse.run(
        """create user someone password 'Secret-0-of-tests';
        grant select on analytics.people to someone;
        comment on column analytics.people.user_id is 'by hand';
        create view analytics.first as select * from analytics.people where user_id = 1"""
    )
    try:
        changed.publish()
        assert changed.seen() == AFTER
        assert changed.warehouse.rows("select name from analytics.first") == [("Ada",)]
        granted = (
            "select relation_name from svv_relation_privileges where identity_name = 'someone'"
        )
        assert changed.warehouse.rows(granted) == [("people",)]
    finally:
        changed.warehouse.run("drop schema analytics cascade; drop user someone")


@pytest.fixture
def readers(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Name two roles that may read what is published."""
    monkeypatch.setenv("SPARKIFY_READER_ROLE", "readers")
    monkeypatch.setenv("SPARKIFY_PII_READER_ROLE", "trusted")
    settings.cache_clear()
    warehouse.run("create role readers; create role trusted")
    yield
    warehouse.run("drop schema analytics cascade; drop schema reporting cascade")
    warehouse.run("drop role readers; drop role trusted")
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.usefixtures("readers")
def test_personal_data_is_kept_from_readers_also_after_columns_changed(
    pipeline: Pipeline,
) -> None:
    allowed = """
    select has_column_privilege(rolname, 'analytics.people', 'user_id', 'select'),
        has_column_privilege(rolname, 'analytics.people', 'name', 'select')
    from pg_roles where rolname in ('readers', 'trusted') order by rolname
    """
    pipeline.built(**WHOLE)
    pipeline.publish()
    assert pipeline.warehouse.rows(allowed) == [(True, False), (True, True)]
    pipeline.warehouse.run("alter table unpublished.people add column age integer")
    pipeline.built(people=None)
    pipeline.publish()
    assert pipeline.warehouse.rows(allowed) == [(True, False), (True, True)]


def test_a_table_with_other_columns_is_made_anew(changed: Pipeline) -> None:
    run = changed.warehouse.run
    run("drop table unpublished.people")
    run("create table unpublished.people (user_id bigint not null, name varchar(99), age integer)")
    run("insert into unpublished.people values (1, 'Ada', 36), (2, 'Bert', null)")
    changed.built(people=None)
    assert changed.publish() == {"people": 2, "plays": 2, "report": 1}
    assert changed.seen() == AFTER
    rows = changed.warehouse.rows
    assert rows("select sum(age) from analytics.people") == [(36,)]
    keys = (
        "select constraint_name from information_schema.table_constraints "
        "where table_schema = 'analytics' order by 1"
    )
    assert rows(keys) == [("people_pkey",), ("plays_user_id_fkey",)]

    changed.roll_back()

    assert changed.seen() == BEFORE
    assert [name for (name, *_) in description(changed, "people")] == ["user_id", "name"]
    assert rows(keys) == [("people_pkey",), ("plays_user_id_fkey",)]


def description(pipeline: Pipeline, table: str) -> list[tuple[Any, ...]]:
    return pipeline.warehouse.rows(
        "select column_name, data_type from svv_redshift_columns where schema_name = 'analytics' "
        f"and table_name = '{table}' order by ordinal_position"
    )


FAULTS: dict[str, tuple[Callable[[Pipeline], None], str]] = {
    "failed": (lambda each: each.result("test", "gate", "fail"), "test gate: fail at 20"),
    "broken": (lambda each: each.result("test", "gate", "error"), "test gate: error at 20"),
    "not run": (
        lambda each: each.warehouse.run("delete from ops.node_runs where node = 'gate'"),
        "test gate has never run",
    ),
    "older than its model": (
        lambda each: each.result("model", "report", "success"),
        "model report was built at .*, after its test gate",
    ),
    "model failed": (lambda each: each.result("model", "plays", "error"), "model plays error at"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_has_not_passed_is_not_published(changed: Pipeline, fault: str) -> None:
    break_it, message = FAULTS[fault]
    break_it(changed)
    with pytest.raises(GateError, match=message):
        changed.publish()
    assert changed.seen() == BEFORE


def test_a_run_that_lost_the_run_lock_publishes_nothing(changed: Pipeline) -> None:
    with closing(changed.warehouse.connect()) as connection:
        release_run_lock(connection, "analytics", "run")
    with pytest.raises(RunLockHeldError):
        changed.publish()
    with pytest.raises(RunLockHeldError):
        changed.roll_back()
    assert changed.seen() == BEFORE


def test_a_rollback_gives_the_state_before_and_holds_the_next_publication(
    changed: Pipeline,
) -> None:
    changed.publish()
    assert changed.seen() == AFTER

    assert changed.roll_back() == 2

    assert changed.seen() == BEFORE
    changed.warehouse.run("update unpublished.people set name = 'Eda' where user_id = 1")
    changed.built(people=["1"])
    with pytest.raises(PublicationHeldError, match=r"publication 2 was rolled back at .* UTC"):
        changed.publish()
    assert changed.seen() == BEFORE
    with pytest.raises(RollbackError, match="Only the state before the last publication is kept"):
        changed.roll_back()
    changed.publish(release_hold=True)
    assert changed.seen() == [("Eda,Bert", "X,Z,Z", 3)]
    assert changed.roll_back() == 3
    assert changed.seen() == BEFORE


def test_a_rollback_drops_rows_and_tables_that_were_not_there_before(published: Pipeline) -> None:
    published.warehouse.run("insert into unpublished.people values (3, 'Cyd')")
    published.built(people=["3"])
    published.warehouse.run("drop table reporting.report")
    published.built(report=None)
    published.publish()
    published.roll_back()
    assert published.warehouse.rows("select count(*) from analytics.people") == [(2,)]
    assert published.warehouse.rows("select 1 from pg_tables where schemaname = 'reporting'") == []


def test_there_is_no_state_before_the_first_publication(published: Pipeline) -> None:
    with pytest.raises(RollbackError, match="no state before the first publication"):
        published.roll_back()
    assert published.seen() == BEFORE


class CrashError(Exception):
    """The end of a process, as far as the warehouse can tell."""


def breaking(
    warehouse: Warehouse, at: int, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Connection]:
    """Return a connect whose connections fail, all together, at one statement: the one numbered."""
    execute, done = Cursor.execute, [0]

    def broken(cursor: Cursor, *arguments: Any, **options: Any) -> Any:
        done[0] += 1
        if done[0] == at:
            cursor._c._usock.close()
            raise error
        return execute(cursor, *arguments, **options)

    monkeypatch.setattr(Cursor, "execute", broken)
    return warehouse.connect


def statements(action: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> int:
    """Return how many statements an action takes."""
    execute, done = Cursor.execute, [0]

    def counted(cursor: Cursor, *arguments: Any, **options: Any) -> Any:
        done[0] += 1
        return execute(cursor, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Cursor, "execute", counted)
        action()
    return done[0]


@pytest.mark.parametrize("action", ["publish", "roll_back"])
def test_a_crash_at_any_statement_leaves_the_state_before(
    changed: Pipeline, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    if action == "publish":
        undo, act, before, after = changed.roll_back, release, BEFORE, AFTER
    else:
        changed.publish()
        undo, act, before, after = lambda: release(changed), Pipeline.roll_back, AFTER, BEFORE
    last = statements(lambda: act(changed), monkeypatch)
    undo()
    for at in range(1, last + 1):
        with monkeypatch.context() as patch:
            breaking(changed.warehouse, at, CrashError(), patch)
            with pytest.raises(CrashError):
                act(changed)
        assert changed.seen() == before, f"statement {at}"
    with monkeypatch.context() as patch:  # a lost connection is tried again
        breaking(changed.warehouse, last, InterfaceError("connection lost"), patch)
        patch.setattr("tenacity.nap.time.sleep", lambda _: None)
        act(changed)
    assert changed.seen() == after


def release(pipeline: Pipeline) -> dict[str, int]:
    return pipeline.publish(release_hold=True)


def test_readers_see_one_state_or_the_other_while_it_is_published_and_taken_back(
    changed: Pipeline,
) -> None:
    seen, ended = set(), Event()

    def read() -> None:
        while not ended.is_set():
            seen.update(changed.seen())

    reader = Thread(target=read)
    reader.start()
    try:
        for _ in range(5):
            release(changed)
            changed.roll_back()
    finally:
        ended.set()
        reader.join()
    assert seen == {*BEFORE, *AFTER}


def test_what_the_server_refuses_is_named(changed: Pipeline) -> None:
    changed.warehouse.run("drop table unpublished.people")
    changed.warehouse.run("create table unpublished.people (user_id integer, name varchar(50))")
    changed.warehouse.run("create view analytics.first as select * from analytics.people")
    with pytest.raises(LoadError, match=r'Publishing "analytics"."people" failed: .*depend'):
        changed.publish()
    assert changed.seen() == BEFORE
