"""COPY, UNLOAD, transactions, privileges, settings, SHOW and the other commands."""

import re
from collections.abc import Callable, Mapping

from redshift_emulator.dialect import rules
from redshift_emulator.dialect.definitions import NOTHING
from redshift_emulator.dialect.tokens import Cursor, literal, quote, syntax_error
from redshift_emulator.errors import RedshiftError
from redshift_emulator.statements import Copy, Sql, Unload

# COPY parameters and UNLOAD: the argument of each option, None for a flag.
_TEXT, _NUMBER, _SWITCH = "text", "number", "switch"
_COPY_OPTIONS: dict[str, str | None] = {
    "ACCEPTANYDATE": None,
    "ACCEPTINVCHARS": "text?",
    "BLANKSASNULL": None,
    "BZIP2": None,
    "COMPROWS": _NUMBER,
    "COMPUPDATE": _SWITCH,
    "CSV": None,
    "DATEFORMAT": _TEXT,
    "DELIMITER": _TEXT,
    "EMPTYASNULL": None,
    "ENCODING": "word",
    "ESCAPE": None,
    "EXPLICIT_IDS": None,
    "FILLRECORD": None,
    "GZIP": None,
    "IGNOREALLERRORS": None,
    "IGNOREBLANKLINES": None,
    "IGNOREHEADER": _NUMBER,
    "JSON": "text?",
    "MANIFEST": None,
    "MAXERROR": _NUMBER,
    "NOLOAD": None,
    "NULL": _TEXT,
    "QUOTE": _TEXT,
    "REGION": _TEXT,
    "REMOVEQUOTES": None,
    "ROUNDEC": None,
    "STATUPDATE": _SWITCH,
    "TIMEFORMAT": _TEXT,
    "TRIMBLANKS": None,
    "TRUNCATECOLUMNS": None,
    "ZSTD": None,
}
_UNLOAD_OPTIONS: dict[str, str | None] = {
    "ADDQUOTES": None,
    "ALLOWOVERWRITE": None,
    "BZIP2": None,
    "CLEANPATH": None,
    "CSV": None,
    "DELIMITER": _TEXT,
    "ESCAPE": None,
    "EXTENSION": _TEXT,
    "GZIP": None,
    "HEADER": None,
    "JSON": None,
    "MANIFEST": "word?",
    "MAXFILESIZE": "size",
    "NULL": _TEXT,
    "PARALLEL": _SWITCH,
    "REGION": _TEXT,
    "ZSTD": None,
}
_INVALID_CREDENTIALS = (
    "Invalid credentials. Must be of the format: credentials 'aws_iam_role=...' or "
    "'aws_access_key_id=...;aws_secret_access_key=...[;token=...]'"
)
_CREDENTIAL_NAMES = {
    "aws_iam_role": "iam_role",
    "aws_access_key_id": "access_key_id",
    "aws_secret_access_key": "secret_access_key",
    "token": "session_token",
}


def copy(cursor: Cursor) -> Copy:
    """COPY from S3 (COPY; COPY parameter reference)."""
    table = cursor.relation()
    columns = tuple(cursor.names()) if cursor.peek("(") else ()
    cursor.expect("FROM")
    if cursor.peek("STDIN"):
        raise RedshiftError("0A000", "COPY FROM STDIN is not supported")
    source = cursor.string()
    if not source.startswith("s3://"):
        raise RedshiftError("0A000", f"The emulator copies only from S3, not from {source}")
    credentials, options = _parameters(cursor, _COPY_OPTIONS)
    return Copy(table, columns, source, credentials, options)


def unload(cursor: Cursor) -> Unload:
    """UNLOAD to S3 (UNLOAD)."""
    inside = cursor.group()
    query = inside.string()
    inside.end()
    cursor.expect("TO")
    target = cursor.string()
    credentials, options = _parameters(cursor, _UNLOAD_OPTIONS)
    return Unload(query, target, credentials, options)


