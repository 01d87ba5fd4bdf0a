"""redshift_connector, unmodified: the behaviour that its documentation and tests promise."""

import datetime as dt
import gc
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import redshift_connector
from lake import Lake, connect

from redshift_emulator.server import Emulator, running_emulator
from redshift_emulator.testing import self_signed

UTC = dt.UTC


def connection_to(emulator: Emulator, **changed: Any) -> redshift_connector.Connection:
    return redshift_connector.connect(**{**emulator.login(), **changed})


# Types


@pytest.mark.parametrize(
    ("column_type", "values"),
    [
        ("smallint", [-(2**15), 0, 2**15 - 1]),
        ("integer", [-(2**31), 2**31 - 1]),
        ("bigint", [-(2**63), 2**63 - 1]),
        ("decimal(38,10)", [Decimal("-9999999999999999999999999999.9999999999"), Decimal("0E-10")]),
        ("decimal(5,2)", [Decimal("1.50")]),
        ("real", [1.5, -(2.0**127)]),
        ("double precision", [1.7976931348623157e308, 5e-324, 0.1]),
        ("boolean", [True, False]),
        ("char(3)", ["abc", "a  "]),
        ("varchar(20)", ["", "é ß 🎵", "back\\slash", "quote'", "tab\tline\n", "%s ? :1 $1"]),
        ("varchar(max)", ["x" * 65535]),
        ("date", [dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
        ("timestamp", [dt.datetime(1, 1, 1), dt.datetime(2018, 11, 1, 20, 57, 10, 796001)]),
        ("timestamptz", [dt.datetime(2018, 11, 1, 20, 57, 10, 796001, tzinfo=UTC)]),
        ("time", [dt.time(0, 0), dt.time(23, 59, 59, 999999)]),
        ("timetz", [dt.time(23, 59, 59, 500000, tzinfo=UTC)]),
    ],
)
def test_values_of_each_type_round_trip(lake: Lake, column_type: str, values: list[object]) -> None:
    lake.run(f"create table t (n int, a {column_type})")
    cursor = lake.connection.cursor()
    for n, value in enumerate([*values, None]):
        cursor.execute("insert into t values (%s, %s)", (n, value))
    cursor.execute("select a from t order by n")
    assert [row[0] for row in cursor.fetchall()] == [*values, None]


@pytest.mark.parametrize(
    ("column_type", "oid"),
    [
        ("smallint", 21),
        ("integer", 23),
        ("bigint", 20),
        ("decimal(5,2)", 1700),
        ("real", 700),
        ("double precision", 701),
        ("boolean", 16),
        ("char(3)", 1042),
        ("varchar(20)", 1043),
        ("date", 1082),
        ("timestamp", 1114),
        ("timestamptz", 1184),
        ("time", 1083),
        ("timetz", 1266),
        ("varbyte(3)", 6551),
    ],
)
def test_description_has_redshift_s_type_codes(lake: Lake, column_type: str, oid: int) -> None:
    cursor = lake.connection.cursor()
    cursor.execute(f"select null::{column_type} as Value")
    assert [column[:2] for column in cursor.description] == [("value", oid)]


def test_varbyte_comes_as_hexadecimal_digits(lake: Lake) -> None:
    lake.run("create table t (n int, a varbyte, b varchar(9))")
    cursor = lake.connection.cursor()
    cursor.execute("insert into t values (%s, %s, %s)", (1, "é", "\\x61"))
    cursor.execute("insert into t values (%s, %s, %s)", (2, None, None))
    cursor.execute("select b, a, n from t where n < %s order by n", (3,))
    # The driver reads the digits as UTF-8.
    assert cursor.fetchall() == (["\\x61", "é", 1], [None, None, 2])


def test_cast_to_varbyte_names_its_column(lake: Lake) -> None:
    cursor = lake.connection.cursor()
    cursor.execute("select 'abc'::varbyte, 'abc'::varbyte as bytes")
    assert [column[0] for column in cursor.description] == ["varbyte", "bytes"]


def test_varbyte_is_listed_with_its_length(lake: Lake) -> None:
    lake.run("create table t (a varbyte, b varbinary(7))")
    columns = lake.connection.cursor().get_columns(
        schema_pattern=lake.schema, tablename_pattern="t"
    )
    assert [(row[3], row[5]) for row in columns] == [("a", "varbyte"), ("b", "varbyte")]
    shown = f"show columns from table {lake.emulator.database}.{lake.schema}.t"
    assert [row[7:9] for row in map(tuple, lake.rows(shown))] == [
        ("binary varying", 64000),
        ("binary varying", 7),
    ]


def test_numbers_are_floats_when_the_connection_asks_for_them(emulator: Emulator) -> None:
    with connection_to(emulator, numeric_to_float=True) as connection:
        row = connection.cursor().execute("select 1.5::decimal(5,2)").fetchone()
    assert row == [1.5]
    assert isinstance(row[0], float)


@pytest.mark.parametrize("column_type", ["super", "geometry", "hllsketch"])
def test_unsupported_type_is_refused(lake: Lake, column_type: str) -> None:
    assert column_type in lake.refusal(f"create table t (a {column_type})")["M"].lower()


# Statements and parameters


@pytest.mark.parametrize(
    ("style", "sql", "parameters"),
    [
        ("qmark", "select ?::int, ?", (7, "a'b")),
        ("numeric", "select :1::int, :2", (7, "a'b")),
        ("named", "select :number::int, :word", {"number": 7, "word": "a'b"}),
        ("format", "select %s::int, %s", (7, "a'b")),
        ("pyformat", "select %(number)s::int, %(word)s", {"number": 7, "word": "a'b"}),
    ],
)
def test_parameters_work_in_every_style(lake: Lake, style: str, sql: str, parameters: Any) -> None:
    cursor = redshift_connector.Cursor(lake.connection, paramstyle=style)
    cursor.execute(sql, parameters)
    assert cursor.fetchall() == ([7, "a'b"],)


def test_parameters_work_in_conditions_limits_and_updates(lake: Lake) -> None:
    lake.run("create table t (n int, word varchar(5))")
    cursor = lake.connection.cursor()
    cursor.executemany("insert into t values (%s, %s)", [(1, "a"), (2, None), (3, "c")])
    assert cursor.rowcount == 3
    cursor.execute("update t set word = %s where n in (%s, %s)", ("z", 1, 2))
    assert cursor.rowcount == 2
    cursor.execute("select n from t where word = %s order by n limit %s", ("z", 1))
    assert cursor.fetchall() == ([1],)
    cursor.execute("delete from t where n > %s", (1,))
    assert cursor.rowcount == 2


def test_a_name_of_the_select_list_is_known_to_the_extended_protocol(lake: Lake) -> None:
    lake.run("create table t (n int, word varchar(5))")
    lake.run("insert into t values (4, 'a')")
    cursor = lake.connection.cursor()
    sql = "select n * %s as m, m + 1 as n, n from t"
    assert cursor.execute(sql, (2,)).fetchall() == ([8, 9, 4],)
    lake.run("alter table t add column m int default 100")
    assert cursor.execute(sql + " where true", (2,)).fetchall() == ([8, 101, 4],)


def test_a_failed_transaction_answers_before_names_are_looked_up(lake: Lake) -> None:
    lake.run("create table t (n int)")
    lake.run("begin")
    assert lake.refusal("select 1 / 0")["C"] == "22012"
    assert lake.refusal("select n + 1 as m, m from t")["C"] == "25P02"
    lake.run("rollback")
    assert lake.rows("select n + 1 as m, m from t") == []


def test_prepared_statement_is_reused_with_other_values(lake: Lake) -> None:
    cursor = lake.connection.cursor()
    for n in (1, 2, 3):
        cursor.execute("select %s::int + 1", (n,))
        assert cursor.fetchone() == [n + 1]
    (caches,) = lake.connection._caches.values()
    (cache,) = caches.values()
    assert [key[0] for key in cache["ps"]].count("select %s::int + 1") == 1


def test_rows_are_fetched_singly_in_parts_and_by_iteration(lake: Lake) -> None:
    cursor = lake.connection.cursor()
    cursor.execute(
        "select 1 as n union all select 2 union all select 3 union all select 4 order by n"
    )
    assert cursor.fetchone() == [1]
    assert cursor.fetchmany(2) == ([2], [3])
    assert list(cursor) == [[4]]
    assert cursor.fetchone() is None


def test_several_statements_are_refused_as_on_a_cluster(lake: Lake) -> None:
    error = lake.refusal("select 1; select 2")
    assert (error["C"], error["M"]) == (
        "42601",
        "cannot insert multiple commands into a prepared statement",
    )


# Transactions and errors


def test_transaction_is_open_until_commit_or_rollback(lake: Lake) -> None:
    lake.run("create table t (n int)")
    with lake.another_connection() as writer:
        writer.cursor().execute(f"insert into {lake.schema}.t values (1)")
        assert lake.rows("select * from t") == []
        writer.rollback()
        writer.cursor().execute(f"insert into {lake.schema}.t values (2)")
        writer.commit()
    assert lake.rows("select * from t") == [(2,)]


def test_closed_connection_keeps_nothing_uncommitted(lake: Lake) -> None:
    lake.run("create table t (n int)")
    with connect(lake.emulator) as connection:
        connection.cursor().execute(f"insert into {lake.schema}.t values (1)")
    assert lake.rows("select * from t") == []


def test_failed_transaction_refuses_statements_until_it_ends(lake: Lake) -> None:
    lake.connection.autocommit = False
    assert lake.refusal("select 1/0")["C"] == "22012"
    assert lake.refusal("select 1")["C"] == "25P02"
    lake.connection.rollback()
    assert lake.rows("select 1") == [(1,)]


@pytest.mark.parametrize(
    ("sql", "sqlstate"),
    [
        ("select * from nowhere", "42P01"),
        ("select nothing from t", "42703"),
        ("select nothing(1)", "42883"),
        ("selec 1", "42601"),
        ("select 'a'::int", "22P02"),
        ("select 1/0", "22012"),
        ("select 99999999999::int", "22003"),
        ("insert into t values (null, 'a')", "23502"),
        ("insert into t values (1, 'abcdef')", "22001"),
        ("create table t (a int)", "42P07"),
        ("drop schema nowhere", "3F000"),
        ("alter table t add column n int", "42701"),
        ("select n from t group by word", "42803"),
        ("grant select on t to nobody", "42704"),
    ],
)
def test_error_carries_its_sqlstate(lake: Lake, sql: str, sqlstate: str) -> None:
    lake.run("create table t (n int not null, word varchar(5))")
    assert lake.refusal(sql)["C"] == sqlstate


def refused_connection(emulator: Emulator, **changed: Any) -> str:
    """Return why the driver cannot connect; close the socket that it leaves open."""
    try:
        connection_to(emulator, **changed)
    except redshift_connector.InterfaceError as error:
        reason = str(error)
    gc.collect()
    return reason


leaves_its_socket = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
without_protocol = pytest.mark.filterwarnings("ignore:ssl:DeprecationWarning")


@leaves_its_socket
def test_wrong_password_is_an_invalid_authorization(emulator: Emulator) -> None:
    reason = refused_connection(emulator, password="Wrong1234")
    assert "'C': '28000'" in reason
    assert f'password authentication failed for user "{emulator.user}"' in reason


# TLS


@leaves_its_socket
@without_protocol
@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_certificate_is_verified(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    certificate, key = self_signed(tmp_path)
    with running_emulator(data_dir, tls_cert=certificate, tls_key=key) as emulator:
        assert "certificate" in refused_connection(emulator, ssl=True, sslmode=mode)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with connection_to(emulator, ssl=True, sslmode=mode) as connection:
            row = connection.cursor().execute("select repeat('x', 60000)").fetchone()
        assert row == ["x" * 60000]
        with connection_to(emulator, ssl=False) as connection:
            assert connection.cursor().execute("select 1").fetchone() == [1]


@leaves_its_socket
@without_protocol
def test_emulator_without_a_certificate_refuses_tls(emulator: Emulator) -> None:
    assert "SSL" in refused_connection(emulator, ssl=True)


# Data frames and files


def test_data_frames_are_written_and_fetched(lake: Lake) -> None:
    lake.run("create table t (n int, word varchar(5))")
    cursor = lake.connection.cursor()
    frame = pd.DataFrame({"n": [1, 2], "word": ["a", "b"]})
    cursor.write_dataframe(frame, f"{lake.schema}.t")
    cursor.execute("select n, word from t order by n")
    pd.testing.assert_frame_equal(cursor.fetch_dataframe(), frame, check_dtype=False)
    cursor.execute("select n from t order by n")
    assert cursor.fetch_numpy_array().tolist() == [[1], [2]]


def test_csv_file_is_inserted_in_batches(lake: Lake, tmp_path: Path) -> None:
    lake.run("create table t (n int, word varchar(5))")
    path = tmp_path / "rows.csv"
    path.write_text("word;skipped;n\na;-;1\nb;-;2\nc;-;3\n")
    cursor = lake.connection.cursor()
    cursor.insert_data_bulk(
        filename=str(path),
        table_name=f"{lake.schema}.t",
        parameter_indices=[2, 0],
        column_names=["n", "word"],
        delimiter=";",
        batch_size=2,
    )
    assert lake.rows("select * from t order by n") == [(1, "a"), (2, "b"), (3, "c")]
    with pytest.raises(redshift_connector.InterfaceError, match="Invalid column name"):
        cursor.insert_data_bulk(str(path), "t", [0], ["nothing"], ";")


def test_names_may_contain_any_non_ascii_character(lake: Lake) -> None:
    names = ["áppleṣ", "passion⁘fruit", "papaya\u205f", "author\u200e"]
    cursor = lake.connection.cursor()
    cursor.execute(f"create temp table fruits ({', '.join(f'{name} int' for name in names)})")
    cursor.execute(f"select {', '.join(names)} from fruits")
    assert [column[0] for column in cursor.description] == names


def test_names_fold_only_ascii_letters(lake: Lake) -> None:
    lake.run('create temp table t (ÁB int, "ÖD" int)')
    cursor = lake.connection.cursor()
    cursor.execute('select Áb, "Öd" from t')
    assert [column[0] for column in cursor.description] == ["Áb", "Öd"]


# Sessions


def test_connection_log_names_the_driver_and_the_application(emulator: Emulator) -> None:
    with connection_to(emulator, application_name="logged") as connection:
        cursor = connection.cursor()
        cursor.execute("select pg_backend_pid()")
        [pid] = cursor.fetchone()
    events = "select trim(event) from stl_connection_log where pid = %s and application_name = %s"
    with connection_to(emulator) as connection:
        driver = redshift_connector.DriverInfo.driver_full_name()
        cursor = connection.cursor()
        cursor.execute(
            f"{events} and driver_version = %s order by recordtime", (pid, "logged", driver)
        )
        assert [event for (event,) in cursor.fetchall()] == [
            "authenticated",
            "initiating session",
            "disconnecting session",
        ]


def test_connection_log_is_for_superusers_only(lake: Lake) -> None:
    user = f"{lake.schema}_user"
    lake.run(f"create user {user} password disable")
    lake.run(f"set session authorization {user}")
    for view in ("stl_connection_log", "sys_connection_log"):
        assert lake.refusal(f"select 1 from {view}")["C"] == "42501"
    lake.run("reset session authorization")


def test_two_phase_commit_is_a_commit(lake: Lake) -> None:
    lake.run("create table t (a int)")
    with connection_to(lake.emulator) as connection:
        connection.tpc_begin("id")
        connection.cursor().execute(f"insert into {lake.schema}.t values (1)")
        connection.tpc_commit()
    assert lake.rows("select a from t") == [(1,)]


def test_system_defined_roles_are_granted_by_name(lake: Lake) -> None:
    user = f"{lake.schema}_user"
    lake.run(f"create user {user} password disable")
    lake.run(f"grant role sys:monitor to {user}")
    granted = f"select role_name from svv_user_grants where user_name = '{user}'"
    assert lake.rows(granted) == [("sys:monitor",)]
    lake.run(f"revoke role sys:monitor from {user}")
    assert lake.rows(granted) == []


# Metadata


@pytest.fixture
def based(lake: Lake) -> Lake:
    lake.run("create table songs (song_id varchar(18), year smallint, primary key (song_id))")
    lake.run(
        "create table plays (id bigint identity(1,1), at timestamp not null, song varchar(18)"
        " references songs (song_id), seconds decimal(10,3), primary key (id, at))"
    )
    lake.run("create view played as select song from plays")
    lake.run("create function twice(n bigint) returns int stable as $$ select 2 $$ language sql")
    return lake


Metadata = Callable[[redshift_connector.Cursor, str], Any]


@pytest.mark.parametrize(
    ("call", "columns", "expected"),
    [
        (lambda c, s: c.get_catalogs(), [0], [("dev",)]),
        (lambda c, s: c.get_schemas(schema_pattern=s), [1], [("dev",)]),
        (
            lambda c, s: c.get_tables(schema_pattern=s),
            [2, 3],
            [("played", "VIEW"), ("plays", "TABLE"), ("songs", "TABLE")],
        ),
        (lambda c, s: c.get_tables(schema_pattern=s, types=["VIEW"]), [2], [("played",)]),
        (lambda c, s: c.get_tables(None, s, "s%", ["TABLE"]), [2], [("songs",)]),
        (
            lambda c, s: c.get_columns(schema_pattern=s, tablename_pattern="plays"),
            [3, 5, 6, 8, 16, 17, 22],
            [
                ("id", "int8", 19, 0, 1, "NO", "YES"),
                ("at", "timestamp", 29, 6, 2, "NO", "NO"),
                ("song", "varchar", 18, 0, 3, "YES", "NO"),
                ("seconds", "numeric", 10, 3, 4, "YES", "NO"),
            ],
        ),
        (lambda c, s: c.get_columns("dev", s, "plays", "s%"), [3], [("song",), ("seconds",)]),
        (
            lambda c, s: c.get_primary_keys(schema=s, table="plays"),
            [2, 3, 4, 5],
            [("plays", "id", 1, "plays_pkey"), ("plays", "at", 2, "plays_pkey")],
        ),
        (
            lambda c, s: c.get_imported_keys("dev", s, "plays"),
            [2, 3, 6, 7, 8, 11, 12],
            [("songs", "song_id", "plays", "song", 1, "plays_song_fkey", "songs_pkey")],
        ),
        (
            lambda c, s: c.get_exported_keys("dev", s, "songs"),
            [2, 3, 6, 7],
            [("songs", "song_id", "plays", "song")],
        ),
        (lambda c, s: c.get_exported_keys("dev", s, "plays"), [2], []),
        (
            lambda c, s: c.get_best_row_identifier("dev", s, "songs", 1, True),
            [1, 3, 4],
            [("song_id", "varchar", 18)],
        ),
        (
            lambda c, s: c.get_functions("dev", s),
            [2, 5],
            [("twice", "twice(bigint)")],
        ),
        (
            lambda c, s: c.get_function_columns("dev", s, "tw%"),
            [2, 3, 4, 6, 14],
            [("twice", "", 4, "int4", 0), ("twice", "n", 1, "int8", 1)],
        ),
        (lambda c, s: c.get_procedures("dev", s), [2], []),
        (lambda c, s: c.get_procedure_columns("dev", s), [2], []),
        (lambda c, s: [row for row in c.get_table_types() if row == ["TABLE"]], [0], [("TABLE",)]),
    ],
)
def test_driver_metadata_calls_find_the_objects(
    based: Lake, call: Metadata, columns: list[int], expected: list[tuple[object, ...]]
) -> None:
    rows = call(based.connection.cursor(), based.schema)
    assert [tuple(row[column] for column in columns) for row in rows] == expected


def test_privileges_are_listed_by_table_and_column(based: Lake) -> None:
    based.run(f"create group {based.schema}_readers")
    based.run(f"grant select on plays to group {based.schema}_readers")
    based.run(f"grant update (song) on plays to group {based.schema}_readers")
    cursor = based.connection.cursor()
    tables = cursor.get_table_privileges("dev", based.schema, "plays")
    reader = f"{based.schema}_readers"
    assert [row[5] for row in tables if row[4] == reader] == ["SELECT"]
    columns = cursor.get_column_privileges("dev", based.schema, "plays", "%")
    assert [(row[3], row[5], row[6]) for row in columns] == [("song", reader, "UPDATE")]


def test_grants_show_all_privileges_of_redshift_and_none_of_the_owner(based: Lake) -> None:
    role, admin, user = (f"{based.schema}_{name}" for name in ("role", "admin", "user"))
    based.run(f"create role {role}")
    based.run(f"create user {user} password disable")
    based.run(f"create user {admin} password disable")
    based.run(f"grant usage on schema {based.schema} to {admin}")
    based.run(f"grant all on plays to {admin} with grant option")
    based.run(f"set session authorization {admin}")
    based.run(f"grant select on plays to {user}")
    based.run("reset session authorization")
    based.run(f"grant select on plays to role {role}")
    owner = based.emulator.user
    granted = based.connection.cursor().get_table_privileges("dev", based.schema, "plays")
    assert {row[5] for row in granted if row[3:5] == [owner, admin]} == {
        *("ALTER", "DELETE", "DROP", "INSERT", "REFERENCES"),
        *("RULE", "SELECT", "TRIGGER", "TRUNCATE", "UPDATE"),
    }
    assert [row[3:5] for row in granted if row[5] == "SELECT"] == [
        [admin, user],
        [owner, admin],
        [owner, role],
    ]
    assert {row[4] for row in granted} == {admin, user, role}


def test_column_grant_keeps_the_case_of_its_column(lake: Lake) -> None:
    lake.run("set enable_case_sensitive_identifier to true")
    lake.run('create table t ("Song" int)')
    lake.run('grant select ("Song"), update ("Song") on t to public')
    granted = lake.connection.cursor().get_column_privileges("dev", lake.schema, "t", "%")
    assert [row[3:7] for row in granted] == [
        ["Song", lake.emulator.user, "public", "SELECT"],
        ["Song", lake.emulator.user, "public", "UPDATE"],
    ]


def test_keys_are_named_after_their_first_column(lake: Lake) -> None:
    lake.run("create table places (a int, b int, primary key (a, b), unique (a), unique (a, b))")
    lake.run("create table visits (c int, d int, foreign key (c, d) references places (a, b))")
    keys = lake.connection.cursor().get_imported_keys("dev", lake.schema, "visits")
    assert [(row[7], row[11]) for row in keys] == [("c", "visits_c_fkey"), ("d", "visits_c_fkey")]
    lake.run("alter table places drop constraint places_a_key")
    lake.run("alter table places drop constraint places_a_key1")


def test_show_of_a_procedure_s_parameters_has_redshift_s_columns(lake: Lake) -> None:
    cursor = lake.connection.cursor()
    cursor.execute(f"show parameters of procedure dev.{lake.schema}.load(int)")
    assert [column[0] for column in cursor.description][2:5] == [
        "procedure_name",
        "parameter_name",
        "ordinal_position",
    ]
