"""CREATE, ALTER and DROP of tables, views and schemas."""

from dataclasses import dataclass, field

from sqlglot import exp

from redshift_emulator.dialect import queries, rules
from redshift_emulator.dialect.grammar import write
from redshift_emulator.dialect.tokens import Cursor, literal, quote, syntax_error
from redshift_emulator.errors import RedshiftError
from redshift_emulator.statements import Sql

# A statement that does nothing and returns no rows, for changes to the emulator's catalog alone.
NOTHING = "do 'begin end'"
_ENCODINGS = rules.words(
    "auto az64 bytedict delta delta32k lzo mostly8 mostly16 mostly32 raw runlength text255 text32k "
    "zstd"
)
_COLUMN_WORDS = (
    "DEFAULT", "IDENTITY", "GENERATED", "ENCODE", "DISTKEY", "SORTKEY", "COLLATE", "NOT", "NULL",
    "UNIQUE", "PRIMARY", "REFERENCES", "CONSTRAINT", "CHECK",
)  # fmt: skip


_NEVER_ADDED = ("DISTKEY", "IDENTITY", "PRIMARY", "REFERENCES", "SORTKEY", "UNIQUE")


@dataclass
class _Storage:
    """The table attributes, which the emulator only records (CREATE TABLE: table attributes)."""

    diststyle: str | None = None
    distkey: str | None = None
    sortkey: list[str] = field(default_factory=list)
    sortstyle: str | None = None
    encodings: dict[str, str] = field(default_factory=dict)
    autorefresh: bool | None = None

    def set_distkey(self, column: str) -> None:
        """Set the column; a table has at most one (CREATE TABLE: DISTKEY)."""
        if self.distkey:
            raise RedshiftError("42601", "A table may have one DISTKEY only")
        self.distkey = column

    def set_sortkey(self, columns: list[str]) -> None:
        """Set the columns; a table has at most one sort key (CREATE TABLE: SORTKEY)."""
        if self.sortkey:
            raise RedshiftError("42601", "A table may have one SORTKEY only")
        self.sortkey = columns

    def declaration(self, relation: str) -> str:
        arguments = [literal(relation)]
        for name, value in (
            ("diststyle", self.diststyle),
            ("distkey", self.distkey),
            ("sortstyle", self.sortstyle),
        ):
            if value is not None:
                arguments.append(f"{name} => {literal(value)}")
        if self.sortkey or self.sortstyle:
            arguments.append(f"sortkey => {_array(self.sortkey)}")
        if self.encodings:
            pairs = ", ".join(f"{literal(k)}, {literal(v)}" for k, v in self.encodings.items())
            arguments.append(f"encodings => jsonb_build_object({pairs})")
        if self.autorefresh is not None:
            arguments.append(f"autorefresh => {self.autorefresh}".lower())
        return f"call redshift.declare_storage({', '.join(arguments)})"


@dataclass
class _Table:
    """The parts of a CREATE TABLE or ALTER TABLE ADD."""

    relation: str
    columns: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    required: list[str] = field(default_factory=list)
    identity: str | None = None
    like: str | None = None
    storage: _Storage = field(default_factory=_Storage)

    def not_null(self, column: str) -> str:
        """Return the constraint for a column that was declared NOT NULL.

        PostgreSQL makes an identity column NOT NULL by itself, Redshift does not. The constraint's
        name marks a declared one.
        """
        return "constraint identity_not_null not null" if column == self.identity else "not null"

    def after(self) -> tuple[str, ...]:
        adopt = f"call redshift.adopt({literal(self.relation)}, {_array(self.storage.sortkey)})"
        # Foreign keys come last, because they may reference a key of this table.
        keys = sorted(self.keys, key=lambda call: "'foreign key'" in call)
        inherited = (
            (f"call redshift.inherit_storage({literal(self.relation)}, {literal(self.like)})",)
            if self.like
            else ()
        )
        return (adopt, *keys, self.storage.declaration(self.relation), *inherited)


def _array(names: list[str]) -> str:
    return f"array[{', '.join(map(literal, names))}]::text[]"


def _detach(relation: str) -> str:
    return f"call redshift.detach_late_binding_views({literal(relation)})"