def _parameters(
    cursor: Cursor, known: Mapping[str, str | None]
) -> tuple[dict[str, str], dict[str, str | int | bool]]:
    credentials: dict[str, str] = {}
    options: dict[str, str | int | bool] = {}
    cursor.accept("WITH")
    while not cursor.done:
        if cursor.accept("FORMAT"):
            cursor.accept("AS")
            if cursor.accept_one("DELIMITER"):
                options["DELIMITER"] = cursor.string()
                continue
        word = cursor.take("word").text.upper()
        if word == "IAM_ROLE":
            credentials["iam_role"] = "default" if cursor.accept("DEFAULT") else cursor.string()
        elif word in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"):
            cursor.accept("AS")
            credentials[word.lower()] = cursor.string()
        elif word in ("CREDENTIALS", "WITH"):
            cursor.accept("AS")
            credentials |= _credential_string(cursor.string())
        elif word in known:
            if word in options:
                raise RedshiftError("42601", "conflicting or redundant options")
            options[word] = _argument(cursor, known[word])
        else:
            raise RedshiftError("0A000", f"The emulator does not support the option {word}")
    return credentials, options


def _argument(cursor: Cursor, kind: str | None) -> str | int | bool:
    if kind is None:
        return True
    cursor.accept("AS")
    if kind == _SWITCH:
        return cursor.accept_one("ON", "OFF", "TRUE", "FALSE", "PRESET") or True
    if kind == _NUMBER:
        cursor.accept("AS")
        return cursor.integer()
    if kind == "size":
        number = cursor.take("number").text
        return f"{number} {cursor.accept_one('MB', 'GB') or 'MB'}"
    if kind.startswith("word"):
        word = cursor.accept_one("VERBOSE") if kind == "word?" else cursor.take("word").text
        return word or True
    follows = not cursor.done and cursor.tokens[cursor.index].kind == "string"
    return True if kind.endswith("?") and not follows else cursor.string()


def _credential_string(text: str) -> dict[str, str]:
    """Read `aws_access_key_id=…;aws_secret_access_key=…` (Authorization parameters)."""
    found = {}
    for pair in text.split(";"):
        name, separator, value = pair.strip().partition("=")
        if not separator or name not in _CREDENTIAL_NAMES:
            raise RedshiftError("XX000", _INVALID_CREDENTIALS)
        found[_CREDENTIAL_NAMES[name]] = value
    return found


# Transactions


def begin(cursor: Cursor) -> Sql:
    """BEGIN; the database sets the isolation level, whatever the statement asks for (BEGIN).

    The transaction runs as PostgreSQL's READ COMMITTED. A snapshot would also cover the emulator's
    own logs, and two tables under one late-binding view could not be rebuilt at the same time.
    isolation.py decides what may commit.
    """
    cursor.accept_one("TRANSACTION", "WORK")
    access = ""
    while not cursor.done:
        mode = cursor.expect(
            "ISOLATION LEVEL SERIALIZABLE", "ISOLATION LEVEL READ COMMITTED",
            "ISOLATION LEVEL READ UNCOMMITTED", "ISOLATION LEVEL REPEATABLE READ",
            "READ ONLY", "READ WRITE",
        )  # fmt: skip
        if mode in ("READ ONLY", "READ WRITE"):
            access = f" {mode.lower()}"
        cursor.accept(",")
    return Sql(f"begin{access}")


def commit(cursor: Cursor) -> Sql:
    """COMMIT and END."""
    cursor.accept_one("TRANSACTION", "WORK")
    cursor.end()
    return Sql("commit")


def rollback(cursor: Cursor) -> Sql:
    """ROLLBACK and ABORT."""
    cursor.accept_one("TRANSACTION", "WORK")
    cursor.end()
    return Sql("rollback")


def lock(cursor: Cursor) -> Sql:
    """LOCK: only in ACCESS EXCLUSIVE mode."""
    cursor.accept("TABLE")
    relations = cursor.relations()
    cursor.end()
    return Sql(f"lock table {', '.join(relations)} in access exclusive mode")


