"""Each macro on literal values: dbt compiles or runs it, the warehouse evaluates it."""

import json
import re
import shutil
from collections.abc import Callable, Iterable
from datetime import date, datetime
from functools import partial
from pathlib import Path

import pytest
from dbt.artifacts.schemas.run import RunExecutionResult
from dbt.cli.main import dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt.contracts.graph.nodes import CompiledNode
from redshift_connector.error import ProgrammingError

from include.macros import render
from tests import dbt_here
from tests.warehouse import ROOT, Warehouse

Dbt = Callable[..., dbtRunnerResult]
OTHERS_LOCK = """
    insert into ops.run_lock
    select 'analytics', 'scheduled__1', sysdate, dateadd(minute, {minutes}, sysdate), 0
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dbt")


@pytest.fixture(scope="module")
def manifest(folder: Path) -> Manifest:
    done = dbt_here.invoke("parse", project=ROOT, target=folder)
    assert isinstance(done.result, Manifest), done.exception
    return done.result


@pytest.fixture
def dbt(
    warehouse: Warehouse, manifest: Manifest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Dbt:
    """Run dbt in this process: `dbt("run", "--select", …)`."""
    for name, value in warehouse.environment.items():
        if name.startswith("REDSHIFT_"):
            monkeypatch.setenv(name, value)
    monkeypatch.delenv("SPARKIFY_RUN_ID", raising=False)
    return partial(dbt_here.invoke, project=ROOT, target=folder, manifest=manifest)


def run(dbt: Dbt, *arguments: str) -> None:
    done = dbt("run", "--select", *arguments)
    assert done.success, done.exception or done.result


def compiled(dbt: Dbt, *selection: str) -> str:
    done = dbt("compile", *selection)
    assert isinstance(done.result, RunExecutionResult), done.exception
    [result] = done.result.results
    assert isinstance(result.node, CompiledNode)
    return str(result.node.compiled_code).strip()


def inline(dbt: Dbt, template: str, *arguments: str) -> str:
    return compiled(dbt, "--inline", template, *arguments)


def model_sql(dbt: Dbt, name: str) -> str:
    return compiled(dbt, "--indirect-selection", "empty", "--select", name)


def answers(warehouse: Warehouse, expression: str, given: list[str]) -> list[object]:
    """Return the expression's value for each literal as the column `given`."""
    rows = " union all ".join(f"select {n} as n, {sql} as given" for n, sql in enumerate(given))
    query = f"select {expression} from ({rows}) order by n"
    # the driver reads a single % as a parameter
    return [row[0] for row in warehouse.rows(query.replace("%", "%%"))]


def days(*numbers: int) -> str:
    """Return days of November 2018 as a macro's argument."""
    return f"[{', '.join(f'modules.datetime.date(2018, 11, {number})' for number in numbers)}]"


def song_id_of(name: str) -> str:
    """Return the song id of S1 and the like."""
    return f"SO{int(name[1:]):016d}"


def put_songs(warehouse: Warehouse, load_id: int, **titles: str) -> None:
    """Add the rows that a load of songs leaves in the warehouse."""
    for name, title in titles.items():
        song_id = song_id_of(name)
        warehouse.run(
            f"""
            delete from "raw".staging_songs where song_id = '{song_id}';
            insert into "raw".staging_songs
                (song_id, artist_id, artist_name, title, duration, _partition, _loaded_at)
            values
                ('{song_id}', 'AR{1:016d}', 'Muse', '{title}', 200.5, 'song_data/', sysdate);
            insert into "raw".load_changes values ({load_id}, 'song_id', '{song_id}');
            """
        )
    put_load(warehouse, load_id)


def put_load(warehouse: Warehouse, load_id: int) -> None:
    warehouse.run(
        f"""
        insert into "raw".load_history
        values ({load_id}, 't', 'b', 'append', 'loaded', 'r', 1, 1, 'h', 1, 1, 0, sysdate, sysdate)
        """
    )