def is_temporary(relation: str) -> bool:
    """Tell whether the name makes it a temporary table (CREATE TABLE: #)."""
    return relation.lstrip('"').startswith("#")


# Tables


def create_table(cursor: Cursor, *, temporary: bool = False) -> Sql:
    """CREATE TABLE and CREATE TABLE AS."""
    guarded = cursor.accept("IF", "NOT", "EXISTS")
    table = _Table(cursor.relation())
    kind = "temporary table" if temporary or is_temporary(table.relation) else "table"
    names: list[str] = []
    if cursor.peek("("):
        inside = cursor.group()
        parts = list(inside.split())
        if all(len(part.tokens) == 1 for part in parts):
            names = [part.name() for part in parts]
        else:
            for part in parts:
                _table_element(part, table)
    _storage_attributes(cursor, table.storage)
    if table.like and table.storage != _Storage():
        raise RedshiftError("42601", "A table made LIKE another one has the other's storage")
    if cursor.peek("AS") and not guarded:
        cursor.expect("AS")
        return _create_table_as(cursor, table, kind, names)
    cursor.end()
    if names or not table.columns:
        raise cursor.error()
    not_null = [f"{table.not_null(name)} {quote(name)}" for name in table.required]
    text = f"create {kind} {'if not exists ' if guarded else ''}{table.relation} "
    after = table.after()
    if guarded:
        calls = "; ".join(after)
        after = (
            f"do $do$ begin if not exists (select from redshift.storage where relation = "
            f"to_regclass({literal(table.relation)})) then {calls}; end if; end $do$",
        )
    return Sql(f"{text}({', '.join(table.columns + not_null)})", after=after)


def _create_table_as(cursor: Cursor, table: _Table, kind: str, names: list[str]) -> Sql:
    tree = _stored(cursor)
    columns = f" ({', '.join(map(quote, names))})" if names else ""
    narrow = _narrow(table.relation, tree, names)
    text = f"create {kind} {table.relation}{columns} as {write(tree)}"
    return Sql(text, after=(*narrow, *table.after()), tag="SELECT", writes=True)


def select_into(tree: exp.Select) -> Sql:
    """SELECT INTO, which is another form of CREATE TABLE AS."""
    into = tree.args["into"]
    tree.set("into", None)
    table = _Table(write(into.this))
    temporary = into.args.get("temporary") or is_temporary(table.relation)
    kind = "temporary table" if temporary else "table"
    narrow = _narrow(table.relation, tree)
    text = f"create {kind} {table.relation} as {write(tree)}"
    return Sql(text, after=(*narrow, *table.after()), tag="SELECT", writes=True)


def _narrow(relation: str, tree: exp.Expr, names: list[str] | None = None) -> tuple[str, ...]:
    """Set the width of text columns that come from expressions to what their input allows."""
    widths = queries.widths(tree, names)
    if not widths:
        return ()
    numbers = ", ".join(widths.values())
    return (f"call redshift.narrow({literal(relation)}, {_array(list(widths))}, array[{numbers}])",)


def _query(cursor: Cursor) -> str:
    """Return the rest, a query, without enclosing parentheses."""
    start = cursor.index
    if cursor.peek("("):
        inside = cursor.group()
        if cursor.done and not inside.peek("("):
            return inside.source()
    cursor.index = start
    return cursor.source()


def _stored(cursor: Cursor) -> exp.Expr:
    """Return the tree of the rest, a query whose columns become those of a relation."""
    tree = queries.parse(_query(cursor), cursor.case_sensitive, stored=True)
    return queries.size_literals(tree)


def _table_element(cursor: Cursor, table: _Table) -> None:
    if cursor.accept("LIKE"):
        source = cursor.relation()
        choice = cursor.accept_one("INCLUDING DEFAULTS", "EXCLUDING DEFAULTS")
        table.columns.append(f"like {source} {(choice or '').lower()}".rstrip())
        table.like = source
    elif cursor.peek("CHECK") or cursor.peek("EXCLUDE"):
        raise _unsupported_constraint(cursor)
    elif cursor.accept_one("CONSTRAINT", "UNIQUE", "PRIMARY KEY", "FOREIGN KEY"):
        cursor.index = 0
        table.keys.append(_key(cursor, table))
    else:
        table.columns.append(_column(cursor, table))
    cursor.end()


