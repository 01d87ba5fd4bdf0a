"""Redshift's dialect on PostgreSQL: `translate` turns a client's SQL into statements.

tokens.py splits and reads commands. definitions.py handles CREATE, ALTER and DROP, and commands.py
the other commands. queries.py rewrites SELECT and DML on sqlglot's tree, which grammar.py parses
and writes. laterals.py replaces names that SELECT lists define, and columns.py finds what is known
about a query's columns. rules.py lists as data what Redshift supports and refuses. Functions that
PostgreSQL lacks are SQL, in catalog/2_functions.sql.
"""

from collections.abc import Callable
from functools import lru_cache, partial

from sqlglot import exp

from redshift_emulator.dialect import commands, definitions, grammar, laterals, queries
from redshift_emulator.dialect.tokens import Cursor, tokenize
from redshift_emulator.errors import RedshiftError
from redshift_emulator.statements import SessionSettings, Sql, Statement

_CACHED_LENGTH = 50_000
CASE = "enable_case_sensitive_identifier"
_TRUE = ("true", "on", "'true'", "'on'", "1")


def translate(
    sql: str, settings: SessionSettings, tables: laterals.Tables | None = None
) -> list[Statement]:
    """Translate `sql`, one or several Redshift statements, for PostgreSQL.

    SET and RESET also change `settings`. Raises RedshiftError for what Redshift refuses, and for
    what the emulator does not support; that message begins with "The emulator". Raises
    laterals.UnknownColumnsError where the columns of tables decide what a name means, and `tables`
    does not tell them.
    """
    statements: list[Statement] = []
    for cursor in _split(sql, settings.case_sensitive_identifier):
        cursor.case_sensitive = settings.case_sensitive_identifier
        text = cursor.source()
        translated = _translate_cached if len(text) <= _CACHED_LENGTH else _translate
        try:
            statement = translated(text, settings.case_sensitive_identifier)
        except laterals.UnknownColumnsError:
            # An error is not cached, so that what depends on tables never is.
            with laterals.knowing(tables or {}):
                statement = _translate(text, settings.case_sensitive_identifier)
        if isinstance(statement, Sql):
            _note_setting(statement.text, settings)
        statements.append(statement)
    return statements


def _split(sql: str, case_sensitive: bool) -> list[Cursor]:
    whole = Cursor(sql, list(tokenize(sql)), case_sensitive)
    parts = []
    while not whole.done:
        start = whole.index
        while not whole.done and not whole.peek(";"):
            whole.index += 1
        if whole.index > start:
            parts.append(whole.part(start, whole.index))
        whole.accept(";")
    return parts


def is_on(value: str) -> bool:
    """Tell whether the value of a boolean setting means on."""
    return value.lower() in _TRUE


def _note_setting(text: str, settings: SessionSettings) -> None:
    verb, _, rest = text.partition(" redshift.")
    name, _, value = rest.partition(" to ")
    if verb.startswith(("set", "reset")):
        if name == CASE:
            settings.case_sensitive_identifier = is_on(value)
        elif name == "query_group":
            settings.query_group = value.strip("'") or None


def _translate(text: str, case_sensitive: bool) -> Statement:
    cursor = Cursor(text, list(tokenize(text)), case_sensitive)
    for phrase, handler in _STATEMENTS.items():
        if cursor.accept(*phrase.split()):
            return handler(cursor)
    return _query(cursor)


_translate_cached = lru_cache(maxsize=4096)(_translate)


def _query(cursor: Cursor) -> Statement:
    words = [token.text.upper() for token in cursor.tokens]
    if words[:1] == ["MERGE"] and words[-2:] == ["REMOVE", "DUPLICATES"]:
        raise RedshiftError("0A000", "The emulator does not support MERGE … REMOVE DUPLICATES")
    tree = queries.parse(cursor.source(), cursor.case_sensitive)
    if isinstance(tree, exp.Select) and tree.args.get("into"):
        return definitions.select_into(tree)
    if not isinstance(tree, (exp.Query, exp.DML)):
        cursor.index = 0
        raise cursor.error()
    untyped = queries.untyped_parameters(tree)
    if not isinstance(tree, exp.DML):
        return Sql(grammar.write(tree), untyped=untyped)
    lock = _exclusive(tree)
    return Sql(grammar.write(tree), writes=True, lock=lock, untyped=untyped)


def _exclusive(tree: exp.DML) -> str | None:
    """Lock the table of an UPDATE, DELETE or MERGE against all other writers.

    INSERT and COPY share their table (Write and read/write operations). A DO block takes the lock,
    because LOCK itself cannot run outside a transaction.
    """
    if isinstance(tree, exp.Insert):
        return None
    table = tree.this.copy()
    table.set("alias", None)
    return f"do $$begin lock table {grammar.write(table)} in share row exclusive mode; end$$"


def _nested(cursor: Cursor) -> str:
    """Return the PostgreSQL text of a statement nested in another one."""
    statement = _translate(cursor.source(), cursor.case_sensitive)
    if not isinstance(statement, Sql) or statement.before or statement.after:
        raise RedshiftError("0A000", "The emulator cannot run this statement inside another one")
    return statement.text


def _explain(cursor: Cursor) -> Sql:
    options = " (verbose)" if cursor.accept("VERBOSE") else ""
    if cursor.peek("ANALYZE"):
        raise cursor.error()
    return Sql(f"explain{options} {_nested(cursor)}")