def test_clean_text_trims_and_turns_empty_into_null(dbt: Dbt, warehouse: Warehouse) -> None:
    expected = {
        r"' \t\r\n Black  Keys\n\r\t '": "Black  Keys",
        "'tornt'": "tornt",
        r"'\\n'": r"\n",
        "''": None,
        r"' \t\r\n '": None,
        "cast(null as varchar)": None,
    }
    sql = inline(dbt, "{{ clean_text('given') }}")
    assert answers(warehouse, sql, list(expected)) == list(expected.values())


def test_unquote_text_removes_quotes_only_as_a_pair(dbt: Dbt, warehouse: Warehouse) -> None:
    expected = {
        """' " curl\t" '""": "curl",
        """'Opera "Mini"'""": 'Opera "Mini"',
        """'"Opera" Mini'""": '"Opera" Mini',
        """'"Opera "Mini""'""": 'Opera "Mini"',
        """'"'""": '"',
        """'""'""": None,
        """'" "'""": None,
        "cast(null as varchar)": None,
    }
    sql = inline(dbt, "{{ unquote_text('given') }}")
    assert answers(warehouse, sql, list(expected)) == list(expected.values())


def read_as_latin_1(text: str, times: int = 1) -> str:
    for _ in range(times):
        text = text.encode("utf-8").decode("latin-1")
    return text


def quoted(texts: Iterable[str]) -> list[str]:
    return ["'" + text.replace("'", "''") + "'" for text in texts]


def test_repair_encoding_repairs_text_encoded_twice_too_often(
    dbt: Dbt, warehouse: Warehouse
) -> None:
    good = [
        *map(chr, range(0xC0, 0x100)),  # à, among them, ends in a no-break space
        *"¡ª«°²´·º»½¿‘’“”–—…",
        "¿Qué? «Ângela’s IRMû",
        "De São Paulo À Belém",
    ]
    sql = inline(dbt, "{{ repair_encoding('given') }}")
    garbled = [read_as_latin_1(text, times=2) for text in good]
    assert answers(warehouse, sql, quoted(garbled)) == good


def test_repair_encoding_leaves_all_other_text_alone(dbt: Dbt, warehouse: Warehouse) -> None:
    garbled = read_as_latin_1("é", times=2)
    texts = [
        *("", "Plain", "Café", "IRMÃ", "«IRMÃ»", "¿Qué?", "Ã", "Â", "’", "音"),
        read_as_latin_1("Café"),  # once too often: not what the app does
        f"{garbled} é",  # next to good text
        f"{garbled} Ã",
        f"{garbled} 音",
        garbled + read_as_latin_1("č", times=2),  # not in the table
        read_as_latin_1("£ é", times=2),
        garbled + garbled[:-1],  # cut off
    ]
    sql = inline(dbt, "{{ repair_encoding('given') }}")
    assert answers(warehouse, sql, quoted(texts)) == texts
    assert answers(warehouse, sql, ["cast(null as varchar)"]) == [None]


def test_is_garbled_tells_mojibake_from_good_text(dbt: Dbt, warehouse: Warehouse) -> None:
    bad = [read_as_latin_1(text, times) for text in ("é", "¿", "č", "ő", "’") for times in (1, 2)]
    good = ["", "Café", "IRMÃ", "Ângela", "¿Qué?", "Ærø", "音"]
    sql = inline(dbt, "{{ is_garbled('given') }}")
    assert answers(warehouse, sql, quoted(bad)) == [True] * len(bad)
    assert answers(warehouse, sql, quoted(good)) == [False] * len(good)