def _unsupported_constraint(cursor: Cursor) -> RedshiftError:
    """Return the error for CHECK and EXCLUDE (Unsupported PostgreSQL features)."""
    return RedshiftError("0A000", f"{cursor.near.upper()} constraints are not supported")


def _key(cursor: Cursor, table: _Table) -> str:
    """Read a table constraint: recorded, but not enforced except NOT NULL (Table constraints)."""
    name = cursor.name() if cursor.accept("CONSTRAINT") else None
    if cursor.peek("CHECK") or cursor.peek("EXCLUDE"):
        raise _unsupported_constraint(cursor)
    kind = cursor.expect("PRIMARY KEY", "UNIQUE", "FOREIGN KEY")
    columns = cursor.names()
    references = ""
    if kind == "PRIMARY KEY":
        table.required += columns
    if kind == "FOREIGN KEY":
        cursor.expect("REFERENCES")
        references = _references(cursor)
    return _declare_key(table.relation, kind, columns, name, references)


def _references(cursor: Cursor) -> str:
    other = literal(cursor.relation())
    return f", {other}, {_array(cursor.names())}" if cursor.peek("(") else f", {other}"


def _declare_key(relation: str, kind: str, columns: list[str], name: str | None, more: str) -> str:
    label = literal(name) if name else "null"
    return (
        f"call redshift.declare_key({literal(relation)}, {literal(kind.lower())}, "
        f"{_array(columns)}, {label}{more})"
    )


def _column(cursor: Cursor, table: _Table) -> str:
    name = cursor.name()
    kind = data_type(cursor, f"{table.relation}.{name}")
    words = [quote(name), kind]
    constraint = None
    is_required = False
    while not cursor.done:
        word = cursor.expect(
            "DEFAULT", "IDENTITY", "GENERATED BY DEFAULT AS IDENTITY", "ENCODE", "DISTKEY",
            "SORTKEY", "COLLATE CASE_SENSITIVE", "COLLATE CASE_INSENSITIVE", "NOT NULL", "NULL",
            "UNIQUE", "PRIMARY KEY", "REFERENCES", "CONSTRAINT",
        )  # fmt: skip
        if word == "DEFAULT":
            default = cursor.accept_one("NULL") or cursor.until(*_COLUMN_WORDS[1:]).source()
            words.append(
                "default " + queries.translate(default, cursor.case_sensitive, exp.Condition)
            )
        elif word.endswith("IDENTITY"):
            if kind not in ("integer", "bigint"):
                raise RedshiftError("22023", "The type of an IDENTITY column must be INT or BIGINT")
            words.append(_identity(cursor, "by default" if "DEFAULT" in word else "always"))
            table.identity = name
        elif word == "ENCODE":
            encoding = table.storage.encodings[name] = _encoding(cursor)
            if not kind.startswith(rules.ENCODED_TYPES.get(encoding, "")):
                raise RedshiftError(
                    "42601", f'encoding type "{encoding}" is not supported for column "{name}"'
                )
        elif word == "COLLATE CASE_INSENSITIVE":
            raise RedshiftError("0A000", f"The emulator does not support {word}")
        elif word == "DISTKEY":
            table.storage.set_distkey(name)
        elif word == "SORTKEY":
            table.storage.set_sortkey([name])
        elif word == "NOT NULL":
            is_required = True
        elif word == "CONSTRAINT":
            constraint = cursor.name()
        elif word in ("UNIQUE", "PRIMARY KEY"):
            is_required = is_required or word == "PRIMARY KEY"
            table.keys.append(_declare_key(table.relation, word, [name], constraint, ""))
        elif word == "REFERENCES":
            other = _references(cursor)
            table.keys.append(
                _declare_key(table.relation, "foreign key", [name], constraint, other)
            )
    if is_required:
        words.append(table.not_null(name))
    return " ".join(words)


