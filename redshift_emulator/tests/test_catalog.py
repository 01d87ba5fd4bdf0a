"""The catalog: late-binding views, declared keys and storage, Redshift's system views."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from lake import Lake, connect

LATE = "with no schema binding"


@pytest.fixture
def based(lake: Lake) -> Lake:
    """Create a table, a late-binding view on it, and another one on that view."""
    s = lake.schema
    lake.run("create table base (a int, b varchar(10))")
    lake.run("insert into base values (1, 'one')")
    lake.run(f"create view late as select * from {s}.base {LATE}")
    lake.run(f"create view later as select a from {s}.late {LATE}")
    return lake


def swap(lake: Lake, query: str) -> None:
    """Replace the table as dbt does: build a new one, rename both, drop the old one."""
    lake.run(f"create table base__dbt_tmp as {query}")
    lake.run("alter table base rename to base__dbt_backup")
    lake.run("alter table base__dbt_tmp rename to base")
    lake.run("drop table if exists base__dbt_backup cascade")


# Late-binding views


def test_late_binding_view_follows_the_name_of_its_relation(based: Lake) -> None:
    swap(based, "select 2 as a, 'two'::varchar(10) as b")
    assert based.rows("select a, b from late") == [(2, "two")]
    assert based.rows("select a from later") == [(2,)]


def test_late_binding_view_shows_the_new_columns_of_its_relation(based: Lake) -> None:
    based.run("grant select on late to public")
    based.run("comment on view late is 'kept'")
    swap(based, "select 'x'::varchar(3) as b, 2.5::float as c")
    assert based.rows("select * from late") == [("x", 2.5)]
    assert based.refusal("select * from later")["M"] == 'column "a" does not exist'
    privileges = based.rows("show grants on table late")
    assert ("SELECT", "public") in {(row[4], row[6]) for row in privileges}
    remarks = f"select remarks from svv_tables where table_schema = '{based.schema}' and table_name"
    assert based.rows(f"{remarks} = 'late'") == [("kept",)]
    swap(based, "select 3 as a")
    assert based.rows("select * from later") == [(3,)]


def test_column_added_to_a_table_shows_in_the_view_on_all_its_columns(based: Lake) -> None:
    based.run("alter table base add column c int default 7")
    assert based.rows("select * from late") == [(1, "one", 7)]


@pytest.mark.parametrize("drop", ["drop table base", "drop table base cascade"])
def test_late_binding_view_fails_after_its_relation_is_dropped(based: Lake, drop: str) -> None:
    based.run(drop)
    missing = f'relation "{based.schema}.base" does not exist'
    for query in (
        "select * from late",
        "select b from late where a = 1",
        "select * from later limit 0",
        "select count(*) from (select 1 as a where false) none join later using (a)",
    ):
        assert based.refusal(query)["M"] == missing
    based.run("create table base as select 5 as a, 'five'::varchar(10) as b")
    assert based.rows("select * from late") == [(5, "five")]


def test_dropping_a_schema_keeps_late_binding_views_in_other_schemas(based: Lake) -> None:
    based.run(f"create schema {based.schema}_views")
    based.run(f"create view {based.schema}_views.v as select * from {based.schema}.base {LATE}")
    based.run(f"drop schema {based.schema} cascade")
    assert based.refusal(f"select * from {based.schema}_views.v")["C"] == "42P01"


def test_late_binding_view_may_be_created_before_its_relation(lake: Lake) -> None:
    lake.run(f"create view early as select n from {lake.schema}.nothing {LATE}")
    assert lake.refusal("select * from early")["M"] == (
        f'relation "{lake.schema}.nothing" does not exist'
    )
    lake.run("create table nothing as select 1 as n")
    assert lake.rows("select n from early") == [(1,)]


@pytest.mark.parametrize("schema", ["a-b", 'a"b', "a.b", "select"])
def test_names_of_views_and_schemas_may_need_quotes(lake: Lake, schema: str) -> None:
    s = f'"{schema.replace(chr(34), chr(34) * 2)}"'
    lake.run(f"drop schema if exists {s} cascade")
    lake.run(f"create schema {s}")
    lake.run(f'create view {s}."v-1" as select a from {s}."t""1" {LATE}')
    lake.run(f'create table {s}."t""1" as select 1 as a')
    lake.run(f'create view {s}.w as select a, 2 as "c-d" from {s}."v-1" {LATE}')
    assert lake.rows(f"select * from {s}.w") == [(1, 2)]
    lake.run(f'drop table {s}."t""1"')
    assert lake.refusal(f"select * from {s}.w")["C"] == "42P01"
    lake.run(f'create table {s}."t""1" as select 3 as a')
    lake.run(f'create or replace view {s}.w as select a from {s}."v-1" {LATE}')
    assert lake.rows(f"select * from {s}.w") == [(3,)]
    lake.run(f"drop schema {s} cascade")


def test_rolled_back_change_keeps_the_late_binding_view(based: Lake) -> None:
    based.connection.autocommit = False
    based.run("drop table base cascade")
    based.refusal("select * from late")
    based.connection.rollback()
    assert based.rows("select * from late") == [(1, "one")]


def test_late_binding_view_is_replaced_renamed_and_dropped_like_other_views(based: Lake) -> None:
    s = based.schema
    assert (
        based.refusal(f"create view late as select 1 as one from {s}.base {LATE}")["C"] == "42P07"
    )
    based.run(f"create or replace view late as select a + 1 as more from {s}.base {LATE}")
    assert based.rows("select * from late") == [(2,)]
    based.run("alter table late rename to latest")
    swap(based, "select 10 as a")
    assert based.rows("select * from latest") == [(11,)]
    based.run("drop view latest")
    assert based.refusal("select * from latest")["C"] == "42P01"


def test_bound_view_blocks_drop_and_goes_with_cascade(based: Lake) -> None:
    based.run("create view bound as select a from base")
    assert based.refusal("drop table base")["C"] == "2BP01"
    assert based.rows("select * from late") == [(1, "one")]
    based.run("drop table base cascade")
    assert based.refusal("select * from bound")["C"] == "42P01"


def test_concurrent_readers_and_builders_neither_fail_nor_deadlock(based: Lake) -> None:
    s = based.schema
    based.run("create table other as select 1 as a")
    based.run(f"create view both_ as select o.a from {s}.other o join {s}.later l on true {LATE}")
    until = time.monotonic() + 6

    def build(name: str) -> int:
        turns = 0
        with connect(based.emulator) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            while time.monotonic() < until:
                for statement in (
                    "begin",
                    f"create table {s}.{name}_new as select 1 as a, 'x'::varchar(10) as b",
                    f"alter table {s}.{name} rename to {name}_old",
                    f"alter table {s}.{name}_new rename to {name}",
                    "commit",
                    f"drop table if exists {s}.{name}_old cascade",
                ):
                    cursor.execute(statement)
                turns += 1
        return turns

    def read(*views: str) -> int:
        turns = 0
        with connect(based.emulator) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            while time.monotonic() < until:
                view = random.Random(turns).choice(views)
                assert cursor.execute(f"select a from {s}.{view}").fetchall() == ([1],)
                turns += 1
        return turns

    with ThreadPoolExecutor() as pool:
        builders = [pool.submit(build, name) for name in ("base", "other")]
        readers = [pool.submit(read, "late", "later", "both_") for _ in range(3)]
        assert min(each.result() for each in builders) > 3
        assert min(each.result() for each in readers) > 3


def test_concurrent_create_if_not_exists_and_grant_succeed(lake: Lake) -> None:
    gate = threading.Barrier(8)

    def create(_: int) -> None:
        with connect(lake.emulator) as connection:
            connection.autocommit = True
            gate.wait()
            connection.cursor().execute(f"create schema if not exists {lake.schema}_many")
            connection.cursor().execute(f"grant usage on schema {lake.schema}_many to public")
            connection.cursor().execute(
                f"create table if not exists {lake.schema}_many.t (n int sortkey)"
            )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, range(8)))
    assert lake.rows(f"select count(*) from {lake.schema}_many.t") == [(0,)]


# Keys and storage


def test_keys_are_recorded_shown_and_not_enforced(lake: Lake) -> None:
    s = lake.schema
    lake.run("create table songs (id int, title varchar(20), primary key (id), unique (title))")
    lake.run(f"create table plays (id int primary key, song int references {s}.songs (id))")
    lake.run("insert into songs values (1, 'a'), (1, 'a')")
    lake.run("insert into plays values (1, 99)")
    constraints = (
        "select table_name, constraint_type, column_name"
        " from information_schema.table_constraints join information_schema.key_column_usage"
        " using (table_schema, table_name, constraint_name)"
        f" where table_schema = '{s}' order by 1, 2"
    )
    assert lake.rows(constraints) == [
        ("plays", "FOREIGN KEY", "song"),
        ("plays", "PRIMARY KEY", "id"),
        ("songs", "PRIMARY KEY", "id"),
        ("songs", "UNIQUE", "title"),
    ]
    [foreign] = lake.rows("show constraints foreign keys from table plays")
    assert foreign[1:4] + foreign[5:8] == (s, "songs", "id", s, "plays", "song")
    refusal = lake.refusal("drop table songs")
    assert refusal["C"] == "2BP01"
    assert refusal["D"] == "constraint plays_song_fkey on table plays depends on table songs"
    lake.run("drop table songs cascade")
    assert lake.rows("show constraints foreign keys from table plays") == []


def test_tables_that_reference_each_other_are_dropped_together(lake: Lake) -> None:
    lake.run("create table songs (id int primary key)")
    lake.run("create table plays (song int references songs)")
    lake.run("drop table plays, songs")


def test_storage_is_shown_and_follows_renames(lake: Lake) -> None:
    lake.run(
        "create table t (a int encode zstd, b varchar(10), c int not null)"
        " diststyle key distkey (a) compound sortkey (c, b)"
    )
    lake.run("insert into t values (1, 'x', 2)")
    lake.run("alter table t rename column c to d")
    lake.run("alter table t rename to u")
    definition = (
        'select "column", type, encoding, distkey, sortkey, "notnull" from pg_table_def'
        " where tablename = 'u'"
    )
    assert lake.rows(definition) == [
        ("a", "integer", "zstd", True, 0, False),
        ("b", "character varying(10)", "none", False, 2, False),
        ("d", "integer", "none", False, 1, True),
    ]
    information = (
        'select diststyle, sortkey1, sortkey_num, max_varchar from svv_table_info where "table"'
    )
    assert lake.rows(f"{information} = 'u' and schema = '{lake.schema}'") == [
        ("KEY(a)", "d", 2, 10)
    ]
    assert "DISTSTYLE KEY SORTKEY ( d, b )" in lake.rows("show table u")[0][0]


def test_a_table_made_like_another_has_its_storage_and_not_null_but_no_keys(lake: Lake) -> None:
    lake.run(
        "create table t (a int encode zstd primary key, b varchar(10), c int not null)"
        " diststyle key distkey (c) compound sortkey (b, a)"
    )
    lake.run("create table u (like t)")
    definition = (
        'select "column", encoding, distkey, sortkey, "notnull" from pg_table_def'
        " where tablename = '{}'"
    )
    assert lake.rows(definition.format("u")) == lake.rows(definition.format("t"))
    keys = "select table_name from information_schema.table_constraints where table_schema = "
    assert lake.rows(f"{keys} '{lake.schema}'") == [("t",)]
    indexed = "select count(*) from pg_indexes where tablename = 'u' and schemaname = "
    assert lake.rows(f"{indexed} '{lake.schema}'") == [(1,)]


def test_materialized_view_is_a_view_over_a_table_with_its_keys(lake: Lake) -> None:
    lake.run("create table base (id int, value int)")
    lake.run("create materialized view m distkey (id) sortkey (value) as select * from base")
    kinds = (
        "select relname, relkind from pg_class c join pg_namespace n on n.oid = relnamespace"
        f" where nspname = '{lake.schema}' and relname like '%m%' order by 1"
    )
    assert lake.rows(kinds) == [("m", "v"), ("mv_tbl__m__0", "r")]
    keys = (
        "select attname, attisdistkey, attsortkeyord from pg_attribute a"
        " join pg_class c on c.oid = attrelid where relname = 'mv_tbl__m__0' and attnum > 0"
        " order by attnum"
    )
    assert lake.rows(keys) == [("id", True, 0), ("value", False, 1)]


def test_auto_refresh_of_a_materialized_view_is_shown(lake: Lake) -> None:
    lake.run("create table base (id int)")
    lake.run("create materialized view m as select * from base")
    shown = (
        "select trim(db_name), trim(owner_user_name), autorefresh from stv_mv_info"
        f" where trim(schema) = '{lake.schema}' and trim(name) = 'm'"
    )
    assert lake.rows(shown) == [(lake.emulator.database, lake.emulator.user, "f")]
    lake.run("alter materialized view m auto refresh yes")
    assert lake.rows(shown)[0][2] == "t"
    assert lake.rows(
        f"select autorefresh from svv_mv_info where schema_name = '{lake.schema}'"
    ) == [("t",)]


# System views


def test_version_names_redshift_and_the_emulator(lake: Lake) -> None:
    [(version,)] = lake.rows("select version()")
    assert version.startswith("PostgreSQL 8.0.2 on i686-pc-linux-gnu")
    assert "Redshift 1.0" in version
    assert "Redshift emulator on PostgreSQL 18" in version


@pytest.mark.parametrize(
    "view",
    [
        *("svv_tables", "svv_columns", "svv_all_tables", "svv_all_columns", "svv_all_schemas"),
        *("svv_redshift_tables", "svv_redshift_columns", "svv_redshift_schemas"),
        *("svv_redshift_databases", "svv_table_info", "pg_table_def", "svv_external_schemas"),
        *("svv_external_tables", "svv_external_columns", "svv_roles", "svv_user_info"),
        *("svv_user_grants", "svv_relation_privileges", "svv_schema_privileges", "svv_mv_info"),
        "stv_mv_info",
        *("pg_user", "pg_group", "stv_sessions", "stv_recents", "stv_inflight", "stv_locks"),
        *("svv_transactions", "sys_query_history", "sys_load_history", "sys_load_detail"),
        *("sys_load_error_detail", "stl_load_errors", "stl_load_commits", "pg_proc_info"),
    ],
)
def test_any_user_reads_system_views_with_any_search_path(lake: Lake, view: str) -> None:
    lake.run("set search_path to nowhere")
    lake.run(f"create user reader_of_{view} password 'Reader12'")
    lake.run(f"set session authorization reader_of_{view}")
    lake.rows(f"select * from {view} limit 3")
    lake.run("set session authorization default")


def test_late_binding_columns_are_listed_once(based: Lake) -> None:
    columns = (
        "select view_name, col_name, col_type from pg_get_late_binding_view_cols()"
        " cols(view_schema name, view_name name, col_name name, col_type varchar, col_num int)"
        f" where view_schema = '{based.schema}' and view_name = 'late' order by col_num"
    )
    assert based.rows(columns) == [
        ("late", "a", "integer"),
        ("late", "b", "character varying(10)"),
    ]
    elsewhere = f"select * from information_schema.columns where table_schema = '{based.schema}'"
    assert {row[2] for row in based.rows(elsewhere)} == {"base"}


def test_late_binding_view_has_no_columns_of_its_own(based: Lake) -> None:
    columns = "select attname from pg_attribute where attrelid = '{}'::regclass and attnum > 0"
    based.run(f"create view bound as select * from {based.schema}.base")
    assert based.rows(columns.format("bound")) != []
    assert based.rows(columns.format("late")) == []


def test_show_commands_list_existing_objects(based: Lake) -> None:
    s, database = based.schema, based.emulator.database
    tables = based.rows(f"show tables from schema {database}.{s}")
    assert [(row[2], row[3]) for row in tables] == [
        ("base", "TABLE"),
        ("late", "VIEW"),
        ("later", "VIEW"),
    ]
    columns = based.rows(f"show columns from table {database}.{s}.base")
    assert [(row[3], row[7], row[8]) for row in columns] == [
        ("a", "integer", None),
        ("b", "character varying", 10),
    ]
    assert (s,) in {row[1:2] for row in based.rows(f"show schemas from database {database}")}
    assert based.rows("show databases")[0][0] == database


@pytest.mark.parametrize("vacuum", ["vacuum", "vacuum full t", "vacuum sort only t"])
def test_vacuum_sorts_and_a_transaction_block_refuses_it(lake: Lake, vacuum: str) -> None:
    lake.run("create table t (a int, b int) compound sortkey (a, b)")
    lake.run("insert into t values (3, 1), (1, 2), (1, 1)")
    lake.run("vacuum delete only t")
    assert lake.rows("select a, b from t") == [(3, 1), (1, 2), (1, 1)]
    lake.run(vacuum)
    assert lake.rows("select a, b from t") == [(1, 1), (1, 2), (3, 1)]
    lake.run("begin")
    assert lake.refusal(vacuum)["M"] == "VACUUM cannot run inside a transaction block"
    lake.run("rollback")