def test_epoch_ms_to_timestamp_is_exact_to_the_millisecond(dbt: Dbt, warehouse: Warehouse) -> None:
    expected = {
        "946684799999": None,
        "946684800000": datetime(2000, 1, 1),
        "1541105830796": datetime(2018, 11, 1, 20, 57, 10, 796_000),
        "4102444799999": datetime(2099, 12, 31, 23, 59, 59, 999_000),
        "4102444800000": None,
        "-1": None,
        "9e18": None,
        "null": None,
        **{
            str(1541105830000 + ms): datetime(2018, 11, 1, 20, 57, 10, ms * 1000)
            for ms in range(0, 1000, 27)
        },
    }
    sql = inline(dbt, "{{ epoch_ms_to_timestamp('given') }}")
    for number_type in ("bigint", "double precision"):
        literals = [f"cast({number} as {number_type})" for number in expected]
        assert answers(warehouse, sql, literals) == list(expected.values())


def test_within_days_merges_neighbouring_days_into_one_range(dbt: Dbt) -> None:
    assert inline(dbt, f"{{{{ within_days('d', {days(14, 15, 16)}) }}}}") == (
        "((d >= '2018-11-14' and d < '2018-11-17'))"
    )
    assert inline(dbt, f"{{{{ within_days('d', {days(14, 15, 30)}) }}}}") == (
        "((d >= '2018-11-14' and d < '2018-11-16') or (d >= '2018-11-30' and d < '2018-12-01'))"
    )


def test_within_no_days_is_false(dbt: Dbt) -> None:
    assert inline(dbt, "{{ within_days('d', []) }}") == "(false)"


@pytest.mark.parametrize(
    ("macro", "since", "until"),
    [("days_of_weeks", "2018-11-12", "2018-11-26"), ("days_of_months", "2018-11-01", "2018-12-01")],
)
def test_days_are_widened_to_the_whole_periods_that_they_lie_in(
    dbt: Dbt, macro: str, since: str, until: str
) -> None:
    """18 November is a Sunday, the 19th a Monday."""
    given = "['2018-11-18', '2018-11-19']"
    assert inline(dbt, f"{{{{ within_days('d', {macro}({given})) }}}}") == (
        f"((d >= '{since}' and d < '{until}'))"
    )


def test_within_days_is_true_for_whole_days_and_nothing_else(
    dbt: Dbt, warehouse: Warehouse
) -> None:
    expected = {
        "'2018-11-13 23:59:59.999'": False,
        "'2018-11-14'": True,
        "'2018-11-14 23:59:59.999'": True,
        "'2018-11-15'": False,
        "'2018-11-16'": True,
        "'2018-11-17'": False,
    }
    times = [f"cast({literal} as timestamp)" for literal in expected]
    sql = inline(dbt, f"{{{{ within_days('given', {days(14, 16)}) }}}}")
    assert answers(warehouse, sql, times) == list(expected.values())
    milliseconds = [f"cast(extract(epoch from {time}) * 1000 as bigint)" for time in times]
    sql = inline(dbt, f"{{{{ within_days('given', {days(14, 16)}, in_epoch_ms=true) }}}}")
    assert answers(warehouse, sql, milliseconds) == list(expected.values())


def test_compare_gives_keys_that_one_side_lacks_or_that_differ(
    dbt: Dbt, warehouse: Warehouse
) -> None:
    def table(*rows: tuple[str, ...]) -> str:
        return " union all ".join(
            f"select {a} as a, '{b}' as b, {c} as c, cast({d} as bigint) as d"
            for a, b, c, d in rows
        )

    expected = [
        ("1", "same", "1", "1"),
        ("2", "same", "null", "1"),
        ("3", "missing", "1", "1"),
        ("4", "first", "1", "1"),
        ("5", "second", "1", "1"),
        ("6", "less", "null", "1"),
        ("7", "more", "1", "1"),
        ("8", "this", "1", "1"),
    ]
    actual = [
        ("1", "same", "1", "1"),
        ("2", "same", "null", "1"),
        ("4", "first", "2", "1"),
        ("5", "second", "1", "2"),
        ("6", "less", "1", "1"),
        ("7", "more", "null", "1"),
        ("8", "that", "1", "1"),
    ]
    sql = inline(dbt, "{{ compare(['a', 'b'], ['c', 'd']) }}")
    found = warehouse.rows(
        f"with expected as ({table(*expected)}), actual as ({table(*actual)}) "
        f"select a, b, expected_c, actual_c, expected_d, actual_d from ({sql}) order by a, b"
    )
    assert found == [
        (3, "missing", 1, None, 1, None),
        (4, "first", 1, 2, 1, 1),
        (5, "second", 1, 1, 1, 2),
        (6, "less", None, 1, 1, 1),
        (7, "more", 1, None, 1, 1),
        (8, "that", None, 1, None, 1),
        (8, "this", 1, None, 1, None),
    ]


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("analytics", "staging analytics unpublished"),
        ("dev_ana", "dev_ana_staging dev_ana dev_ana"),
    ],
)
def test_schemas_have_plain_names_in_production_only(
    dbt: Dbt, monkeypatch: pytest.MonkeyPatch, target: str, names: str
) -> None:
    monkeypatch.setenv("REDSHIFT_SCHEMA", target)
    template = (
        "{{ generate_schema_name(' staging ', none) }} {{ generate_schema_name(none, none) }} "
        "{{ generate_schema_name(none, public) }}"
    )
    public = "{% set public = {'resource_type': 'model', 'config': {'access': 'public'}} %}"
    template = public + template
    assert inline(dbt, template) == names


