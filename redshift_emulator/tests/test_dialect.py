"""The dialect as pairs of Redshift SQL and its result; each pair names the AWS page of its rule."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import jinja2
import psycopg2
import pytest
from dbt.include import redshift as dbt_redshift

from redshift_emulator.dialect import translate
from redshift_emulator.errors import RedshiftError
from redshift_emulator.server import Emulator
from redshift_emulator.statements import Copy, SessionSettings, Sql, Unload

Rows = list[tuple[Any, ...]]
Run = Callable[[str], Rows]


@pytest.fixture(scope="module")
def run(emulator: Emulator) -> Iterator[Run]:
    """Run statements in one session; return the rows of the last one."""
    connection = psycopg2.connect(
        host=emulator.host,
        port=emulator.port,
        user=emulator.user,
        password=emulator.password,
        dbname=emulator.database,
    )
    connection.autocommit = True

    def run(sql: str) -> Rows:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []

    run("create temp table plays (g int, v int, s varchar(10), f float)")
    run(
        "insert into plays values "
        "(1, 1, 'a', 1.5), (1, 2, null, 2.5), (1, 4, 'c', 3), (2, null, 'z', null), "
        "(2, 5, 'y', 1)"
    )
    yield run
    connection.close()


def only(sql: str, settings: SessionSettings | None = None) -> Any:
    [statement] = translate(sql, settings or SessionSettings())
    return statement


def raises(sqlstate: str, message: str) -> Any:
    return pytest.raises(
        (RedshiftError, psycopg2.Error),
        check=lambda error: (
            getattr(error, "sqlstate", getattr(error, "pgcode", None)) == sqlstate
            and message in str(error)
        ),
    )


def values(page: str, *pairs: tuple[str, Any]) -> list[Any]:
    return [pytest.param(sql, value, id=f"{page}: {sql}") for sql, value in pairs]


VALUES = [
    *values(
        "DATEADD function",
        ("dateadd(month, 1, '2005-04-30')", datetime(2005, 5, 30)),
        ("dateadd('qtr', 1, '2020-01-31')", datetime(2020, 4, 30)),
        ("dateadd(ms, 1541121934796, '1970-01-01')", datetime(2018, 11, 2, 1, 25, 34, 796000)),
        ("dateadd(day, -1, date '2020-03-01')", datetime(2020, 2, 29)),
    ),
    *values(
        "DATEDIFF function",
        ("datediff(year, '2019-12-31', '2020-01-01')", 1),
        ("datediff(qtr, '2019-12-31', '2020-04-01')", 2),
        ("datediff(month, '2020-01-31', '2020-02-01')", 1),
        ("datediff(week, '2009-01-01', '2009-12-31')", 52),
        ("datediff(day, date '2020-01-01', date '2020-03-01')", 60),
        ("datediff(hour, '2020-01-01 00:59', '2020-01-01 01:01')", 1),
        ("datediff(minute, '2020-01-01 01:01:01', '2020-01-01 00:59:59')", -2),
        ("datediff(ms, '1970-01-01', '2018-11-02 01:25:34.796')", 1541121934796),
        ("datediff(s, time '00:00:01', time '00:01:00')", 59),
    ),
    *values(
        "Date parts for date or timestamp functions",
        ("extract(epoch from timestamp '2018-11-02 01:25:34.796')", 1541121934),
        ("extract(ms from timestamp '2018-11-02 01:25:34.796')", 796),
        ("date_part(dow, '2018-11-04')", 0.0),
        ("extract(weekday from date '2018-11-04')", 0),
        ("date_part('w', date '2018-11-04')", 44.0),
    ),
    *values(
        "DATE_TRUNC function", ("date_trunc('week', date '2018-11-04')", datetime(2018, 10, 29))
    ),
    *values("TRUNC function (date)", ("trunc(timestamp '2018-11-04 05:06')", date(2018, 11, 4))),
    *values(
        "GETDATE function",
        ("getdate() = date_trunc('second', getdate())", True),
        ("sysdate is not null", True),
    ),
    *values(
        "CONVERT_TIMEZONE function",
        ("convert_timezone('US/Pacific', '2018-11-02 01:00')", datetime(2018, 11, 1, 18)),
        ("convert_timezone('US/Eastern', 'UTC', '2018-11-02 01:00')", datetime(2018, 11, 2, 5)),
    ),
    *values("ADD_MONTHS function", ("add_months('2005-04-30', 1)", datetime(2005, 5, 31))),
    *values("LAST_DAY function", ("last_day('2020-02-03')", date(2020, 2, 29))),
    *values("NEXT_DAY function", ("next_day('2014-08-20', 'Tues')", date(2014, 8, 26))),
    *values("MONTHS_BETWEEN function", ("months_between('2020-03-31', '2020-02-29')", 1.0)),
    *values(
        "Datetime literals",
        (
            "timestamp 'epoch' + 1541121934 * interval '1 second'",
            datetime(2018, 11, 2, 1, 25, 34),
        ),
        ("date '2020-01-01' + 3", date(2020, 1, 4)),
        ("date '2020-01-03' - date '2020-01-01'", 2),
    ),
    *values(
        "Conditional expressions",
        ("nvl(null, 2)", 2),
        ("nvl2(null, 1, 2)", 2),
        ("decode(null, null, 'same', 'other')", "same"),
        ("decode(3, 1, 'a', 2, 'b')", None),
        ("decode(2, 1, 'a', 2, 'b', 'z')", "b"),
    ),
    *values(
        "String functions",
        ("len('été')", 3),
        ("octet_length('été')", 5),
        ("charindex('fish', 'dogfish')", 4),
        ("concat('a', null)", None),
        ("'a' || null", None),
        ("split_part('a$b$c', '$', 2)", "b"),
        ("trim(both 'x' from 'xax')", "a"),
        ("upper('é')", "É"),
        ("regexp_substr('abc', 'z')", ""),
        ("regexp_substr('the fox', '[a-z]+', 1, 2)", "fox"),
        ("regexp_replace('a.b.c', '\\\\.', '-')", "a-b-c"),
        ("regexp_count('abcabc', 'b')", 2),
        ("regexp_instr('abc', 'c')", 3),
        ("regexp_substr('ab12', '[a-z](?=[0-9])', 1, 1, 'p')", "b"),
        ("strtol('-777', 8)", -511),
        ("strtol('0x1F', 16)", 31),
    ),
    *values(
        "Hash functions",
        ("md5('abc')", "900150983cd24fb0d6963f7d28e17f72"),
        ("sha1('abc')", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("func_sha1(repeat('a', 120))", "f34c1488385346a55709ba056ddd08280dd4c6d6"),
        ("left(sha2('abc', 256), 8)", "ba7816bf"),
        ("crc32('Amazon Redshift')", "f2726906"),
        ("fnv_hash('foo')", -2543842089295555209),
    ),
    *values(
        "JSON functions",
        ("json_extract_path_text('{\"a\": {\"b\": \"x\"}}', 'a', 'b')", "x"),
        ("json_extract_path_text('{\"a\": 1}', 'b')", None),
        ("json_extract_path_text('no json', 'b', true)", None),
        ("json_extract_array_element_text('[11, 12]', 1)", "12"),
        ("json_extract_array_element_text('[11, 12]', -1)", None),
        ("json_array_length('[11, 12]')", 2),
        ("is_valid_json('{\"a\": 1}')", True),
        ("is_valid_json('a')", False),
    ),
    *values(
        "Character types",
        ("'ééé'::varchar(5)", "éé"),
        ("cast(12345 as varchar(2))", "12"),
        ("len('abc'::varchar)", 3),
        ("len(repeat('a', 300)::text)", 300),
    ),
    *values(
        "Character types: significance of trailing blanks",
        ("'a' = 'a '", True),
        ("'a' < 'a '", False),
        ("'a' in ('b', 'a  ')", True),
        ("nullif('  ', '')", None),
        ("len('a ')", 2),
        ("'a ' like 'a'", False),
    ),
    *values("REPLICATE function", ("replicate('ab', 2)", "abab")),
    *values(
        "Numeric types",
        ("1.5::decimal", Decimal(2)),
        ("7 / 2", 3),
        ("-7 % 3", -1),
        ("round(2.567::float, 2)", 2.57),
        ("trunc(1.567, 2)", Decimal("1.56")),
    ),
    *values("TRY_CAST function", ("try_cast('x' as int)", None), ("try_cast('5' as int)", 5)),
    *values("CONVERT function", ("convert(int, '4')", 4)),
    *values(
        "String literals",
        (r"'a\'b'", "a'b"),
        (r"'a\\b'", r"a\b"),
        (r"'tab\there'", "tab\there"),
        ("'it''s'", "it's"),
        ("$$it's$$", "it's"),
        ("'x' ~ '^\\\\w$'", True),
    ),
    *values(
        "Datetime types",
        ("'12:00:00+02'::timetz::varchar", "10:00:00+00"),
        ("'01:30:00+02'::timetz::varchar", "23:30:00+00"),
        ("'24:00:00'::time::varchar", "00:00:00"),
        ("'24:00:00+00'::timetz::varchar", "00:00:00+00"),
        ("try_cast('12:00:00-01' as timetz)::varchar", "13:00:00+00"),
        ("try_cast('noon' as timetz)::varchar", None),
        ("current_time is not null", True),
    ),
    *values(
        "VARBYTE type",
        ("'abc'::varbyte", "616263"),
        ("'é\\\\x'::varbyte", "c3a95c78"),
        ("'abc'::varbyte(2)", "6162"),
        ("cast('ab'::char(4) as varbinary)", "61622020"),
        ("5::smallint::varbyte", "0005"),
        ("5::int::varbyte", "00000005"),
        ("5::bigint::varbyte", "0000000000000005"),
        ("from_hex('0005')::int", 5),
        ("to_varbyte('6162', 'hex')::varchar", "ab"),
        ("try_cast('abc' as varbyte)", "616263"),
        ("null::varbyte", None),
        ("''::varbyte", ""),
    ),
    *values(
        "VARBYTE operators",
        ("'a'::varbyte < 'b'::varbyte", True),
        ("'a'::varbyte || 'b'::varbyte", "6162"),
    ),
    *values(
        "TO_VARBYTE function",
        ("to_varbyte('6162', 'HEX')", "6162"),
        ("to_varbyte('4', 'hex')", "04"),
        ("to_varbyte('01001101', 'binary')", "4d"),
        ("to_varbyte('101001101', 'binary')", "014d"),
        ("to_varbyte('a', 'utf-8')", "61"),
        ("to_varbyte('YWI=', 'base64')", "6162"),
    ),
    *values(
        "FROM_VARBYTE function",
        ("from_varbyte('ab', 'hex')", "6162"),
        ("from_varbyte(from_hex('4d'), 'binary')", "01001101"),
        ("from_varbyte('é'::varbyte, 'utf8')", "é"),
    ),
    *values(
        "VARBYTE functions",
        ("from_hex('6162')", "6162"),
        ("to_hex('abc'::varbyte)", "616263"),
        ("to_hex(2147676847)", "8002f2af"),
        ("concat('a'::varbyte, 'b'::varbyte)", "6162"),
        ("len('é'::varbyte) + octet_length('é'::varbyte)", 4),
        ("substring('abc'::varbyte, 2, 1)", "62"),
    ),
    *values("SHOW", ("current_setting('wlm_query_slot_count')", "1")),
]


@pytest.mark.parametrize(("sql", "value"), VALUES)
def test_expressions_have_redshift_s_values(run: Run, sql: str, value: object) -> None:
    assert run(f"select {sql}") == [(value,)]


AGGREGATES = [
    *values(
        "Character types: significance of trailing blanks",
        ("select count(*), count(distinct s || '') from plays where s = 'a  '", [(1, 1)]),
        (
            "select count(distinct s) from (select s from plays where v = 1 union all select 'a ')",
            [(1,)],
        ),
        (
            "select count(*) from (select s, count(*) from (select s from plays where v = 1 "
            "union all select 'a ') as both_of_them group by s) as grouped",
            [(1,)],
        ),
        (
            "select count(*) from plays"
            " join (select 'c  '::varchar as s) as spaced on plays.s = spaced.s",
            [(1,)],
        ),
    ),
    *values(
        "Aggregate functions",
        ("select avg(v), avg(v::bigint), avg(f) from plays", [(3, 3, 2.0)]),
        ("select median(v), approximate count(distinct g) from plays", [(3.0, 2)]),
        (
            "select g, listagg(s, '|') within group (order by s desc) from plays group "
            "by g order by 1",
            [(1, "c|a"), (2, "z|y")],
        ),
        ("select listagg(distinct g, ',') within group (order by g) from plays", [("1,2",)]),
        (
            "select median(v), percentile_cont(0.25) within group (order by V asc) from plays",
            [(3.0, 1.75)],
        ),
    ),
    *values(
        "GROUP BY clause",
        ("select count(*), g, g + 1 from plays group by all order by g", [(3, 1, 2), (2, 2, 3)]),
        ("select sum(v) from plays group by all", [(12,)]),
        (
            "select g, rank() over (order by sum(v)) from plays group by all order by 2, 1",
            [(2, 1), (1, 2)],
        ),
    ),
    *values(
        "Window functions",
        (
            "select v, ratio_to_report(v) over (partition by g) from plays where g = 2 order by v",
            [(5, 1.0), (None, None)],
        ),
        (
            "select last_value(s ignore nulls) over (order by v rows unbounded preceding) "
            "from plays where g = 1 order by v",
            [("a",), ("a",), ("c",)],
        ),
        (
            "select lag(s) ignore nulls over (order by v) from plays where g = 1 order by v",
            [(None,), ("a",), ("a",)],
        ),
        (
            "select median(v) over (partition by g), "
            "listagg(s, ',') within group (order by v) over (partition by g) from plays "
            "where v = 5",
            [(5.0, "y")],
        ),
    ),
    *values(
        "QUALIFY clause",
        (
            "select g, v as best from plays qualify rank() over (partition by g order by v) = 1 "
            "order by g desc limit 5",
            [(2, 5), (1, 1)],
        ),
        (
            "select * from plays p where v is not null "
            "qualify row_number() over (partition by g order by v desc) = 1 order by v",
            [(1, 4, "c", 3.0), (2, 5, "y", 1.0)],
        ),
        (
            "with q as (select g from plays) select distinct q.*, g + 1 as next from q "
            "qualify dense_rank() over (order by g) = 1",
            [(1, 2)],
        ),
        ("select v, row_number() over (order by v) as n from plays qualify n = 2", [(2, 2)]),
    ),
    *values(
        "SELECT",
        ("select top 1 v from plays order by v", [(1,)]),
        ("select g from plays minus select 1", [(2,)]),
        ('select "V" from "PLAYS" where "V" = 1', [(1,)]),
        (
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < 3) "
            "select max(i) from n",
            [(3,)],
        ),
    ),
    *values(
        "SELECT list: a name of the list counts from where it is defined",
        (
            "select v * 2 as twice, twice + 1 as more, more * 10 from plays where v = 4",
            [(8, 9, 90)],
        ),
        # a column of FROM comes first
        ("select v + 1 as g, g from plays where v = 4", [(5, 1)]),
        ("select p.v + 1 as g, p.g, g from (select g, v from plays) p where v = 4", [(5, 1, 1)]),
        ("select v + 1 as g, g as h from (select v from plays) p where v = 4", [(5, 5)]),
        (
            "with a as (select * from plays), b as (select v, v + 1 as s from a where v = 4) "
            "select s, -s as g, g as h, v + 1 as s, s from b",
            [(5, -5, -5, 5, 5)],
        ),
        ("with a as (select * from plays) select v + 1 as g, g from a where v = 4", [(5, 1)]),
        (
            "with a as (select * from plays) select v + 1 as n, n from a p join a q using (v) "
            "where v = 4",
            [(5, 5)],
        ),
        # aggregates, window functions, nested queries, and clauses behind the list
        (
            "select g, count(*) as n, sum(v) as total, total / n as mean from plays group by g "
            "order by mean, g",
            [(1, 3, 7, 2), (2, 2, 5, 2)],
        ),
        (
            "select g % 2 as odd, row_number() over (partition by odd order by v) as n, n + odd "
            "from plays where v is not null qualify n = 2 order by odd",
            [(1, 2, 3)],
        ),
        (
            "select upper(S) as s, s || '!' as loud, LOUD from plays where v = 4",
            [("C", "c!", "c!")],
        ),
        (
            "select * from (select v as a, a + 1 as b from plays where v = 4 "
            "union all select 1 as c, c + 1)",
            [(4, 5), (1, 2)],
        ),
        ("select 'x' as a, a || 'y' as b, b", [("x", "xy", "xy")]),
        ("select count(*) as plays, plays + 1 from plays", [(5, 6)]),
    ),
    *values(
        "Correlated subqueries",
        (
            "select v from plays a where v = (select max(v) from plays b where a.g = "
            "b.g) order by 1",
            [(4,), (5,)],
        ),
    ),
]


@pytest.mark.parametrize(("sql", "rows"), AGGREGATES)
def test_queries_return_redshift_s_rows(run: Run, sql: str, rows: Rows) -> None:
    assert run(sql) == rows


def refused(page: str, sqlstate: str, message: str, *statements: str) -> list[Any]:
    return [pytest.param(sql, sqlstate, message, id=f"{page}: {sql}") for sql in statements]


def syntax(page: str, near: str, *statements: str) -> list[Any]:
    return refused(page, "42601", f'syntax error at or near "{near}"', *statements)


REFUSED = [
    *syntax("INSERT", "ON", "insert into t values (1) on conflict do nothing"),
    *syntax(
        "Unsupported PostgreSQL features",
        "RETURNING",
        "insert into t values (1) returning a",
        "delete from t returning a",
    ),
    *syntax("Unsupported PostgreSQL features", "VALUES", "select * from (values (1)) as t(a)"),
    *syntax("FROM clause", "LATERAL", "select 1 from t, lateral (select 1) as x"),
    *syntax("Names and identifiers", "=", "select a from t where\N{NO-BREAK SPACE}a = 1"),
    *syntax("Aggregate functions", "(", "select count(*) filter (where a) from t"),
    *syntax("SELECT", "WINDOW", "select sum(a) over w from t window w as (partition by b)"),
    *syntax("WITH clause", "AS", "with d as (delete from t) select 1"),
    *syntax("UNION, INTERSECT, EXCEPT", "ALL", "select 1 intersect all select 1"),
    *syntax(
        "WITH clause", "MATERIALIZED", "with d as materialized (select 1 as a) select a from d"
    ),
    *syntax("SELECT list", "FROM", "select from t", "select 1 where exists (select from t)"),
    *syntax("FROM clause", "ONLY", "select a from only t", "delete from only t"),
    *syntax("FROM clause", "WITH", "select * from f(1) with ordinality"),
    *syntax("Aggregate functions", "ORDER", "select any_value(a order by b) from t"),
    *syntax("BETWEEN range condition", "SYMMETRIC", "select a between symmetric 2 and 1 from t"),
    *syntax("UPDATE", "(", "update t set (a, b) = (select 1, 2)"),
    *syntax("INSERT", "AS", "insert into t as u (a) values (1)"),
    *refused("SELECT list", "42703", 'column "ctid" does not exist', "select ctid from t"),
    *refused(
        "Unsupported PostgreSQL functions",
        "42703",
        'column "current_',
        "select current_catalog",
        "select current_role",
    ),
    *syntax(
        "Unsupported PostgreSQL functions", "placing", "select overlay('a' placing 'b' from 1)"
    ),
    *refused(
        "UPDATE",
        "0A000",
        "Target table must be part of an equijoin predicate",
        "update t set a = 1 from u left join v on u.a = v.a where t.b = u.b",
    ),
    *refused(
        "Window function syntax summary",
        "0A000",
        "String literals are not supported",
        "select rank() over (partition by 'x' order by a) from t",
        "select rank() over (order by 'x') from t",
    ),
    *refused(
        "POSIX operators",
        "XX000",
        "Invalid preceding regular expression",
        "select a from t where a ~ '(?=b)'",
        "select regexp_replace(a, '(?:b)', 'c') from t",
        "select regexp_count(a, '(?!b)', 1, 'i') from t",
    ),
    *refused(
        "CREATE TABLE",
        "42601",
        "A table may have one",
        "create table t (a int distkey, b int distkey)",
        "create table t (a int sortkey, b int) sortkey (b)",
    ),
    *syntax("CREATE TABLE", ",", "create table t (a int, b int) distkey (a, b)"),
    *refused(
        "CREATE TABLE",
        "22023",
        "must be INT or BIGINT",
        "create table t (a smallint identity(1, 1))",
        "create table t (a varchar generated by default as identity(1, 1))",
    ),
    *refused(
        "Compression encodings",
        "42601",
        "is not supported for column",
        "create table t (a boolean encode az64)",
        "create table t (a int encode text255)",
    ),
    *refused("POSIX operators", "42883", "operator does not exist: ~*", "select a !~* 'b' from t"),
    *refused("LIKE", "42883", "operator does not exist: ^@", "select a ^@ 'b' from t"),
    *refused(
        "SUBSTRING function",
        "42883",
        "substring",
        "select substring(a, 'b.') from t",
        "select substring(a from 'b.') from t",
        "select substring(a from '%' for '#') from t",
    ),
    *refused(
        "LAG window function",
        "0A000",
        "Default parameter not be supported for window function lag",
        "select lag(a, 1, 0) over (order by a) from t",
    ),
    *refused(
        "LEAD window function",
        "42601",
        "Window function lead requires an ORDER BY clause",
        "select lead(a) over (partition by b) from t",
    ),
    *refused(
        "Window function syntax summary",
        "42601",
        "cannot have a frame clause",
        "select row_number() over (order by a rows unbounded preceding) from t",
        "select lag(a) over (order by a rows unbounded preceding) from t",
    ),
    *refused(
        "Numeric types",
        "22023",
        "DECIMAL scale",
        "select a::decimal(38, 38) from t",
        "create table t (a decimal(5, 7))",
    ),
    *refused(
        "Leader node-only functions",
        "0A000",
        "not supported on Redshift tables",
        "create table t as select current_timestamp as a from u",
        "create table t as select generate_series(1, 3) as a",
        "select now() as a into t from u",
    ),
    *refused(
        "CHECKSUM function",
        "0A000",
        "The emulator does not support CHECKSUM",
        "select checksum(a) from t",
    ),
    *syntax("Reserved words", "raw", "select * from raw.events", "create schema raw"),
    *syntax("Reserved words", "tag", "create table t (tag int)", "select tag from t"),
    *syntax("CREATE TABLE AS", "as", "create table if not exists t as select 1"),
    *syntax(
        "Data types",
        "(",
        "create table t (a timestamp(3))",
        "create table t (a int(11))",
        "select a::timestamp(3) from t",
    ),
    *syntax("DELETE", "d", "delete from t as d where a = 1"),
    *syntax("ALTER TABLE", ",", "alter table t add column a int, add column b int"),
    *syntax("CREATE TABLE", "|", "create table t (a | b int)"),
    *syntax("CREATE TABLE", "inherits", "create table t (a int) inherits (u)"),
    *syntax("CREATE TABLE", "partition", "create table t (a int) partition by range (a)"),
    *syntax(
        "Unsupported PostgreSQL features",
        "create",
        "create index i on t (a)",
        "create unique index i on t (a)",
        "create sequence s",
        "create domain d as int",
        "create type e as enum ('a')",
        "create trigger g before insert on t execute function f()",
        "create rule r as on insert to t do nothing",
        "create tablespace s location 'x'",
        "create extension e",
    ),
    *syntax("Unsupported PostgreSQL features", "listen", "listen channel"),
    *syntax("Unsupported PostgreSQL features", "notify", "notify channel"),
    *syntax("EXPLAIN", "analyze", "explain analyze select 1"),
    *refused(
        "Unsupported PostgreSQL features",
        "0A000",
        "CHECK constraints are not supported",
        "create table t (a int, check (a > 1))",
        "create table t (a int, constraint c check (a > 1))",
        "alter table t add constraint c check (a > 1)",
    ),
    *refused("COPY", "0A000", "COPY FROM STDIN is not supported", "copy t from stdin"),
    *refused(
        "SELECT list",
        "0A000",
        "SELECT DISTINCT ON is not supported",
        "select distinct on (a) b from t",
    ),
    *refused("SELECT", "0A000", "SELECT FOR UPDATE is not supported", "select a from t for update"),
    *refused(
        "WITH clause",
        "42601",
        "recursive CTE must have a column name list",
        "with recursive n as (select 1 as i union all select i + 1 from n) select * from n",
    ),
    *refused(
        "Window function syntax summary",
        "42601",
        "Aggregate window functions with an ORDER BY clause require a frame clause",
        "select sum(a) over (order by b) from t",
        "select first_value(a) over (partition by b order by c) from t",
    ),
    *refused(
        "Window function syntax summary",
        "0A000",
        "window frames other than ROWS are not supported",
        "select sum(a) over (order by b range unbounded preceding) from t",
    ),
    *refused(
        "Correlated subqueries",
        "0A000",
        "This type of correlated subquery pattern is not supported yet",
        "select * from a where exists (select 1 from b where not exists (select 1 from c "
        "where c.i = a.i))",
        "select * from a left join b on a.i = b.i and b.j = (select max(c.j) from c "
        "where c.i = b.i)",
        "select * from a where j in (select sum(k) over () from b where a.i = b.i)",
        "select (select c.j from c where c.i = a.i limit 1) from a",
    ),
    *refused(
        "Leader node-only functions",
        "0A000",
        "not supported on Redshift tables",
        "select generate_series(1, 3) from t",
        "select now() from t",
        "select current_timestamp, a from t",
        "insert into t select generate_series(1, 3)",
    ),
    *refused(
        "Unsupported PostgreSQL data types",
        "0A000",
        "has unsupported type",
        "create table t (a uuid)",
        "create table t (a serial)",
        "create table t (a int[])",
        "create table t (a bytea)",
        "alter table t add column a money",
    ),
    *refused(
        "Data types",
        "42704",
        'type "jsonb" does not exist',
        "create table t (a jsonb)",
        "select a::jsonb",
    ),
    *refused(
        "Character types",
        "22023",
        "cannot exceed 65535",
        "create table t (a varchar(65536))",
        "select 'a'::varchar(70000)",
    ),
    *refused("Numeric types", "22023", "between 1 and 38", "create table t (a decimal(39, 2))"),
    *refused(
        "MERGE",
        "42601",
        "MERGE needs one WHEN MATCHED and one WHEN NOT MATCHED clause",
        "merge into t using s on t.a = s.a when matched then delete",
    ),
    *syntax(
        "MERGE",
        "AND",
        "merge into t using s on t.a = s.a when matched and s.b then delete "
        "when not matched then insert values (1)",
    ),
    *refused(
        "CREATE VIEW",
        "42601",
        "should be qualified when creating VIEW WITH NO SCHEMA BINDING",
        "create view v as select * from t with no schema binding",
    ),
    *refused(
        "ALTER TABLE",
        "0A000",
        "ALTER COLUMN TYPE",
        "alter table t alter column a type int",
    ),
    *refused(
        "ALTER TABLE",
        "0A000",
        "SET NOT NULL is not supported",
        "alter table t alter column a set not null",
    ),
    *refused(
        "ALTER TABLE",
        "0A000",
        "ALTER COLUMN SET/DROP DEFAULT is not supported",
        "alter table t alter column a drop default",
        "alter table t alter column a set default 1",
    ),
    *refused(
        "ALTER TABLE",
        "0A000",
        "must have a non-null default expression",
        "alter table t add column a int not null",
    ),
    *refused(
        "ALTER TABLE",
        "0A000",
        "ALTER TABLE ADD COLUMN does not support",
        "alter table t add column a int identity(1, 1)",
        "alter table t add a int unique",
    ),
    *refused("SET", "42704", "unrecognized configuration parameter", "set work_mem to '1GB'"),
    *refused(
        "extra_float_digits",
        "22023",
        'outside the valid range for parameter "extra_float_digits" (-15 .. 2)',
        "set extra_float_digits to 3",
        "set extra_float_digits = '-16'",
    ),
    *refused(
        "COPY",
        "0A000",
        "does not support the option PARQUET",
        "copy t from 's3://b/k' format as parquet",
    ),
    *refused(
        "CREATE PROCEDURE",
        "0A000",
        "does not support CREATE PROCEDURE",
        "create procedure p() as $$ $$",
    ),
    *refused("Data types", "42704", 'type "string" does not exist', "select a::string from t"),
    *syntax("Pattern-matching conditions", "'x'", "select a rlike 'x' from t"),
    *syntax("Boolean type", "IS", "select a is json from t"),
    *syntax("SELECT", "from", "from t select a"),
    *refused("EXCLUDE list", "0A000", "does not support EXCLUDE", "select * exclude (a) from t"),
    *refused(
        "GROUP BY clause",
        "0A000",
        "does not support GROUP BY ALL of a star",
        "select * from t group by all",
    ),
    *refused(
        "MEDIAN function",
        "0A000",
        "within group ORDER BY clauses for aggregate functions must be the same",
        "select median(a), median(b) from t",
        "select median(a), listagg(a) within group (order by a desc) from t",
    ),
    *refused(
        "MERGE",
        "0A000",
        "does not support MERGE … REMOVE DUPLICATES",
        "merge into t using s on t.a = s.a remove duplicates",
    ),
    *refused(
        "Names and identifiers",
        "0A000",
        "does not support names longer than 63 bytes",
        f"select {'a' * 64} from t",
        f"create table {'a' * 64} (a int)",
    ),
    *refused(
        "Leader node-only functions",
        "42883",
        "pg_catalog.array_agg",
        "select pg_catalog.array_agg(a) from t",
    ),
    *refused(
        "Unsupported PostgreSQL features",
        "42883",
        "",
        "select array_agg_of from t where a @> b",
        "select * from unnest(a)",
    ),
    *refused(
        "SUPER type", "0A000", "The emulator does not support SUPER", "create table t (a super)"
    ),
    *refused(
        "Interval data types",
        "0A000",
        "The emulator does not support INTERVAL columns",
        "create table t (a interval year to month)",
        "alter table t add column a interval day to second",
    ),
    *refused(
        "Data types",
        "0A000",
        "The emulator does not support GEOMETRY",
        "create table t (a geometry)",
        "select a::geometry from t",
    ),
    *refused(
        "UPDATE", "0A000", "does not support SET column = DEFAULT", "update t set a = default"
    ),
    *refused(
        "CREATE TABLE",
        "0A000",
        "The emulator does not support COLLATE CASE_INSENSITIVE",
        "create table t (a varchar collate case_insensitive)",
    ),
    *refused(
        "CREATE IDENTITY PROVIDER",
        "0A000",
        "does not support CREATE IDENTITY",
        "create identity provider p",
    ),
    *refused(
        "SET",
        "0A000",
        "not support SET TRANSACTION",
        "set transaction isolation level serializable",
    ),
    *refused(
        "Data types",
        "0A000",
        "The emulator does not support GEOGRAPHY",
        "select a::geography from t",
    ),
    *refused(
        "HLLSKETCH type", "0A000", "does not support HLLSKETCH", "create table t (a hllsketch)"
    ),
]


@pytest.mark.parametrize(("sql", "sqlstate", "message"), REFUSED)
def test_unsupported_sql_is_refused_with_its_error(sql: str, sqlstate: str, message: str) -> None:
    with raises(sqlstate, message):
        translate(sql, SessionSettings())


UNTYPED = [
    (
        "with a as (select 'i' as k, count(*) as n from t) select * from a"
        " union all select y, 1 from u",
        "XX000",
        "to text",
    ),
    (
        "with a as (select 'i' as k, y from t limit 1) select k from a union select y from u",
        "XX000",
        "to text",
    ),
    (
        "with cte_test as (select 'test' as database_name, 10 as num_events) select"
        " database_name, num_events from cte_test order by database_name",
        "XX000",
        "to text",
    ),
    ("select a from (select 'x' as a, 'y' as b) s where a != b", "XX000", "to text"),
    ("select min(spend) from (select null as spend from t) s group by 1", "XX000", "to text"),
    ("select upper(x) from (select 'a' as x) s", "XX000", "to text"),
    ("select x || 'b' from (select 'a' as x) s", "XX000", "to text"),
    ("select cast(x as varchar(5)) from (select 'a' as x) s", "XX000", "to character varying"),
    ("select x::int from (select null as x) s", "XX000", "to integer"),
    ("select x from (select 'a' as x) s union all select y from t", "XX000", "to text"),
    ("select 'a' as x union all select x from (select 'a' as x) s", "XX000", "to text"),
    ("select distinct x from (select 'a' as x) s", "XX000", "to text"),
    ("select x, count(*) from (select 'a' as x from t) s group by x", "XX000", "to text"),
    ("select x, count(*) from (select 'a' as x from t) s group by 1", "XX000", "to text"),
    (
        "select count(distinct x) from (select 'a' as x from t) s",
        "42883",
        "could not identify an equality operator",
    ),
    ("insert into t select x from (select 'a' as x) s", "XX000", "to character varying"),
    ("update t set x = s.x from (select 'a' as x, 1 as n) s where t.id = s.n", "XX000", "to text"),
    ("select * from t join (select 'a' as x) s on s.x = t.x", "XX000", "to text"),
    ("select * from t join (select 'a' as x) s using (x)", "XX000", "to text"),
    (
        "with a as (select 'k' as x from t), b as (select * from a) select coalesce(x, 'z') from b",
        "XX000",
        "to text",
    ),
    (
        "select row_number() over (partition by x order by id) from (select 'a' as x, id from t) s",
        "XX000",
        "to text",
    ),
    ("select (select 'a') || 'b' from t", "XX000", "to text"),
    ("select t.y from (select 'a') s (x), t where s.x = t.y", "XX000", "to text"),
    ("delete from t using (select 'a' as x) s where s.x = t.x", "XX000", "to text"),
    (
        "merge into t using (select 'a' as x, 1 as id from u) s on t.id = s.id when"
        " matched then update set x = s.x when not matched then insert values (s.id,"
        " s.id)",
        "XX000",
        "to text",
    ),
    ("select * from (select 'a' as x) s where x in ('a', 'b')", "XX000", "to text"),
    ("select case x when 'a' then 1 end from (select 'a' as x) s", "XX000", "to text"),
    (
        "select y from t where exists (select 1 from (select 'a' as x) s where s.x = t.y)",
        "XX000",
        "to text",
    ),
]


@pytest.mark.parametrize(("sql", "sqlstate", "message"), UNTYPED)
def test_a_literal_has_no_type_outside_its_own_query(sql: str, sqlstate: str, message: str) -> None:
    with raises(sqlstate, message):
        translate(sql, SessionSettings())


TYPED = [
    "with a as (select 'i' as k, t.* from t left join u on t.i = u.i where u.i is null),"
    " b as (select 'u' as k, t.* from t) select * from a union all select * from b",
    "with a as (select 'i' as k, i from t), b as (select * from a)"
    " select x.k from b as x union all select y from u",
    "with c as (select 'a' as x) select x from c",
    "select x from (select 'a' as x) s",
    "select count(x), x is null from (select null as x) s group by 2",
    "select 'a' as x union all select 'b'",
    "with c as (select 'a' as x union all select 'b') select upper(x) from c where x"
    " = 'a' order by x",
    "with c as (select 'a'::varchar as x) select upper(x) from c order by x",
    "select 'my literal' as l, t.* from t order by l, id",
    "select s, count(*) from (select case when a then 'x' else 'y' end as s from t) u group by s",
    "select x = 'a' from (select distinct 'a' as x) s",
    "with c as (select 'a' as x, 1 as n from t group by x) select x || 'b' from c",
    "select * from (select 'a' as x, t.* from t) s where s.y = 'b'",
    "update t set x = s.n from (select 'a' as x, 1 as n) s where t.id = s.n",
    "insert into t select 'a', null",
    "insert into t select x from (select 'a' as x union select 'b') s",
    "create table t2 as select x from (select 'a' as x) s",
    "select * from t where exists (select 'a' from u where u.i = t.i)",
    "with recursive n (i, w) as (select 1, 'a' union all select i + 1, w || 'b' from"
    " n where i < 3) select i, w from n",
    "select t.x || 'a' from t join (select 'b' as x, 1 as id) s on s.id = t.id",
    "select dateadd(day, 1, d) from (select date '2020-01-01' as d) s",
    "select max(a) from (select a, null as b from t) s",
    "select x from (select 1 as x, 'a' as y) s (y, x)",
]


@pytest.mark.parametrize("sql", TYPED)
def test_a_literal_takes_its_type_from_its_own_query(sql: str) -> None:
    assert only(sql)


@pytest.mark.parametrize(
    ("sql", "sqlstate", "message"),
    [
        *refused("Unsupported PostgreSQL functions", "42883", "array_agg",
         "select array_agg(v) from plays"),
        *refused(
            "Unsupported PostgreSQL functions", "42883", "string_agg",
            "select string_agg(s, ',') from plays",
        ),
        *refused("Unsupported PostgreSQL functions", "42883", "to_json", "select to_json(1)"),
        *refused(
            "TO_TIMESTAMP function", "42883", "to_timestamp", "select to_timestamp(1541121934)"
        ),
        *refused(
            "Type compatibility and conversion", "42846", "cannot cast type boolean",
            "select (v > 1)::varchar from plays",
        ),
        *refused(
            "Unsupported PostgreSQL functions", "42883",
            'function format("unknown", integer) does not exist\n'
            "HINT:  No function matches the given name and argument types. You may need to",
            "select format('%s', 1)",
        ),
        *refused("STRTOL function", "22P02", "zz", "select strtol('zz', 10)"),
        *refused(
            "SPLIT_PART function", "22023", "greater than zero", "select split_part('a', ',', 0)"
        ),
        *refused(
            "JSON_EXTRACT_PATH_TEXT function", "XX000", "JSON parsing error",
            "select json_extract_path_text('no json', 'a')",
        ),
    ],
)  # fmt: skip
def test_errors_that_only_the_server_detects_are_refused_too(
    run: Run, sql: str, sqlstate: str, message: str
) -> None:
    with raises(sqlstate, message):
        run(sql)


def test_a_name_of_the_list_counts_wherever_a_query_may_stand(run: Run) -> None:
    run("create temp table doubled as select v * 2 as d, d + 1 as e from plays where v = 4")
    run("insert into doubled select e as x, x * 2 as y from doubled")
    run("create view shown as select v * 2 as d, d + 1 as e from (select 4 as v) as four")
    run("prepare tripled as select v * 3 as t, t + 1 from plays where v = 4")
    assert run("select * from doubled order by d") == [(8, 9), (9, 18)]
    assert run("select * from shown") == [(8, 9)]
    assert run("execute tripled") == [(12, 13)]
    run("begin")
    with raises("42703", 'column "w" does not exist'):
        run("select w as v, v from (select 1 as u) as one")
    with raises("25P02", "current transaction is aborted"):
        run("select v * 2 as twice, twice from plays")
    run("rollback; drop table doubled; drop view shown; deallocate tripled")


def test_a_name_of_the_list_is_left_alone_where_columns_are_not_known(run: Run) -> None:
    with raises("42P01", "does not exist"):
        run("select a as b, b from nowhere")
    # the table is made by the same message: what it will have is not known
    with raises("42703", 'column "n" does not exist'):
        run("create temp table late (a int); select a as n, n from late")
    with raises("42703", 'column "n" does not exist'):
        run("select a as n, n from (select 1 as b) as one(a)")


def test_lengths_count_bytes_in_every_way_to_make_a_column(run: Run) -> None:
    run("create table bytes (a varchar(3), b char(2), c text, d varchar(max))")
    run("insert into bytes values ('éa', 'ab', repeat('é', 128), repeat('é', 32767))")
    for row in (
        "'éé', null, null, null",
        "null, 'é ', null, null",
        "null, null, repeat('é', 129), 'a'",
    ):
        with raises("22001", "Value too long for character type"):
            run(f"insert into bytes values ({row})")
    run("create table bytes_as as select a from bytes")
    run("create table bytes_like (like bytes)")
    run("alter table bytes_like add column e varchar(2)")
    for sql in (
        "bytes_as values ('éé')",
        "bytes_like (a) values ('éé')",
        "bytes_like (e) values ('éa')",
    ):
        with raises("22001", "Value too long for character type"):
            run(f"insert into {sql}")
    run("alter table bytes_like alter column e type varchar(3)")
    run("insert into bytes_like (e) values ('éa')")


def test_a_varbyte_keeps_to_its_length(run: Run) -> None:
    run("create table binaries (a varbyte(3), b varchar(9))")
    run("insert into binaries values ('abc', 'abcd')")
    for source in ("values ('abcd')", "select b from binaries", "values ('éé'::varbyte)"):
        with raises("22001", "Value too long"):
            run(f"insert into binaries (a) {source}")
    run("alter table binaries alter column a type varbyte(4)")
    run("insert into binaries (a) select b from binaries")
    run("create table binaries_as as select a, a || a as b from binaries")
    types = run("select type from pg_table_def where tablename = 'binaries_as'")
    assert types == [("binary varying(4)",), ("binary varying(64000)",)]
    assert run("select a from binaries_as order by a") == [("616263",), ("61626364",)]


@pytest.mark.parametrize(
    ("sql", "sqlstate", "message"),
    [
        (
            "'a'::varbyte + 'b'::varbyte",
            "0A000",
            "The emulator does not support the operator + of VARBYTE",
        ),
        ("~ 'a'::varbyte", "0A000", "The emulator does not support the operator ~ of VARBYTE"),
        ("getbit('a'::varbyte, 1)", "0A000", "The emulator does not support GETBIT"),
        ("from_varbyte('a', 'ebcdic')", "22023", 'format "ebcdic"'),
        ("to_varbyte('a', 'ebcdic')", "22023", 'format "ebcdic"'),
        ("upper('a'::varbyte)", "42883", "function upper(binary varying) does not exist"),
        ("''::varbyte(16777217)", "22023", "length for type varbyte cannot exceed 16777216"),
    ],
)
def test_what_cannot_be_done_with_varbyte_is_refused(
    run: Run, sql: str, sqlstate: str, message: str
) -> None:
    with raises(sqlstate, message):
        run(f"select {sql}")


def test_declared_keys_are_not_enforced_but_not_null_is(run: Run) -> None:
    run("create table keyed (other int references keyed, id int primary key, unique (other))")
    run("insert into keyed values (1, 7), (1, 7)")
    assert run("select count(*) from keyed") == [(2,)]
    with raises("23502", "NULL"):
        run("insert into keyed values (1, null)")


@pytest.mark.parametrize(
    ("sql", "sqlstate", "message"),
    [
        *refused(
            "Define table constraints", "42830",
            'no unique constraint matching given keys for referenced table "unkeyed_song"',
            "create table k (s int references unkeyed_song (id))",
        ),
        *refused(
            "Define table constraints", "42704",
            'no primary key for referenced table "unkeyed_song"',
            "create table k (s int references unkeyed_song)",
        ),
        *refused(
            "dbt-adapters issue 644", "42P16",
            "cannot reference permanent table from temporary table constraint",
            "create temporary table k (s int, foreign key (s) references keyed_song (id))",
            "create table #k (s int references keyed_song)",
        ),
        *refused(
            "dbt-adapters issue 644", "42P16",
            "cannot reference temporary table from permanent table constraint",
            "create table k (s int references staged_song)",
        ),
    ],
)  # fmt: skip
def test_foreign_keys_reference_a_key_of_a_table_with_the_same_lifetime(
    run: Run, sql: str, sqlstate: str, message: str
) -> None:
    run("create table if not exists keyed_song (id int primary key)")
    run("create table if not exists unkeyed_song (id int)")
    run("create temporary table if not exists staged_song (id int primary key)")
    run("create temporary table if not exists staged_play (s int references staged_song)")
    with raises(sqlstate, message):
        run(sql)


def test_a_primary_key_holds_no_null(run: Run) -> None:
    """CREATE TABLE: PRIMARY KEY; ALTER TABLE: ADD table_constraint."""
    run("create temp table keyed (a int, b int, primary key (a))")
    with raises("23502", "Cannot insert a NULL value into column a"):
        run("insert into keyed values (null, 1)")
    run("create temp table unkeyed (a int, b int not null)")
    with raises("42P16", "cannot add a primary key to a column that may be null"):
        run("alter table unkeyed add primary key (a)")
    run("alter table unkeyed add primary key (b)")


def test_a_table_with_every_attribute_has_its_index_and_identity(run: Run) -> None:
    run(
        'create table if not exists "dev"."public"."Laid" (id bigint identity(5, 2), '
        "a varchar(10) default 'x' encode zstd not null distkey, at timestamp sortkey) "
        "backup no diststyle key"
    )
    run("insert into laid (at) values (sysdate), (null)")
    assert run("select id, a from laid order by 1") == [(5, "x"), (7, "x")]
    assert run("select indexdef like '%brin (at)%' from pg_indexes where tablename = 'laid'") == [
        (True,)
    ]
    run(
        "create table laid_as diststyle key distkey (id) interleaved sortkey (at, id) as "
        "(select * from laid)"
    )
    assert run(
        "select indexdef like '%brin (at, id)%' from pg_indexes where tablename = 'laid_as'"
    ) == [(True,)]


def test_a_name_with_a_hash_makes_a_temporary_table(run: Run) -> None:
    run("create table #Marked (a int)")
    run("insert into #marked values (1)")
    run("select a + 1 as a into #more from #marked")
    assert run("select m.a, o.a from #MARKED m, #more o") == [(1, 2)]


def test_a_view_is_replaced_only_by_one_with_the_same_columns(run: Run) -> None:
    """CREATE VIEW: OR REPLACE."""
    run("create or replace view shown as select 1 as a, 2 as b")
    run("create or replace view shown as select 3 as a, 4 as b")
    for columns in ("1 as a", "1 as a, 2 as b, 3 as c"):
        with raises("42P16", "cannot change number of columns in view"):
            run(f"create or replace view shown as select {columns}")
    assert run("select * from shown") == [(3, 4)]
    run("drop view shown")
    run("create or replace view shown as select 1 as a")
    run("create or replace view shown as select 2 as a; create or replace view seen as select 1 b")


def test_a_late_binding_view_outlives_its_relation(run: Run) -> None:
    run("create table base (a int); insert into base values (1)")
    run("create view late as select * from public.base with no schema binding")
    run("drop table base")
    with raises("42P01", "does not exist"):
        run("select * from late")
    run("create table base (a varchar(5), b int); insert into base values ('x', 2)")
    assert run("select * from late") == [("x", 2)]


def test_merge_updates_and_inserts(run: Run) -> None:
    run("create table target (id int, v varchar(5)); insert into target values (1, 'old')")
    run(
        'merge into "dev"."public"."target" using (select 1 as id, \'new\' as v union '
        "all select 2, "
        "'two') as s on s.id = target.id when matched then update set v = s.v "
        "when not matched then insert (id, v) values (s.id, s.v)"
    )
    assert run("select * from target order by id") == [(1, "new"), (2, "two")]
    run(
        "merge into target using (select 2 as id union all select 3) as s on s.id = target.id "
        "when matched then delete when not matched then insert values (s.id, 'three')"
    )
    assert run("select * from target order by id") == [(1, "new"), (3, "three")]


def test_alter_table_append_moves_rows_by_column_name(run: Run) -> None:
    run("create table moved_to (a int, b int); create table moved_from (b int, a int)")
    run("insert into moved_from values (2, 1)")
    run("alter table moved_to append from moved_from")
    assert run("select a, b from moved_to") == [(1, 2)]
    assert run("select count(*) from moved_from") == [(0,)]


@pytest.mark.parametrize(
    ("command", "statement"),
    [
        ("ALTER TABLE ALTER COLUMN", "alter table alone alter column a type varchar(20)"),
        ("ALTER TABLE APPEND", "alter table alone append from lonely"),
    ],
)
def test_some_commands_cannot_run_in_a_transaction_block(
    run: Run, command: str, statement: str
) -> None:
    """ALTER TABLE; ALTER TABLE APPEND."""
    run("drop table if exists alone; create table alone (a varchar(10))")
    run("drop table if exists lonely; create table lonely (a varchar(10))")
    for wrapped in (f"begin; {statement}", f"select 1; {statement}"):
        with raises("25001", f"{command} cannot run inside a transaction block"):
            run(wrapped)
    run("begin")
    with raises("25001", f"{command} cannot run inside a transaction block"):
        run(statement)
    run("rollback")
    run("drop table lonely; create table lonely (a varchar(20))")
    run("alter table alone alter column a type varchar(20)")
    run("alter table alone append from lonely")


def test_an_identity_column_cannot_be_set(run: Run) -> None:
    """INSERT; UPDATE."""
    run("create temp table numbered (id int identity(1, 1), a int)")
    for statement in ("insert into numbered values (1, 2)", "update numbered set id = 2"):
        with raises("0A000", "cannot set an identity column to a value"):
            run(statement)


def test_truncate_commits(run: Run) -> None:
    run("create table emptied (a int); insert into emptied values (1)")
    run("begin")
    run("truncate emptied")
    run("rollback")
    assert run("select count(*) from emptied") == [(0,)]


def test_time_with_time_zone_is_stored_in_utc(run: Run) -> None:
    run("create temp table clock (a timetz, b time, n int)")
    run("insert into clock values ('12:00:00+02', '24:00:00', 1), (null, '07:00:00', 2)")
    run("update clock set a = '00:15:00.5+05:30' where n = 2")
    assert run("select a::varchar, b::varchar from clock order by n") == [
        ("10:00:00+00", "00:00:00"),
        ("18:45:00.5+00", "07:00:00"),
    ]


def test_the_leader_node_computes_a_row_that_reads_no_table(run: Run) -> None:
    run("drop table if exists led")
    run("create table led as select current_timestamp as at, now() as again, 1 as n")
    assert run("select n, at = again from led") == [(1, True)]
    run("drop table led")


def test_settings_have_their_defaults_before_any_set(run: Run) -> None:
    assert run("show wlm_query_slot_count") == [("1",)]
    assert run("show enable_result_cache_for_session") == [("on",)]
    run("set enable_result_cache_for_session to false")
    assert run("show enable_result_cache_for_session") == [("off",)]
    run("reset enable_result_cache_for_session")
    assert run("show enable_result_cache_for_session") == [("on",)]
    run("set extra_float_digits to -2")
    assert run("show extra_float_digits") == [("-2",)]
    assert run("select (1::float / 3)::text") == [("0.3333333333333",)]
    run("reset extra_float_digits")
    settings = dict(run("show all"))
    assert settings["query_group"] == "default"
    assert settings["search_path"] == '"$user", public'
    assert "shared_buffers" not in settings


def test_columns_have_the_encoding_of_their_type(run: Run) -> None:
    run("drop table if exists packed")
    run(
        "create table packed (a int, b varchar(7), c char, d decimal(8, 2), e timetz, f varbyte,"
        " g bool, h float, i real, j timestamp sortkey, k date encode raw, l bigint encode zstd)"
    )
    encodings = run("select encoding from pg_table_def where tablename = 'packed'")
    assert [encoding for (encoding,) in encodings] == [
        *("az64", "lzo", "lzo", "az64", "az64", "lzo", "none", "none", "none", "none", "none"),
        "zstd",
    ]
    assert "k date ENCODE raw" in str(run("show table packed"))
    run("drop table packed")


def test_an_identity_column_may_be_null_unless_declared_otherwise(run: Run) -> None:
    for declared, nullable in (
        ("identity(1, 1)", "YES"),
        ("identity(1, 1) not null", "NO"),
        ("not null identity(1, 1)", "NO"),
        ("identity(1, 1) primary key", "NO"),
        ("identity(1, 1), primary key (n)", "NO"),
    ):
        run("drop table if exists counted")
        run(f"create table counted (a int not null, n int {declared})")
        columns = run("select is_nullable from svv_columns where table_name = 'counted'")
        assert columns == [("NO",), (nullable,)]
    run("drop table counted")


WIDTHS = [
    ("upper(b)", 7),
    ("trim(b)", 7),
    ("substring(b, 1, 2)", 7),
    ("max(b) over ()", 7),
    ("nullif(b, 'x')", 7),
    ("b || c", 10),
    ("b || 'é'", 9),
    ("concat(b, b)", 14),
    ("coalesce(b, 'longer than b')", 13),
    ("nvl2(b, c, 'four')", 4),
    ("case when a = 1 then b else 'y' end", 7),
    ("case a when 1 then 'one' when 2 then 'three' end", 5),
    ("b::varchar", 7),
    ("cast(upper(b) as text)", 7),
    ("cast(b as varchar(3))", 3),
    ("cast(b as varchar(max))", 65535),
    ("'abc'::varchar", 3),
    ("(select max(c) from public.widths)", 3),
    ("a::varchar", None),
    ("replace(b, 'a', 'bb')", None),
    ("b || a::varchar", None),
]


@pytest.mark.parametrize(("expression", "width"), WIDTHS)
@pytest.mark.parametrize("kind", ["table", "view", "late-binding view"])
def test_a_text_is_as_wide_as_its_input_allows(
    run: Run, kind: str, expression: str, width: int | None
) -> None:
    run("drop table if exists widths cascade")
    run("create table widths (a int, b varchar(7), c char(3))")
    late = "with no schema binding" if kind.startswith("late") else ""
    relation = kind.split()[-1]
    run(f"drop {relation} if exists wide")
    query = f"with w as (select {expression} as x from public.widths) select x, 1 as n from w"
    run(f"create {relation} wide as {query} {late}")
    run("drop table if exists widened")
    run("create table widened as select initcap(t.x) as y from public.wide as t")
    length = "select character_maximum_length from svv_columns where table_name = "
    assert run(f"{length} 'wide' and column_name = 'x'") == [(width,)]
    assert run(f"{length} 'widened'") == [(width,)]
    run(f"drop {relation} wide")


def test_widths_come_from_every_branch_and_every_kind_of_query(run: Run) -> None:
    run("drop table if exists branches cascade")
    run("create table branches (b varchar(7), c char(3), d varchar(20))")
    run("drop table if exists joined")
    run(
        "create table joined (one, two, three) as select b as x, d, 'ab' from branches"
        " union all select c, c || 'x', null from branches"
    )
    run("drop table if exists selected")
    run("select t.*, upper(three) as four into selected from joined as t")
    types = "select type from pg_table_def where tablename = "
    assert run(types + "'joined'") == [(f"character varying({n})",) for n in (7, 20, 2)]
    assert run(types + "'selected'") == [(f"character varying({n})",) for n in (7, 20, 2, 2)]
    with raises("22001", "Value too long for character type"):
        run("insert into joined values ('12345678', '', '')")


def test_late_binding_view_follows_the_width_of_its_relation(run: Run) -> None:
    width = (
        "select col_type from pg_get_late_binding_view_cols()"
        " cols(view_schema name, view_name name, col_name name, col_type varchar, col_num int)"
        " where view_name = 'becoming' and col_num = 1"
    )
    run("drop table if exists became; drop view if exists becoming")
    run("create table became (b varchar(7))")
    run("create view becoming as select lower(b) as b from public.became with no schema binding")
    assert run(width) == [("character varying(7)",)]
    run("drop table became")
    run("create table became (a int, b varchar(9), c int)")
    assert run(width) == [("character varying(9)",)]


def test_a_column_may_be_added_with_null_as_its_default(run: Run) -> None:
    run("create table grown (a int)")
    run("insert into grown values (1)")
    run("alter table grown add column b varchar(20) default null")
    assert run("select * from grown") == [(1, None)]


@pytest.mark.parametrize("kind", ["table", "view", "materialized view"])
def test_a_literal_column_is_as_wide_as_the_literal(run: Run, kind: str) -> None:
    run(
        f"create {kind} sized as with a as (select 'né' as s, '' as e)"
        " select 1.23 as n, 'it''s' as t, s, e, 1 as i from a"
    )
    types = (
        "select format_type(atttypid, atttypmod) from pg_attribute"
        " where attrelid = 'sized'::regclass and attnum > 0 order by attnum"
    )
    assert [kind for (kind,) in run(types)] == [
        *("numeric(3,2)", "character varying(4)", "character varying(3)"),
        *("character varying(1)", "integer"),
    ]
    run(f"drop {kind} sized")


def test_comment_on_table_works_on_a_view(run: Run) -> None:
    run("create view commented as select 1 as a")
    run("comment on table commented is $x$it's \\ a view$x$")
    assert run("select obj_description('commented'::regclass)") == [("it's \\ a view",)]


def test_groups_and_roles_hold_privileges(run: Run) -> None:
    run(
        "create group readers; create role writers; create user ann password 'Abcdef12' "
        "in group readers"
    )
    run("create table shared (a int)")
    run(
        "grant select, drop on shared to group readers; grant insert on table shared to "
        "role writers"
    )
    run("grant role writers to ann")
    assert run("select has_table_privilege('ann', 'shared', 'select')") == [(True,)]
    run("alter default privileges in schema public grant select on tables to role writers")
    run("revoke select on shared from group readers")
    assert run("select has_table_privilege('ann', 'shared', 'select')") == [(False,)]


def test_user_defined_sql_functions_are_found(run: Run) -> None:
    run(
        "create function twice (int) returns int immutable as $$ select nvl($1, 0) * 2 "
        "$$ language sql"
    )
    assert run("select twice(4), public.twice(null)") == [(8, 0)]


def test_quoted_names_fold_unless_the_session_says_otherwise() -> None:
    settings = SessionSettings()
    assert only('select "A" from "T"', settings).text == 'SELECT "a" FROM "t"'
    translate("set enable_case_sensitive_identifier to true", settings)
    assert only('select "A" from "T"', settings).text == 'SELECT "A" FROM "T"'
    translate("reset enable_case_sensitive_identifier", settings)
    assert only('create table "T" ("A" int)', settings).text == "create table t (a integer)"


def test_statements_are_split_at_semicolons_outside_strings_and_comments() -> None:
    texts = '/* {"app": "dbt"; /* nested */ } */ select \';\'; -- no; end\n select $$;$$;;'
    assert translate(texts, SessionSettings()) == [Sql("SELECT ';'"), Sql("SELECT ';'")]
    assert translate(" ; -- nothing", SessionSettings()) == []


def test_bind_parameters_are_kept() -> None:
    assert only("select $1, nvl($2, 1)").text == "SELECT $1, coalesce($2, 1)"


COPIES = [
    pytest.param(
        'COPY "dev"."Public".t (a, "B")\nFROM \'s3://bucket/log_data/\'\n'
        "credentials 'aws_access_key_id=AK;aws_secret_access_key=SK;token=T' region 'us-west-2' "
        "FORMAT AS JSON 's3://bucket/paths.json' TIMEFORMAT 'epochmillisecs' TRUNCATECOLUMNS "
        "BLANKSASNULL MAXERROR AS 10 COMPUPDATE OFF STATUPDATE ON ACCEPTINVCHARS '?' GZIP;",
        Copy(
            "dev.public.t",
            ("a", "b"),
            "s3://bucket/log_data/",
            {"access_key_id": "AK", "secret_access_key": "SK", "session_token": "T"},
            {
                "REGION": "us-west-2",
                "JSON": "s3://bucket/paths.json",
                "TIMEFORMAT": "epochmillisecs",
                "TRUNCATECOLUMNS": True,
                "BLANKSASNULL": True,
                "MAXERROR": 10,
                "COMPUPDATE": "OFF",
                "STATUPDATE": "ON",
                "ACCEPTINVCHARS": "?",
                "GZIP": True,
            },
        ),
        id="COPY: every kind of parameter",
    ),
    pytest.param(
        "copy t from 's3://b/m' iam_role default manifest csv quote as '%' delimiter ';' "
        "ignoreheader 1 "
        "null as '\\\\N' acceptinvchars",
        Copy(
            "t",
            (),
            "s3://b/m",
            {"iam_role": "default"},
            {
                "MANIFEST": True,
                "CSV": True,
                "QUOTE": "%",
                "DELIMITER": ";",
                "IGNOREHEADER": 1,
                "NULL": "\\N",
                "ACCEPTINVCHARS": True,
            },
        ),
        id="COPY: role and text",
    ),
    pytest.param(
        "copy #stage from 's3://b/k' access_key_id 'AK' secret_access_key 'SK' json "
        "'auto ignorecase'",
        Copy(
            '"#stage"',
            (),
            "s3://b/k",
            {"access_key_id": "AK", "secret_access_key": "SK"},
            {"JSON": "auto ignorecase"},
        ),
        id="COPY: keys",
    ),
    pytest.param(
        "unload ('select a from t where b = ''x''') to 's3://b/out_' iam_role 'arn:r' "
        "format as csv header parallel off allowoverwrite maxfilesize 5 mb manifest verbose",
        Unload(
            "select a from t where b = 'x'",
            "s3://b/out_",
            {"iam_role": "arn:r"},
            {
                "CSV": True,
                "HEADER": True,
                "PARALLEL": "OFF",
                "ALLOWOVERWRITE": True,
                "MAXFILESIZE": "5 MB",
                "MANIFEST": "VERBOSE",
            },
        ),
        id="UNLOAD: options",
    ),
]


@pytest.mark.parametrize(("sql", "statement"), COPIES)
def test_copy_and_unload_are_parsed_into_their_parts(sql: str, statement: Copy | Unload) -> None:
    assert only(sql) == statement


def test_copy_never_shows_its_credentials() -> None:
    assert "SECRET" not in repr(only("copy t from 's3://b/k' iam_role 'SECRET'"))


TEXTS = [
    ("VACUUM", "vacuum sort only t to 75 percent boost", "call redshift.sort_rows('t')"),
    ("VACUUM", "vacuum", "call redshift.sort_rows(null)"),
    ("ANALYZE", "analyze t (a, b) predicate columns", "analyze t (a, b)"),
    ("LOCK", "lock t, s.u", "lock table t, s.u in access exclusive mode"),
    (
        "BEGIN",
        "start transaction isolation level serializable, read only",
        "begin read only",
    ),
    ("COMMIT", "end work", "commit"),
    ("ABORT", "abort", "rollback"),
    ("CREATE SCHEMA", 'create schema if not exists "dev"."S" quota 5 gb',
     "create schema if not exists s"),
    ("DECLARE", "declare c cursor for select len('a')", "declare c cursor for SELECT length('a')"),
    ("FETCH", "fetch forward 10 from c", "fetch forward 10 from c"),
    ("EXPLAIN", "explain select nvl(1, 2)", "explain SELECT coalesce(1, 2)"),
    ("PREPARE", "prepare p (int) as select $1", "prepare p (integer) as SELECT $1"),
    ("SHOW TABLES", 'show tables from schema "dev"."s" like \'a%\' limit 3',
     "select * from redshift.show_tables(array['dev', 's'], pattern => 'a%') limit 3"),
    ("SHOW COLUMNS", "show columns from table dev.s.t",
     "select * from redshift.show_columns(array['dev', 's', 't'])"),
    ("SHOW SCHEMAS", "show schemas from database dev",
     "select * from redshift.show_schemas(array['dev'])"),
    ("SET", "set query_group to 'x'", "set redshift.query_group to 'x'"),
    ("SET", "set timezone = 'UTC'", "set timezone to 'UTC'"),
    ("RESET", "reset query_group", "reset redshift.query_group"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "text"), [pytest.param(sql, text, id=f"{page}: {sql}") for page, sql, text in TEXTS]
)
def test_commands_are_translated_for_postgres(sql: str, text: str) -> None:
    assert only(sql).text == text


def test_settings_follow_set_and_reset() -> None:
    settings = SessionSettings()
    translate("set query_group to 'load'", settings)
    assert settings.query_group == "load"
    translate("reset query_group", settings)
    assert settings.query_group is None


def test_a_session_without_a_query_group_is_in_the_default_one(run: Run) -> None:
    group = "select current_setting('query_group')"
    run("set query_group to 'load'")
    assert run(group) == [("load",)]
    run("reset query_group")
    assert run(group) == run("show query_group") == [("default",)]


MACROS = Path(dbt_redshift.__path__[0]) / "macros"


@pytest.mark.parametrize(
    ("file", "macro", "arguments"),
    [
        ("catalog/catalog.sql", "redshift__get_early_binding_sql", ("dev",)),
        ("catalog/catalog.sql", "redshift__get_late_binding_sql", ()),
        ("catalog/catalog.sql", "redshift__get_table_owners_sql", ()),
        ("catalog/catalog.sql", "redshift__get_extended_catalog_sql", ()),
    ],
)
def test_dbt_s_own_catalog_queries_run(
    run: Run, file: str, macro: str, arguments: tuple[str, ...]
) -> None:
    environment = jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=True)
    module = environment.from_string((MACROS / file).read_text()).module
    run("create table if not exists listed (a int)")
    run("insert into listed values (1)")
    query = str(getattr(module, macro)(*arguments))
    assert (("listed" in str(run(query))) or "late_binding" in macro) is True