def truncate(cursor: Cursor) -> Sql:
    """TRUNCATE commits the transaction that it runs in (TRUNCATE)."""
    cursor.accept("TABLE")
    relation = cursor.relation()
    cursor.end()
    return Sql(f"truncate {relation}", after=("commit",))


# Maintenance


def vacuum(cursor: Cursor) -> Sql:
    """VACUUM, which sorts; PostgreSQL itself reclaims the space of deleted rows."""
    kind = cursor.accept_one("FULL", "SORT ONLY", "DELETE ONLY", "REINDEX", "RECLUSTER")
    relation = "null" if cursor.done else literal(cursor.relation())
    if cursor.accept("TO"):
        cursor.integer()
        cursor.expect("PERCENT")
    cursor.accept("BOOST")
    cursor.end()
    text = NOTHING if kind == "DELETE ONLY" else f"call redshift.sort_rows({relation})"
    return Sql(text, tag="VACUUM", alone="VACUUM")


def analyze(cursor: Cursor) -> Sql:
    """ANALYZE and ANALYZE COMPRESSION."""
    if cursor.accept("COMPRESSION"):
        relation = literal(cursor.relation())
        return Sql(f"select * from redshift.analyze_compression({relation})")
    cursor.accept("VERBOSE")
    target = "" if cursor.done else f" {cursor.relation()}"
    if cursor.peek("("):
        target += f" ({', '.join(map(quote, cursor.names()))})"
    cursor.accept_one("PREDICATE COLUMNS", "ALL COLUMNS")
    cursor.end()
    return Sql(f"analyze{target}")


def comment(cursor: Cursor) -> Sql:
    """COMMENT ON TABLE, VIEW, COLUMN, DATABASE, SCHEMA …, as in PostgreSQL."""
    cursor.expect("ON")
    kind = cursor.expect("TABLE", "VIEW", "COLUMN", "DATABASE", "CONSTRAINT", "SCHEMA", "FUNCTION")
    target = cursor.relation() if kind in ("TABLE", "VIEW") else cursor.until("IS").rest()
    cursor.expect("IS")
    text = "null" if cursor.accept("NULL") else literal(cursor.string())
    cursor.end()
    if kind in ("TABLE", "VIEW"):
        # Redshift accepts TABLE for a view, and VIEW for a materialized view.
        return Sql(f"call redshift.comment_on({literal(target)}, {text})", tag="COMMENT")
    return Sql(f"comment on {kind.lower()} {target} is {text}")


# Users and privileges

_USER_OPTIONS = {
    "CREATEUSER": "superuser", "NOCREATEUSER": "nosuperuser", "CREATEDB": "createdb",
    "NOCREATEDB": "nocreatedb", "PASSWORD DISABLE": "password null",
}  # fmt: skip
_MD5_HASH = re.compile(r"md5[0-9a-f]{32}")
_GOOD_PASSWORD = re.compile(r"(?=.*[A-Z])(?=.*[a-z])(?=.*[0-9]).{8,64}", re.DOTALL)
_TABLE_PRIVILEGES = ("ALTER", "DROP", "RULE")


def user(cursor: Cursor, verb: str) -> Sql:
    """CREATE USER and ALTER USER."""
    words = [quote(cursor.name())]
    if verb == "alter" and cursor.accept("SET"):
        return Sql(f"alter user {words[0]} set {_assignment(cursor)}")
    if verb == "alter" and cursor.accept("RESET"):
        name = setting_name(cursor)
        cursor.end()
        return Sql(f"alter user {words[0]} reset {name}")
    cursor.accept("WITH")
    groups: list[str] = []
    while not cursor.done:
        if option := cursor.accept_one(*_USER_OPTIONS):
            words.append(_USER_OPTIONS[option])
        elif cursor.accept("PASSWORD"):
            words.append(f"password {literal(_password(cursor.string()))}")
        elif cursor.accept("VALID", "UNTIL"):
            words.append(f"valid until {literal(cursor.string())}")
        elif cursor.accept("IN", "GROUP"):
            groups = [quote(cursor.name())]
        elif cursor.accept("CONNECTION", "LIMIT"):
            words.append(
                f"connection limit {-1 if cursor.accept('UNLIMITED') else cursor.integer()}"
            )
        elif cursor.accept("RENAME", "TO"):
            words.append(f"rename to {quote(cursor.name())}")
        elif cursor.accept("SYSLOG", "ACCESS"):
            cursor.expect("RESTRICTED", "UNRESTRICTED")
        else:
            raise cursor.error()
    after = tuple(f"grant {group} to {words[0]}" for group in groups)
    return Sql(f"{verb} user {' '.join(words)}", after=after)