def test_run_id_is_that_of_the_airflow_run_or_of_the_dbt_invocation(
    dbt: Dbt, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, invocation = inline(dbt, "{{ run_id() }} {{ invocation_id }}").split()
    assert ours == invocation
    monkeypatch.setenv("SPARKIFY_RUN_ID", "scheduled__2")
    assert inline(dbt, "{{ run_id() }}") == "scheduled__2"


def test_is_affected_is_true_for_every_row_in_a_full_build(dbt: Dbt) -> None:
    assert inline(dbt, "{{ is_affected('song_id', by=['song_id']) }}") == "true"


def test_a_delete_repeated_after_a_lost_connection_fails(dbt: Dbt, warehouse: Warehouse) -> None:
    warehouse.run("create table ops.songs (song_id varchar); insert into ops.songs values ('S1')")
    delete, insert = inline(
        dbt,
        """{% do model.config.meta.update({'affected_by': ['song_id']}) %}
        {{ get_incremental_replace_affected_sql({
            'target_relation': 'ops.songs', 'temp_relation': 'ops.new_songs',
            'unique_key': 'song_id', 'dest_columns': [{'quoted': '"song_id"'}],
        }) }}""",
    ).split(";")
    with pytest.raises(ProgrammingError, match="new_songs"):
        warehouse.run(delete)
    assert warehouse.rows("select song_id from ops.songs") == [("S1",)]
    warehouse.run("create table ops.new_songs as select cast('S2' as varchar) as song_id")
    warehouse.run(f"{delete}; {insert}")
    assert warehouse.rows("select song_id from ops.songs") == [("S2",)]


SONG_MODELS = (
    "stg_sparkify__load_changes",
    "stg_sparkify__songs",
    "int_changed_keys",
    "int_songs_deduplicated",
)


def songs_built(warehouse: Warehouse) -> dict[str, str]:
    rows = warehouse.rows("select song_id, title from intermediate.int_songs_deduplicated")
    return {f"S{int(song_id[2:])}": title for song_id, title in rows}


def watermarks(warehouse: Warehouse) -> list[int]:
    rows = warehouse.rows(
        "select through_load_id from ops.watermarks where model = 'int_songs_deduplicated' "
        "order by recorded_at"
    )
    return [through for (through,) in rows]


def test_an_incremental_run_replaces_the_keys_of_its_load_window(
    dbt: Dbt, warehouse: Warehouse
) -> None:
    put_songs(warehouse, 1, S1="old", S2="old", S3="old")
    run(dbt, *SONG_MODELS)
    # The next run may read up to load 2; load 3 is not in the audit yet, and S1 is in no feed.
    put_songs(warehouse, 2, S2="new", S4="new")
    warehouse.run(
        f"""
        update "raw".staging_songs set title = 'new';
        insert into "raw".load_changes values
            (3, 'song_id', '{song_id_of("S3")}'), (2, 'artist_id', '{song_id_of("S1")}');
        """
    )
    run(dbt, *SONG_MODELS)
    assert songs_built(warehouse) == {"S1": "old", "S2": "new", "S3": "old", "S4": "new"}
    assert watermarks(warehouse) == [1, 2]


def test_after_a_lost_watermark_the_same_rows_are_replaced_again(
    dbt: Dbt, warehouse: Warehouse
) -> None:
    put_songs(warehouse, 1, S1="old", S2="old")
    run(dbt, *SONG_MODELS)
    put_songs(warehouse, 2, S2="new", S3="new")
    run(dbt, *SONG_MODELS)
    warehouse.run("delete from ops.watermarks where through_load_id = 2")
    run(dbt, *SONG_MODELS)
    assert songs_built(warehouse) == {"S1": "old", "S2": "new", "S3": "new"}
    assert watermarks(warehouse) == [1, 2]


@pytest.mark.parametrize("flag", ["--empty", "--sample=1 day"])
def test_a_run_that_reads_part_of_its_inputs_changes_nothing(
    dbt: Dbt, warehouse: Warehouse, flag: str
) -> None:
    put_songs(warehouse, 1, S1="old", S2="old")
    run(dbt, *SONG_MODELS)
    put_songs(warehouse, 2, S2="new")
    run(dbt, *SONG_MODELS, flag)
    assert songs_built(warehouse) == {"S1": "old", "S2": "old"}
    assert watermarks(warehouse) == [1]
    run(dbt, *SONG_MODELS)
    assert songs_built(warehouse) == {"S1": "old", "S2": "new"}


@pytest.mark.parametrize("before", ["nothing", "an older build", "a build that was dropped"])
def test_a_table_created_by_an_empty_run_is_filled_by_the_next_run(
    dbt: Dbt, warehouse: Warehouse, before: str
) -> None:
    put_songs(warehouse, 1, S1="old")
    if before != "nothing":
        run(dbt, *SONG_MODELS)
    if before == "a build that was dropped":
        warehouse.run("drop table intermediate.int_songs_deduplicated")
    run(dbt, *SONG_MODELS, "--empty", *(["--full-refresh"] if before == "an older build" else []))
    assert songs_built(warehouse) == {}
    run(dbt, *SONG_MODELS)
    assert songs_built(warehouse) == {"S1": "old"}


def test_a_model_without_key_or_is_affected_fails_before_anything_is_built(
    warehouse: Warehouse, dbt: Dbt, tmp_path: Path
) -> None:
    for path in ROOT.iterdir():
        if path.name not in {"dbt_sparkify", "target", "logs"}:
            (tmp_path / path.name).symlink_to(path)
    shutil.copytree(ROOT / "dbt_sparkify", tmp_path / "dbt_sparkify")
    model = "dbt_sparkify/models/intermediate/int_plays_by_user.sql"
    (tmp_path / model).write_text("select 1 as user_id")
    done = dbt_here.invoke(
        *("run", "--select", "int_plays_by_user"), project=tmp_path, target=tmp_path / "target"
    )
    assert not done.success
    assert f"{model} needs unique_key in its config" in str(done.exception)
    assert "and is_affected(column, by=[...])" in str(done.exception)
    assert warehouse.rows("select 1 from pg_tables where schemaname = 'intermediate'") == []


def test_a_changed_song_affects_the_days_that_it_matched_or_now_matches(
    dbt: Dbt, warehouse: Warehouse
) -> None:
    warehouse.run(
        """
        create schema intermediate;
        create view intermediate.int_changed_keys as select * from "raw".load_changes;
        create table intermediate.int_songs_deduplicated as
            select cast('S2' as varchar) as song_id, cast('Intro' as varchar) as title,
                cast('Muse' as varchar) as artist_name;
        create schema unpublished;
        create table unpublished.songplays (
            start_time timestamp, song_id varchar, song_title varchar, artist_name varchar
        );
        insert into unpublished.songplays values
            ('2018-11-02 10:00', 'S1', 'Outro', 'Muse'),
            ('2018-11-04 10:00', 'S2', 'Former title', 'Muse'),
            ('2018-11-06 23:59:59.999', null, 'INTRO', 'muse'),
            ('2018-11-08 10:00', null, 'Intro', 'U2');
        -- The slower of two parents is complete through load 2, so load 3 has to wait.
        insert into ops.watermarks values
            ('analytics', 'songplays', 1, 'r', sysdate),
            ('analytics', 'int_events_deduplicated', 2, 'r', sysdate),
            ('analytics', 'int_songs_deduplicated', 3, 'r', sysdate),
            ('analytics', 'users', 3, 'r', sysdate),
            ('analytics', 'songs', 3, 'r', sysdate),
            ('analytics', 'artists', 3, 'r', sysdate);
        insert into "raw".load_changes values
            (1, 'event_date', '2018-11-20'),
            (2, 'event_date', '2018-11-10'),
            (2, 'song_id', 'S2'),
            (3, 'event_date', '2018-11-22'), (3, 'song_id', 'S1');
        """
    )
    ranges = " or ".join(
        f"(event_date >= '{date(2018, 11, day)}' and event_date < '{date(2018, 11, day + 1)}')"
        for day in (4, 6, 10)
    )
    assert f"and ({ranges})" in model_sql(dbt, "songplays")


def put_gate(warehouse: Warehouse, through: int, newest: int) -> None:
    """Leave a green gate, and a run that may read up to the newest load."""
    warehouse.run(
        f"""
        insert into ops.gates values ('analytics', 'p', {through}, 'r', sysdate, true);
        insert into ops.run_lock
        select 'analytics', 'r', sysdate, dateadd(minute, 5, sysdate), {newest}
        """
    )


JUDGED = (
    ("'d', by=['event_date']", "(((d >= '2018-11-15' and d < '2018-11-16')))"),
    ("'d', by=['event_date', 'week']", "(((d >= '2018-11-12' and d < '2018-11-19')))"),
    ("'d', by=['event_date', 'month']", "(((d >= '2018-11-01' and d < '2018-12-01')))"),
    ("'n', by=['load_id']", "(n > 3 and n <= 5)"),
    ("'n', by=['all_time']", "false"),
    ("'n', by=['song_id']", "false"),
)


def test_an_hours_gate_judges_the_keys_of_the_loads_since_the_last_green_gate(
    dbt: Dbt, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_gate(warehouse, through=3, newest=5)
    warehouse.run(
        """
        insert into "raw".load_changes values
            (3, 'event_date', '2018-10-01'), (3, 'song_id', 'S1'), (4, 'event_date', '2018-11-15'),
            (5, 'session_id', '9'), (5, 'session_id', '12'), (6, 'event_date', '2018-12-01');
        """
    )
    calls = ["{{ within_gate(" + arguments + ") }}" for arguments, _ in JUDGED]
    by_session = "{{ within_gate('given', by=['session_id']) }}"
    by_hand = inline(dbt, ";".join([*calls, by_session])).split(";")
    assert by_hand == ["true"] * (len(JUDGED) + 1)

    monkeypatch.setenv("SPARKIFY_WHOLE_RUN", "false")
    *judged, sessions = inline(dbt, ";".join([*calls, by_session])).split(";")
    assert judged == [condition for _, condition in JUDGED]
    assert sessions.startswith("(given between 9 and 12")
    found = answers(warehouse, sessions, [str(number) for number in range(8, 14)])
    assert found == [False, True, False, False, True, False]


def test_an_hours_gate_judges_the_days_that_were_replaced_for_changed_songs(
    dbt: Dbt, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_gate(warehouse, through=3, newest=5)
    note = "insert into ops.replaced_keys values ('analytics', 'songplays', {}, {}, null)"
    warehouse.run(
        f"""
        insert into "raw".load_changes values
            (4, 'song_id', 'S1'), (5, 'event_date', '2018-11-15');
        {note.format("'2018-09-01'", "dateadd(hour, -1, sysdate)")};
        {note.format("'2018-10-30'", "dateadd(minute, 1, sysdate)")};
        """
    )
    monkeypatch.setenv("SPARKIFY_WHOLE_RUN", "false")
    judged = "{{ within_gate('d', by=['event_date', 'song_id']) }}"
    assert inline(dbt, judged) == (
        "(((d >= '2018-10-30' and d < '2018-10-31') or (d >= '2018-11-15' and d < '2018-11-16')))"
    )
    warehouse.run(note.format("null", "dateadd(minute, 1, sysdate)"))  # the whole table
    assert inline(dbt, judged) == "true"


def test_what_is_behind_the_last_green_gate_is_judged_whole(
    dbt: Dbt, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_gate(warehouse, through=5, newest=4)
    monkeypatch.setenv("SPARKIFY_WHOLE_RUN", "false")
    assert inline(dbt, "{{ within_gate('d', by=['event_date']) }}") == "true"


def test_events_are_filtered_by_the_sort_key(dbt: Dbt, warehouse: Warehouse) -> None:
    put_load(warehouse, 1)
    run(dbt, "+int_events_deduplicated")
    warehouse.run(
        """
        insert into "raw".load_changes values (2, 'event_date', '2018-11-15');
        insert into ops.run_lock values ('analytics', 'r', sysdate, sysdate, 2);
        """
    )
    assert "(ts >= 1542240000000 and ts < 1542326400000)" in model_sql(
        dbt, "int_events_deduplicated"
    )


def test_a_model_that_missed_removed_changes_has_to_be_rebuilt(
    dbt: Dbt, warehouse: Warehouse
) -> None:
    put_load(warehouse, 2)
    run(dbt, "+songs")
    warehouse.run("insert into ops.retention values (sysdate, 400, 3)")
    done = dbt("run", "--select", "songs")
    assert not done.success
    [failed] = [result for result in done.result.results if result.status == "error"]
    assert "songs is complete through load 2, but the changes of loads up to 3" in failed.message
    assert "dbt build --full-refresh --select songs+" in failed.message


def test_a_run_stops_while_another_holds_the_lock(dbt: Dbt, warehouse: Warehouse) -> None:
    warehouse.run(OTHERS_LOCK.format(minutes=5))
    done = dbt("run", "--select", "stg_sparkify__load_changes")
    assert not done.success
    assert "Run scheduled__1 is working on schema analytics" in str(done.exception)
    assert warehouse.rows("select owner from ops.run_lock") == [("scheduled__1",)]
    assert warehouse.rows("select schemaname from pg_views where schemaname = 'staging'") == []
    [give_up] = re.findall("delete from ops.run_lock where owner = '.*'", str(done.exception))
    warehouse.run(give_up)
    assert warehouse.rows("select owner from ops.run_lock") == []


def test_a_command_that_changes_nothing_needs_no_lock(dbt: Dbt, warehouse: Warehouse) -> None:
    warehouse.run(OTHERS_LOCK.format(minutes=5))
    assert inline(dbt, "{{ changes_warehouse() }} {{ acquire_run_lock() }}") == "False"
    assert warehouse.rows("select owner from ops.run_lock") == [("scheduled__1",)]
    assert warehouse.rows("select node from ops.node_runs") == []


def test_an_expired_lock_is_taken_over_and_released_at_the_end(
    dbt: Dbt, warehouse: Warehouse
) -> None:
    warehouse.run(OTHERS_LOCK.format(minutes=-1))
    run(dbt, "stg_sparkify__load_changes")
    assert warehouse.rows("select owner from ops.run_lock") == []
    assert warehouse.rows("select node, resource_type, status from ops.node_runs") == [
        ("stg_sparkify__load_changes", "model", "success")
    ]


def test_an_airflow_run_keeps_its_lock_and_renews_it(
    dbt: Dbt, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARKIFY_RUN_ID", "scheduled__1")
    warehouse.run(OTHERS_LOCK.format(minutes=1))
    put_load(warehouse, 7)
    run(dbt, "stg_sparkify__load_changes")
    lock = "select owner, through_load_id, datediff(minute, sysdate, expires_at) from ops.run_lock"
    [(owner, through, minutes)] = warehouse.rows(lock)
    assert (owner, through) == ("scheduled__1", 7)
    assert 13 <= minutes <= 15


def test_a_dbt_task_does_not_take_the_lock_that_its_airflow_run_released(
    dbt: Dbt, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARKIFY_RUN_ID", "scheduled__1")
    done = dbt("run", "--select", "stg_sparkify__load_changes")
    assert not done.success
    assert "Run scheduled__1 holds no run lock of schema analytics" in str(done.exception)
    assert warehouse.rows("select owner from ops.run_lock") == []
    assert warehouse.rows("select schemaname from pg_views where schemaname = 'staging'") == []


def test_sql_literal_escapes_quotes_and_backslashes(dbt: Dbt, warehouse: Warehouse) -> None:
    text = r"it's 100% a\b \' \\"
    sql = inline(dbt, "{{ sql_literal(var('text')) }}", f"--vars={json.dumps({'text': text})}")
    assert warehouse.rows(f"select {sql}") == [(text,)]


KEYS = {
    "user_id_key": {
        "'7'": 7,
        r"' 7\t'": 7,
        r"'\r\n7 '": 7,
        "'007'": 7,
        "'999999999999999999'": 999999999999999999,
        "'99999999999999999999'": None,
        "'-7'": None,
        "'+7'": None,
        "'7.0'": None,
        "'7 8'": None,
        "'''7'": None,
        "'seven'": None,
        "'\u0667'": None,
        "'7\u00a0'": None,
        "''": None,
        "cast(null as varchar)": None,
    },
    "song_id_key": {
        r"' SO1\t'": "SO1",
        "'SO''1'": "SO'1",
        "'  '": "",
        "cast(null as varchar)": "",
    },
    "artist_id_key": {r"'\nAR1 '": "AR1", "''": None, "cast(null as varchar)": None},
}


@pytest.mark.parametrize(("macro", "expected"), KEYS.items(), ids=list(KEYS))
def test_keys_ignore_blanks_and_are_the_same_in_the_change_feed(
    dbt: Dbt, warehouse: Warehouse, macro: str, expected: dict[str, object]
) -> None:
    sql = inline(dbt, f"{{{{ {macro}('given') }}}}")
    assert answers(warehouse, sql, list(expected)) == list(expected.values())
    assert render(macro, "given").split() == sql.split()  # the change feed has the same one


def test_an_event_without_a_plausible_time_is_of_1970_01_01(dbt: Dbt, warehouse: Warehouse) -> None:
    expected = {
        "1541105830796": date(2018, 11, 1),
        "1541105830": date(1970, 1, 1),
        "1541105830796000": date(1970, 1, 1),
        "1541105830796000000": date(1970, 1, 1),
        "-1": date(1970, 1, 1),
        "cast(null as bigint)": date(1970, 1, 1),
    }
    sql = inline(dbt, "{{ event_date_key('given') }}")
    assert answers(warehouse, sql, list(expected)) == list(expected.values())


@pytest.mark.parametrize(
    ("column", "shown"),
    [("user_id", {"value_field"}), ("last_name", set()), (None, set())],
)
def test_a_failing_test_shows_no_text_of_a_personal_column(
    dbt: Dbt, column: str | None, shown: set[str]
) -> None:
    test = {"depends_on": {"nodes": ["model.sparkify.users"]}, "column_name": column}
    public = inline(dbt, f"{{{{ public_columns({test}) | join(' ') }}}}").split()
    assert {"user_id", "level"} <= set(public)
    assert not {"first_name", "last_name"} & set(public)
    assert {"value_field"} & set(public) == shown