def data_type(cursor: Cursor, column: str) -> str:
    """Read a column's type; return PostgreSQL's type (Data types)."""
    phrase = cursor.accept_one(*rules.TYPE_PHRASES)
    if phrase is None:
        name = cursor.take("word", "quoted").text.lower()
        if name in rules.TYPES_NOT_HERE:
            raise RedshiftError("0A000", f"The emulator does not support {name.upper()}")
        if name == "interval" and cursor.accept_one(*rules.INTERVAL_QUALIFIERS):
            raise RedshiftError("0A000", "The emulator does not support INTERVAL columns")
        if name in rules.UNSUPPORTED_TYPES:
            raise RedshiftError("0A000", f'Column "{column}" has unsupported type "{name}"')
        raise RedshiftError("42704", f'type "{name}" does not exist')
    name = rules.TYPES[phrase]
    arguments = _type_arguments(cursor)
    if cursor.peek("["):
        raise RedshiftError("0A000", f'Column "{column}" has unsupported type "{name}[]"')
    if name == "numeric":
        precision, scale, *_ = [*arguments, *("18", "0")[len(arguments) :]]
        queries.check_precision(int(precision), int(scale))
        return f"numeric({precision}, {scale})"
    if name in rules.LENGTHS:
        default, greatest = rules.LENGTHS[name]
        if phrase == "BPCHAR":
            default = 256
        text = arguments[0] if arguments else str(default)
        length = greatest if text.upper() == "MAX" else int(text)
        queries.check_length(name, length)
        return f"{name}({length})"
    if arguments and phrase != "FLOAT":
        raise syntax_error("(")
    return "real" if arguments and int(arguments[0]) <= 24 else name


def _type_arguments(cursor: Cursor) -> list[str]:
    if not cursor.peek("("):
        return []
    return [part.take("number", "word").text for part in cursor.group().split()]


def _identity(cursor: Cursor, when: str) -> str:
    """Read IDENTITY(seed, step) (CREATE TABLE: column attributes)."""
    inside = cursor.group()
    seed = inside.integer()
    inside.expect(",")
    step = inside.integer()
    inside.end()
    bound = f"minvalue {seed}" if step > 0 else f"maxvalue {seed}"
    return f"generated {when} as identity (start with {seed} increment by {step} {bound})"


def _encoding(cursor: Cursor) -> str:
    encoding = cursor.take("word").text.lower()
    if encoding not in _ENCODINGS:
        raise RedshiftError("42601", f'encoding type "{encoding}" is not supported')
    return encoding


def _storage_attributes(cursor: Cursor, storage: _Storage) -> None:
    while word := cursor.accept_one(
        "BACKUP", "DISTSTYLE", "DISTKEY", "COMPOUND SORTKEY", "INTERLEAVED SORTKEY",
        "SORTKEY AUTO", "SORTKEY", "ENCODE AUTO", "AUTO REFRESH",
    ):  # fmt: skip
        if word == "BACKUP":
            cursor.expect("YES", "NO")
        elif word == "AUTO REFRESH":
            storage.autorefresh = cursor.expect("YES", "NO") == "YES"
        elif word == "DISTSTYLE":
            storage.diststyle = cursor.expect("AUTO", "EVEN", "KEY", "ALL").lower()
        elif word == "DISTKEY":
            column, *more = cursor.names()
            if more:
                raise syntax_error(",")
            storage.set_distkey(column)
        elif word == "SORTKEY AUTO":
            storage.sortstyle = "auto"
        elif word.endswith("SORTKEY"):
            storage.set_sortkey(cursor.names())
            storage.sortstyle = "interleaved" if word.startswith("I") else "compound"
    if storage.distkey and storage.diststyle not in (None, "key"):
        raise RedshiftError("42601", "DISTKEY is only allowed with DISTSTYLE KEY")