def _password(text: str) -> str:
    """Read a password: in clear text, after `sha256|`, or as an MD5 hash (CREATE USER)."""
    if text.startswith("sha256|"):
        if text.count("|") > 1:
            raise RedshiftError(
                "0A000", "The emulator does not support passwords as SHA-256 digests"
            )
        return text.removeprefix("sha256|")
    if not _MD5_HASH.fullmatch(text) and not _GOOD_PASSWORD.fullmatch(text):
        raise RedshiftError(
            "22023",
            "Password must be 8 to 64 characters long, with an uppercase letter, a lowercase letter"
            " and a number",
        )
    return text


def create_role(cursor: Cursor, kind: str) -> Sql:
    """CREATE GROUP and CREATE ROLE: both are roles that cannot log in."""
    name = quote(cursor.name())
    cursor.accept("WITH")
    users = []
    if cursor.accept("USER"):
        users = cursor.relations()
    cursor.end()
    after = tuple(f"grant {name} to {member}" for member in users)
    return Sql(f"create role {name}", after=after, tag=f"CREATE {kind}")


def drop_role(cursor: Cursor, kind: str) -> Sql:
    """DROP USER, DROP GROUP and DROP ROLE."""
    guard = "if exists " if cursor.accept("IF", "EXISTS") else ""
    names = cursor.relations()
    cursor.end()
    return Sql(f"drop role {guard}{', '.join(names)}", tag=f"DROP {kind}")


def alter_group(cursor: Cursor) -> Sql:
    """ALTER GROUP ADD USER and DROP USER."""
    name = quote(cursor.name())
    verb = cursor.expect("ADD USER", "DROP USER")
    members = ", ".join(cursor.relations())
    cursor.end()
    action = f"grant {name} to" if verb == "ADD USER" else f"revoke {name} from"
    return Sql(f"{action} {members}", tag="ALTER GROUP")


def privileges(cursor: Cursor, verb: str) -> Sql:
    """GRANT and REVOKE; privileges that PostgreSQL lacks have no effect."""
    option = "grant option for " if cursor.accept("GRANT", "OPTION", "FOR") else ""
    preposition = "TO" if verb == "grant" else "FROM"
    granted = cursor.until("ON", preposition)
    if granted.accept("ROLE"):
        cursor.expect(preposition)
        roles = ", ".join(map(_role, granted.split()))
        return Sql(f"{verb} {roles} {preposition.lower()} {_grantees(cursor)}", tag=verb.upper())
    names = list(map(_privilege, granted.split()))
    cursor.expect("ON")
    target = cursor.until(preposition)
    on_schema = target.peek("SCHEMA")
    objects = target.rest() if not on_schema else _schemas(target)
    cursor.expect(preposition)
    grantees = _grantees(cursor)
    kept = [name for name in names if name.upper() not in _TABLE_PRIVILEGES]
    if not kept:
        return Sql(NOTHING, tag=verb.upper())
    return Sql(f"{verb} {option}{', '.join(kept)} on {objects} {preposition.lower()} {grantees}")


def _privilege(cursor: Cursor) -> str:
    """Step over a privilege and its column list, if any."""
    privilege = cursor.until("(").rest().lower()
    columns = f" ({', '.join(map(quote, cursor.names()))})" if cursor.peek("(") else ""
    cursor.end()
    return privilege + columns


