"""References to an alias of the same SELECT list, which PostgreSQL lacks (SELECT list).

Redshift puts the expression of the alias in place of a name that comes later in the list, unless
FROM has a column of that name. Only the catalog knows the columns of tables: where they decide,
`UnknownColumnsError` asks for them, and the caller translates again.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from sqlglot import exp

from redshift_emulator.dialect.tokens import fold, quote
from redshift_emulator.errors import RedshiftError

Names = frozenset[str]
"""Names of columns, or of what `Tables` has as well."""
Tables = Mapping[str, Names | None]
"""The columns of relations by name, as PostgreSQL spells it; None where there is no relation."""


class UnknownColumnsError(RedshiftError):
    """The meaning of a name depends on the columns of these relations."""

    def __init__(self, relations: Names) -> None:
        super().__init__(
            "0A000",
            "The emulator does not support a reference to an alias of the same SELECT list here",
        )
        self.relations = relations


_NOTHING: Tables = {}
_tables = ContextVar("_tables", default=_NOTHING)


@contextmanager
def knowing(tables: Tables) -> Iterator[None]:
    """Let `inline` know the columns of these relations."""
    token = _tables.set(tables)
    try:
        yield
    finally:
        _tables.reset(token)


def inline(tree: exp.Expr) -> None:
    """Replace references to earlier aliases in all SELECT lists of the tree.

    Raises UnknownColumnsError for the relations that decide and are not known. Where one of them
    does not exist, the name stays, and PostgreSQL refuses it if no relation has it.
    """
    asked: set[str] = set()
    _visit(tree, {}, _tables.get(), asked)
    if asked:
        raise UnknownColumnsError(frozenset(asked))


class _Sources:
    """The columns that FROM gives to one query: `names`, and those of `relations`.

    `is_closed` is false when there may be others, of a function or of a relation that is missing.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.relations: set[str] = set()
        self.is_closed = True

    def add(self, other: "_Sources") -> None:
        """Add what another query or source gives."""
        self.names |= other.names
        self.relations |= other.relations
        self.is_closed &= other.is_closed

    def resolved(self, tables: Tables) -> "_Sources":
        """Return these sources with the columns of the relations that `tables` has."""
        found = _Sources()
        found.names |= self.names
        found.is_closed = self.is_closed
        for relation in self.relations:
            if relation not in tables:
                found.relations.add(relation)
                continue
            columns = tables[relation]
            found.names |= columns or set()
            found.is_closed &= columns is not None
        return found


_Ctes = Mapping[str, _Sources]


def _visit(node: exp.Expr, ctes: _Ctes, tables: Tables, asked: set[str]) -> None:
    """Go through a query or statement, and what is nested in it, with the CTEs that it sees."""
    clause = node.args.get("with_") or exp.With(expressions=[])
    own = dict(ctes)
    for cte in clause.expressions:
        if clause.args.get("recursive"):
            own[fold(cte.alias)] = _open()
        _visit(cte.this, own, tables, asked)
        own[fold(cte.alias)] = _renamed(_given(cte.this, own), cte.args.get("alias"))
    for nested in _nested(node):
        _visit(nested, own, tables, asked)
    if isinstance(node, exp.Select):
        _inline(node, own, tables, asked)


def _nested(node: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the queries right below a node, but for its CTEs."""
    for name, child in node.args.items():
        if name == "with_":
            continue
        for each in child if isinstance(child, list) else [child]:
            if isinstance(each, exp.Query):
                yield each
            elif isinstance(each, exp.Expr):
                yield from _nested(each)


def _inline(select: exp.Select, ctes: _Ctes, tables: Tables, asked: set[str]) -> None:
    sources: _Sources | None = None
    aliases: dict[str, exp.Expr] = {}
    for position, item in enumerate(list(select.expressions)):
        for column in list(_own_columns(item)):
            name = fold(column.name)
            if name not in aliases:
                continue
            if sources is None:
                sources = _sources(select, ctes).resolved(tables)
            if name in sources.names or not sources.is_closed:
                continue
            asked |= sources.relations
            if not sources.relations:
                _put(column, aliases[name])
        if isinstance(item := select.expressions[position], exp.Alias):
            aliases[fold(item.alias)] = item.this


def _put(column: exp.Column, expression: exp.Expr) -> None:
    """Put an expression in place of a column; a whole item keeps its name."""
    value: exp.Expr = exp.Paren(this=expression.copy())
    if isinstance(column.parent, exp.Select):
        value = exp.alias_(value, fold(column.name), quoted=True)
    column.replace(value)


def _own_columns(node: exp.Expr) -> Iterator[exp.Column]:
    """Yield the columns without a qualifier, but for those in nested queries."""
    if isinstance(node, exp.Column):
        if not node.table and not node.is_star:
            yield node
    elif not isinstance(node, exp.Query):
        for child in node.iter_expressions():
            yield from _own_columns(child)


def _open() -> _Sources:
    """Return a source of which nothing is known."""
    sources = _Sources()
    sources.is_closed = False
    return sources


def _sources(select: exp.Expr, ctes: _Ctes) -> _Sources:
    """Return the columns of FROM and its joins."""
    found = _Sources()
    for source in _each_source(select):
        found.add(_source(source, ctes))
    return found


def _each_source(select: exp.Expr) -> Iterator[exp.Expr]:
    clause = select.args.get("from_")
    if clause:
        yield clause.this
    for join in select.args.get("joins") or ():
        yield join.this


def _source(source: exp.Expr, ctes: _Ctes) -> _Sources:
    found = _Sources()
    if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier):
        name = fold(source.name)
        if not source.db and name in ctes:
            found.add(ctes[name])
        else:
            found.relations.add(".".join(quote(fold(part.name)) for part in source.parts))
    elif isinstance(source, exp.Subquery):
        found.add(_given(source, ctes))
    else:
        return _open()
    found = _renamed(found, source.args.get("alias"))
    found.add(_sources(exp.Select(joins=source.args.get("joins")), ctes))
    return found


def _given(query: exp.Expr, ctes: _Ctes) -> _Sources:
    """Return the columns that a query returns."""
    if isinstance(query, exp.SetOperation):
        return _given(query.this, ctes)
    if isinstance(query, exp.Subquery):
        inside = query.this
        return _given(inside, ctes) if isinstance(inside, exp.Query) else _source(inside, ctes)
    if not isinstance(query, exp.Select) or query.args.get("with_"):
        return _open()
    found = _Sources()
    for item in query.expressions:
        if not item.is_star:
            found.names.add(fold(item.alias_or_name))
            continue
        table = fold(item.table) if isinstance(item, exp.Column) else None
        for source in _each_source(query):
            if table in (None, fold(source.alias_or_name)):
                found.add(_source(source, ctes))
    return found


def _renamed(sources: _Sources, alias: exp.Expr | None) -> _Sources:
    """Return a source whose alias may rename its columns; which ones, only their order tells."""
    return _open() if alias and alias.args.get("columns") else sources