def _prepare(cursor: Cursor) -> Sql:
    name = cursor.relation()
    types = ""
    if cursor.peek("("):
        parts = cursor.group().split()
        types = f" ({', '.join(definitions.data_type(part, name) for part in parts)})"
    cursor.expect("AS")
    return Sql(f"prepare {name}{types} as {_nested(cursor)}")


def _declare(cursor: Cursor) -> Sql:
    name = cursor.relation()
    cursor.expect("CURSOR FOR", "CURSOR WITHOUT HOLD FOR")
    return Sql(f"declare {name} cursor for {_nested(cursor)}")


def _as_is(cursor: Cursor) -> Sql:
    cursor.index = 0
    return Sql(cursor.rest())


def _create_function(cursor: Cursor, *, or_replace: bool = False) -> Sql:
    """CREATE FUNCTION … LANGUAGE sql: the body is one SELECT of the arguments $1, $2 and so on."""
    head = cursor.until("AS").rest()
    cursor.expect("AS")
    body = queries.translate(cursor.string(), cursor.case_sensitive)
    cursor.expect("LANGUAGE")
    if cursor.name() != "sql":
        raise RedshiftError("0A000", "The emulator supports only functions in SQL")
    cursor.end()
    verb = "create or replace function" if or_replace else "create function"
    return Sql(f"{verb} {head} as $body${body}$body$ language sql")


_NOT_HERE = (
    "ALTER DATABASE", "ALTER EXTERNAL", "ALTER FUNCTION", "ALTER PROCEDURE", "ALTER ROLE", "CALL",
    "CANCEL", "CREATE DATABASE", "CREATE DATASHARE", "CREATE EXTERNAL", "CREATE LIBRARY",
    "CREATE IDENTITY PROVIDER", "CREATE MASKING POLICY", "CREATE MODEL",
    "CREATE OR REPLACE PROCEDURE", "CREATE PROCEDURE", "CREATE RLS POLICY", "DROP DATABASE",
    "DROP PROCEDURE", "INSERT EXTERNAL",
)  # fmt: skip
# The first words of each statement. A longer phrase comes before a shorter one it starts with.
_STATEMENTS: dict[str, Callable[[Cursor], Statement]] = {
    "COPY": commands.copy,
    "UNLOAD": commands.unload,
    "CREATE TABLE": definitions.create_table,
    "CREATE TEMP TABLE": partial(definitions.create_table, temporary=True),
    "CREATE TEMPORARY TABLE": partial(definitions.create_table, temporary=True),
    "CREATE LOCAL TEMP TABLE": partial(definitions.create_table, temporary=True),
    "CREATE LOCAL TEMPORARY TABLE": partial(definitions.create_table, temporary=True),
    "CREATE VIEW": definitions.create_view,
    "CREATE OR REPLACE VIEW": partial(definitions.create_view, or_replace=True),
    "CREATE MATERIALIZED VIEW": definitions.create_materialized_view,
    "CREATE SCHEMA": definitions.create_schema,
    "CREATE FUNCTION": _create_function,
    "CREATE OR REPLACE FUNCTION": partial(_create_function, or_replace=True),
    "CREATE USER": partial(commands.user, verb="create"),
    "CREATE GROUP": partial(commands.create_role, kind="GROUP"),
    "CREATE ROLE": partial(commands.create_role, kind="ROLE"),
    "ALTER TABLE": definitions.alter_table,
    "ALTER MATERIALIZED VIEW": definitions.alter_materialized_view,
    "ALTER USER": partial(commands.user, verb="alter"),
    "ALTER GROUP": commands.alter_group,
    "ALTER SCHEMA": _as_is,
    "DROP TABLE": partial(definitions.drop, kind="table"),
    "DROP VIEW": partial(definitions.drop, kind="view"),
    "DROP MATERIALIZED VIEW": partial(definitions.drop, kind="materialized view"),
    "DROP SCHEMA": definitions.drop_schema,
    "DROP FUNCTION": _as_is,
    "DROP USER": partial(commands.drop_role, kind="USER"),
    "DROP GROUP": partial(commands.drop_role, kind="GROUP"),
    "DROP ROLE": partial(commands.drop_role, kind="ROLE"),
    "REFRESH MATERIALIZED VIEW": _as_is,
    "TRUNCATE": commands.truncate,
    "VACUUM": commands.vacuum,
    "ANALYZE": commands.analyze,
    "ANALYSE": commands.analyze,
    "LOCK": commands.lock,
    "BEGIN": commands.begin,
    "START TRANSACTION": commands.begin,
    "COMMIT": commands.commit,
    "END": commands.commit,
    "ROLLBACK": commands.rollback,
    "ABORT": commands.rollback,
    "COMMENT": commands.comment,
    "GRANT": partial(commands.privileges, verb="grant"),
    "REVOKE": partial(commands.privileges, verb="revoke"),
    "SET": commands.set_parameter,
    "RESET": commands.reset,
    "SHOW": commands.show,
    "USE": commands.use,
    "EXPLAIN": _explain,
    "PREPARE": _prepare,
    "EXECUTE": _as_is,
    "DEALLOCATE": _as_is,
    "DECLARE": _declare,
    "FETCH": _as_is,
    "CLOSE": _as_is,
    "ALTER DEFAULT PRIVILEGES": commands.default_privileges,
    **dict.fromkeys(_NOT_HERE, commands.not_here),
    "CREATE": commands.refused,
    "ALTER": commands.refused,
    "DROP": commands.refused,
    "TABLE": commands.refused,
    "FROM": commands.refused,
}