def alter_table(cursor: Cursor) -> Sql:
    """ALTER TABLE, with one action per statement."""
    table = _Table(cursor.relation())
    if cursor.accept("APPEND"):
        return _append(cursor, table.relation)
    before = (_detach(table.relation),)
    action = cursor.expect(
        "ADD COLUMN", "ADD", "DROP CONSTRAINT", "DROP COLUMN", "DROP", "RENAME TO",
        "RENAME COLUMN", "RENAME", "ALTER COLUMN", "ALTER", "OWNER TO",
    )  # fmt: skip
    after: tuple[str, ...] = ()
    alone = None
    if action in ("ADD COLUMN", "ADD"):
        element = cursor.until(",")
        _refuse_added(element)
        _table_element(element, table)
        text = f"add column {table.columns[0]}" if table.columns else None
        after = table.after()
    elif action == "DROP CONSTRAINT":
        text = None
        after = (f"call redshift.drop_key({literal(table.relation)}, {literal(cursor.name())})",)
        cursor.accept_one("CASCADE", "RESTRICT")
    elif action in ("DROP COLUMN", "DROP"):
        text = f"drop column {quote(cursor.name())} "
        text += (cursor.accept_one("CASCADE", "RESTRICT") or "").lower()
    elif action in ("RENAME TO", "OWNER TO"):
        text = f"{action.lower()} {quote(cursor.name())}"
    elif action.startswith("RENAME"):
        text = f"rename column {quote(cursor.name())} to "
        cursor.expect("TO")
        text += quote(cursor.name())
    elif action == "ALTER COLUMN":
        text, after = _alter_column(cursor, table)
        alone = "ALTER TABLE ALTER COLUMN" if text else None
    else:
        text, after = None, _alter_storage(cursor, table)
    cursor.end()
    if text is None:
        return Sql(NOTHING, before, after, "ALTER TABLE")
    return Sql(f"alter table {table.relation} {text.strip()}", before, after, alone=alone)


def _refuse_added(element: Cursor) -> None:
    """Refuse attributes that a new column cannot have (ALTER TABLE: ADD COLUMN)."""
    written = [token.text.upper() for token in element.tokens if token.kind == "word"]
    if written[:1] in (["CONSTRAINT"], ["UNIQUE"], ["PRIMARY"], ["FOREIGN"]):
        return
    if refused := next((word for word in written if word in _NEVER_ADDED), None):
        raise RedshiftError("0A000", f"ALTER TABLE ADD COLUMN does not support {refused}")
    if "NOT" in written and "DEFAULT" not in written:
        raise RedshiftError(
            "0A000",
            "ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default expression",
        )


def _alter_column(cursor: Cursor, table: _Table) -> tuple[str | None, tuple[str, ...]]:
    name = cursor.name()
    if cursor.peek("SET", "NOT") or cursor.peek("DROP", "NOT"):
        raise RedshiftError(
            "0A000", f"ALTER COLUMN {cursor.near.upper()} NOT NULL is not supported"
        )
    if cursor.peek("SET") or cursor.peek("DROP"):
        raise RedshiftError("0A000", "ALTER COLUMN SET/DROP DEFAULT is not supported")
    if cursor.accept("ENCODE"):
        table.storage.encodings[name] = _encoding(cursor)
        return None, (table.storage.declaration(table.relation),)
    cursor.expect("TYPE")
    kind = data_type(cursor, f"{table.relation}.{name}")
    if not kind.startswith(("varchar", "bytea")):
        raise RedshiftError("0A000", f'ALTER COLUMN TYPE to "{kind}" is not supported')
    return f"alter column {quote(name)} type {kind}", table.after()[:1]


def _alter_storage(cursor: Cursor, table: _Table) -> tuple[str, ...]:
    if cursor.accept("DISTKEY"):
        table.storage.distkey = cursor.name()
    elif cursor.accept("SORTKEY", "NONE"):
        table.storage.sortstyle = "auto"
    else:
        if cursor.accept("DISTSTYLE", "KEY", "DISTKEY"):
            table.storage.distkey = cursor.name()
        _storage_attributes(cursor, table.storage)
    return table.after()


def _append(cursor: Cursor, target: str) -> Sql:
    """ALTER TABLE APPEND, which matches columns by name."""
    cursor.expect("FROM")
    source = cursor.relation()
    choice = cursor.accept_one("IGNOREEXTRA", "FILLTARGET")
    cursor.end()
    flags = f"{choice == 'IGNOREEXTRA'}, {choice == 'FILLTARGET'}".lower()
    return Sql(
        f"call redshift.append({literal(target)}, {literal(source)}, {flags})",
        tag="ALTER TABLE APPEND",
        alone="ALTER TABLE APPEND",
    )


# Views