def _schemas(cursor: Cursor) -> str:
    cursor.expect("SCHEMA")
    names = [quote(part.path()[-1]) for part in cursor.split()]
    return f"schema {', '.join(names)}"


def _grantees(cursor: Cursor) -> str:
    names = []
    for part in cursor.until("WITH", "CASCADE", "RESTRICT").split():
        part.accept_one("GROUP", "ROLE")
        names.append(_role(part))
        part.end()
    option = cursor.accept_one("WITH GRANT OPTION", "WITH ADMIN OPTION", "CASCADE", "RESTRICT")
    cursor.end()
    return f"{', '.join(names)} {(option or '').lower()}".rstrip()


def _role(cursor: Cursor) -> str:
    """Step over a user or role, even sys:monitor (Amazon Redshift system-defined roles)."""
    name = cursor.name()
    if name == "sys" and cursor.accept(":"):
        name = f"sys:{cursor.name()}"
    return quote(name)


# Settings


def setting_name(cursor: Cursor) -> str:
    """Read a parameter's name; return it, with the prefix `redshift.` if PostgreSQL lacks it."""
    if cursor.accept("TIME", "ZONE"):
        return "timezone"
    path = cursor.path()
    name = path[-1]
    if len(path) > 1 or name in rules.POSTGRES_SETTINGS:
        return ".".join(map(quote, path))
    if name not in rules.REDSHIFT_SETTINGS:
        raise RedshiftError("42704", f'unrecognized configuration parameter "{name}"')
    return f"redshift.{name}"


def set_parameter(cursor: Cursor) -> Sql:
    """SET parameter, SET SESSION AUTHORIZATION."""
    scope = (cursor.accept_one("SESSION AUTHORIZATION", "SESSION", "LOCAL") or "").lower()
    if scope == "session authorization":
        return Sql(f"set session authorization {cursor.rest()}")
    if cursor.accept("ROLE"):
        return Sql(f"set role {cursor.rest()}")
    if cursor.peek("TRANSACTION"):
        raise RedshiftError("0A000", "The emulator does not support SET TRANSACTION")
    return Sql(f"set {scope + ' ' if scope else ''}{_assignment(cursor)}")


def _assignment(cursor: Cursor) -> str:
    zone = cursor.peek("TIME", "ZONE")
    name = setting_name(cursor)
    if not zone:
        cursor.expect("TO", "=")
    value = cursor.rest()
    if name == "extra_float_digits":
        _check_digits(value)
    return f"{name} to {value}"


def _check_digits(value: str) -> None:
    """Refuse what is not from -15 to 2; PostgreSQL takes 3 as well (extra_float_digits)."""
    digits = value.replace(" ", "").strip("'")
    if digits.removeprefix("-").isdigit() and not -15 <= int(digits) <= 2:
        raise RedshiftError(
            "22023",
            f'{digits} is outside the valid range for parameter "extra_float_digits" (-15 .. 2)',
        )


def reset(cursor: Cursor) -> Sql:
    """RESET."""
    if cursor.accept("USE"):
        return Sql(NOTHING, tag="RESET")
    if cursor.accept("SESSION", "AUTHORIZATION"):
        cursor.end()
        return Sql("reset session authorization")
    name = "all" if cursor.accept("ALL") else setting_name(cursor)
    cursor.end()
    return Sql(f"reset {name}")


def use(cursor: Cursor) -> Sql:
    """USE database; the emulator has only one."""
    name = cursor.name()
    cursor.end()
    return Sql(f"call redshift.use_database({literal(name)})", tag="USE")


def show(cursor: Cursor) -> Sql:
    """SHOW parameter; also SHOW TABLES and the like, which are functions in the catalog."""
    what = cursor.accept_one(
        "DATABASES", "SCHEMAS", "TABLES", "COLUMNS", "GRANTS", "COLUMN GRANTS",
        "CONSTRAINTS PRIMARY KEYS", "CONSTRAINTS FOREIGN KEYS EXPORTED", "CONSTRAINTS FOREIGN KEYS",
        "FUNCTIONS", "PARAMETERS OF FUNCTION", "PROCEDURES", "PARAMETERS OF PROCEDURE",
        "TABLE", "VIEW",
    )  # fmt: skip
    if what is None:
        if cursor.accept("ALL"):
            cursor.end()
            return Sql(_show_all(), tag="SHOW")
        if cursor.accept("TRANSACTION", "ISOLATION", "LEVEL"):
            return Sql("show transaction isolation level")
        name = setting_name(cursor)
        cursor.end()
        if name.startswith("redshift."):
            return Sql(f"select {_setting(name)} as {quote(name.partition('.')[2])}", tag="SHOW")
        return Sql(f"show {name}")
    cursor.accept_one("FROM", "ON")
    cursor.accept_one("DATABASE", "SCHEMA", "TABLE")
    arguments = []
    if not cursor.done and not cursor.peek("LIKE") and not cursor.peek("LIMIT"):
        path = [_bound(cursor, cursor.name)]
        while cursor.accept("."):
            path.append(_bound(cursor, lambda: cursor.name(after_dot=True)))
        arguments.append(f"array[{', '.join(path)}]")
    if cursor.peek("("):
        types = (_bound(part, part.rest) for part in cursor.group().split())
        arguments.append(f"array[{', '.join(types)}]::text[]")
    if cursor.accept("LIKE"):
        arguments.append(f"pattern => {_bound(cursor, cursor.string)}")
    limit = f" limit {cursor.integer()}" if cursor.accept("LIMIT") else ""
    cursor.end()
    function = f"show_{what.lower().replace(' ', '_')}"
    return Sql(f"select * from redshift.{function}({', '.join(arguments)}){limit}", tag="SHOW")


def _setting(name: str) -> str:
    """Return SQL for a setting's value, by default its default (Configuration reference)."""
    default = rules.REDSHIFT_SETTINGS.get(name.removeprefix("redshift."))
    if default is None or not name.startswith("redshift."):
        return f"current_setting({literal(name)}, true)"
    value = f"coalesce(nullif(current_setting({literal(name)}, true), ''), {literal(default)})"
    if default in ("on", "off"):
        value = f"case when {value}::boolean then 'on' else 'off' end"
    return value


def _show_all() -> str:
    prefixed = (
        name if name in rules.POSTGRES_SETTINGS else f"redshift.{name}"
        for name in rules.SHOWN_SETTINGS
    )
    rows = (
        f"({literal(shown)}, {_setting(name)})"
        for shown, name in zip(rules.SHOWN_SETTINGS, prefixed, strict=True)
    )
    return f"select * from (values {', '.join(rows)}) as settings (name, setting)"


def _bound(cursor: Cursor, read: Callable[[], str]) -> str:
    """Return a bind parameter, which drivers use even for names in SHOW, or what `read` reads."""
    if not cursor.done and cursor.tokens[cursor.index].kind == "parameter":
        return cursor.take("parameter").text
    return literal(read())


def default_privileges(cursor: Cursor) -> Sql:
    """ALTER DEFAULT PRIVILEGES."""
    scope = cursor.until("GRANT", "REVOKE").rest()
    granted = privileges(cursor, cursor.expect("GRANT", "REVOKE").lower())
    return Sql(f"alter default privileges {scope} {granted.text}", tag="ALTER DEFAULT PRIVILEGES")


def refused(cursor: Cursor) -> Sql:
    """Refuse a command that Redshift does not support (Unsupported PostgreSQL features)."""
    raise syntax_error(cursor.tokens[0].text)


def not_here(cursor: Cursor) -> Sql:
    """Refuse a Redshift command that the emulator does not support."""
    words = " ".join(token.text.upper() for token in cursor.tokens[: cursor.index])
    raise RedshiftError("0A000", f"The emulator does not support {words}")