def create_view(cursor: Cursor, *, or_replace: bool = False) -> Sql:
    """CREATE VIEW, bound to its relations or late-binding."""
    name = cursor.relation()
    names = cursor.names() if cursor.peek("(") else []
    columns = f" ({', '.join(map(quote, names))})" if names else ""
    cursor.expect("AS")
    body = cursor.until("WITH NO SCHEMA BINDING")
    late = cursor.accept("WITH", "NO", "SCHEMA", "BINDING")
    cursor.end()
    tree = queries.size_literals(queries.parse(_query(body), cursor.case_sensitive))
    widths = queries.widths(tree, names)
    noted = (
        f"call redshift.note_widths({literal(name)}, {_array(list(widths))},"
        f" {_array(list(widths.values()))}, is_late => {str(late).lower()})"
    )
    if not late:
        text = f"{name}{columns} as {write(tree)}"
        if not or_replace:
            return Sql(f"create view {text}", after=(noted,))
        # The columns cannot change (CREATE VIEW: OR REPLACE); PostgreSQL would accept new ones.
        same = f"call redshift.keep_columns({literal(name)})"
        return Sql(f"create or replace view {text}", (_detach(name), same), (same, noted))
    if queries.reads_relation_without_schema(tree):
        raise RedshiftError(
            "42601",
            "All the relation names inside should be qualified when creating VIEW WITH NO SCHEMA "
            "BINDING.",
        )
    query = write(tree)
    definition = f"select * from ({query}) as named{columns}" if columns else query
    return Sql(
        f"call redshift.create_late_binding_view({literal(name)}, {literal(definition)}, "
        f"or_replace => {str(or_replace).lower()})",
        after=(noted,),
        tag="CREATE VIEW",
    )


def create_materialized_view(cursor: Cursor) -> Sql:
    """CREATE MATERIALIZED VIEW."""
    table = _Table(cursor.relation())
    _storage_attributes(cursor, table.storage)
    cursor.expect("AS")
    query = write(_stored(cursor))
    after = (table.storage.declaration(table.relation),)
    return Sql(f"create materialized view {table.relation} as {query}", after=after)


def alter_materialized_view(cursor: Cursor) -> Sql:
    """ALTER MATERIALIZED VIEW: its refresh and storage, which the emulator only records."""
    table = _Table(cursor.relation())
    cursor.accept("ALTER")
    _storage_attributes(cursor, table.storage)
    cursor.end()
    after = (table.storage.declaration(table.relation),)
    return Sql(NOTHING, after=after, tag="ALTER MATERIALIZED VIEW")


def drop(cursor: Cursor, kind: str) -> Sql:
    """DROP TABLE, VIEW, MATERIALIZED VIEW; foreign keys prevent it, late-binding views do not."""
    guard = "if exists " if cursor.accept("IF", "EXISTS") else ""
    relations = cursor.relations()
    behaviour = (cursor.accept_one("CASCADE", "RESTRICT") or "").lower()
    cursor.end()
    before = tuple(_detach(relation) for relation in relations)
    if kind == "table" and behaviour != "cascade":
        names = ", ".join(map(literal, relations))
        before = (f"call redshift.spare_referenced(array[{names}])", *before)
    return Sql(f"drop {kind} {guard}{', '.join(relations)} {behaviour}".rstrip(), before)


# Schemas


def create_schema(cursor: Cursor) -> Sql:
    """CREATE SCHEMA; a quota is accepted but not enforced."""
    guard = "if not exists " if cursor.accept("IF", "NOT", "EXISTS") else ""
    name = quote(cursor.path()[-1]) if not cursor.peek("AUTHORIZATION") else ""
    owner = f" authorization {quote(cursor.name())}" if cursor.accept("AUTHORIZATION") else ""
    if cursor.accept("QUOTA") and not cursor.accept("UNLIMITED"):
        cursor.integer()
        cursor.accept_one("MB", "GB", "TB")
    cursor.end()
    return Sql(f"create schema {guard}{name}{owner}")


def drop_schema(cursor: Cursor) -> Sql:
    """DROP SCHEMA."""
    guard = "if exists " if cursor.accept("IF", "EXISTS") else ""
    names = [quote(cursor.path()[-1])]
    while cursor.accept(","):
        names.append(quote(cursor.path()[-1]))
    behaviour = (cursor.accept_one("CASCADE", "RESTRICT") or "").lower()
    cursor.end()
    before = tuple(
        f"call redshift.detach_late_binding_views_of_schema({literal(name)})" for name in names
    )
    return Sql(f"drop schema {guard}{', '.join(names)} {behaviour}".rstrip(), before)
