"""Facts about a query's columns before it runs: columns without a type, and the widths of texts.

In a subquery or CTE, a column that is a bare literal or NULL has the type "unknown". Redshift
analyses queries as PostgreSQL 8 did. A literal takes its type from its context, but a column that
is only a literal has no context, and once another query reads the column it is too late. Whatever
needs the type then fails. Such a column can be selected, counted, compared with null and, where the
planner sees the literal again, used in a UNION; nothing else works. AWS does not document this. It
shows in errors that users report: order (OHDSI/SqlRender 66 and 192), comparison (dbt-expectations
99), aggregates (dbt-snowplow-attribution 9), casts (tuva-core 1165). dbt's snapshots combine such
columns in a UNION, and run.

The text that an expression returns is as wide as its input allows, but PostgreSQL does not keep
that width (CREATE TABLE AS; Character types). Widths are SQL, because only the catalog knows those
of tables.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from sqlglot import exp

from redshift_emulator.dialect import rules
from redshift_emulator.dialect.tokens import fold, literal, quote
from redshift_emulator.errors import RedshiftError

_UNFLATTENED = ("distinct", "group", "having", "limit", "offset", "order", "qualify")
_LONGEST_WIDTH = 10_000
_NAMES = {"varchar": "character varying", "char": "character", "bytea": "binary varying"}


class Kind(Enum):
    """What is known about a column's type; a `LITERAL` can still get one inside its own query."""

    KNOWN = "known"
    LITERAL = "literal"
    UNKNOWN = "unknown"


class Output(NamedTuple):
    """A column that a query returns; `name` is None for all columns of `table`.

    `is_constant` tells whether the planner sees a literal again once it has flattened the queries
    around it. `width` is the maximum length of a text in bytes, as an SQL expression, or None if
    unknown.
    """

    name: str | None
    kind: Kind
    is_constant: bool = False
    width: str | None = None
    table: str | None = None


def outputs(tree: exp.Expr) -> list[Output]:
    """Return a query's columns. Raises RedshiftError when one without a type needs it."""
    return _Query(tree, _Scope()).outputs()


def _fail(target: str = "text") -> RedshiftError:
    return RedshiftError("XX000", f'failed to find conversion function from "unknown" to {target}')


@dataclass
class _Scope:
    """The names that a query can use: its sources, those of the outer queries, and CTEs."""

    outer: "_Scope | None" = None
    ctes: dict[str, list[Output]] = field(default_factory=dict)
    sources: dict[str, list[Output]] = field(default_factory=dict)

    def inner(self) -> "_Scope":
        """Return the scope of a query nested in this one."""
        return _Scope(self, dict(self.ctes))

    def candidates(self, column: exp.Column) -> list[Output]:
        """Return the columns of the source that the name qualifies, or of all sources."""
        table = column.table.lower()
        sources = (source for name, source in self.sources.items() if table in ("", name))
        return [output for source in sources for output in source]

    def find(self, column: exp.Column) -> Output:
        """Return the column that the name refers to, in this query or an outer one."""
        name = column.name.lower()
        candidates = self.candidates(column)
        named = [output for output in candidates if output.name == name]
        if named:
            # Several columns of one name are an error, or the same column by USING.
            return next((each for each in named if each.kind is Kind.UNKNOWN), named[0])
        tables = [output.table for output in candidates if output.name is None]
        if tables or self.outer is None:
            calls = [
                f"redshift.width({literal(table)}, {literal(name)})" for table in tables if table
            ]
            width = f"coalesce({', '.join(calls)})" if calls else None
            return Output(name, Kind.KNOWN, width=width)
        return self.outer.find(column)


@dataclass
class _Query:
    """One query, or a statement that contains queries."""

    tree: exp.Expr
    scope: _Scope

    def outputs(self) -> list[Output]:
        """Check everything in the query and return its columns."""
        tree = self.tree
        self._name_ctes()
        if isinstance(tree, exp.SetOperation):
            return self._set_operation(tree)
        if isinstance(tree, exp.Subquery):
            return _Query(tree.this, self.scope.inner()).outputs()
        if isinstance(tree, exp.Select):
            return self._select(tree)
        if isinstance(tree, exp.Insert):
            self._insert(tree)
        elif isinstance(tree, exp.DML):
            self._change(tree)
        else:
            self._look_into(tree)
        return []

    def _name_ctes(self) -> None:
        clause = self.tree.args.get("with_") or exp.With(expressions=[])
        for cte in clause.expressions:
            name = cte.alias.lower()
            if clause.args.get("recursive"):
                self.scope.ctes[name] = [Output(None, Kind.KNOWN)]
            outputs = _Query(cte.this, self.scope.inner()).outputs()
            self.scope.ctes[name] = _seen_from_outside(outputs, cte.this, cte.args["alias"])

    def _set_operation(self, tree: exp.SetOperation) -> list[Output]:
        """Check both sides; a literal takes the type of the other side's column, or is text.

        The planner does this, and dbt's snapshots and unit tests combine such columns of CTEs.
        """
        left, right = (
            _Query(side, self.scope.inner()).outputs() for side in (tree.this, tree.expression)
        )
        if any(each.kind is Kind.UNKNOWN and not each.is_constant for each in (*left, *right)):
            raise _fail()
        widths: list[str | None] = [None] * len(left)
        if len(left) == len(right):
            widths = [_widest(sides) for sides in zip(left, right, strict=True)]
        return [
            Output(output.name, Kind.KNOWN, width=width, table=output.table)
            for output, width in zip(left, widths, strict=True)
        ]

    def _insert(self, tree: exp.Insert) -> None:
        source = tree.expression
        if isinstance(source, exp.Query):
            outputs = _Query(source, self.scope.inner()).outputs()
            if any(output.kind is Kind.UNKNOWN for output in outputs):
                raise _fail("character varying")

    def _change(self, tree: exp.DML) -> None:
        """Check UPDATE, DELETE and MERGE; the columns on the left of a SET are the table's own."""
        using = tree.args.get("using") or []
        for source in (tree.this, *(using if isinstance(using, list) else [using])):
            self._add_source(source)
        self._add_sources(tree)
        for update in tree.find_all(exp.Update):
            for assignment in update.expressions:
                self._look_at(assignment.expression)
        for clause in ("where", "on"):
            if tree.args.get(clause):
                self._look_into(tree.args[clause])
        for insert in tree.find_all(exp.Insert) if isinstance(tree, exp.Merge) else ():
            if isinstance(insert.expression, exp.Tuple):
                self._look_into(insert.expression)

    # SELECT

    def _select(self, select: exp.Select) -> list[Output]:
        self._add_sources(select)
        outputs = [output for item in select.expressions for output in self._item(item)]
        for name, clause in select.args.items():
            if name in ("group", "order"):
                self._sort(clause, outputs, by_alias_first=name == "order")
            elif name not in ("with_", "expressions", "from_", "joins", "distinct"):
                for node in clause if isinstance(clause, list) else [clause]:
                    if isinstance(node, exp.Expr):
                        self._look_into(node)
        if select.args.get("distinct"):
            outputs = [_typed(output) for output in outputs]
        return outputs

    def _add_sources(self, tree: exp.Expr) -> None:
        clause = tree.args.get("from_")
        if clause:
            self._add_source(clause.this)
        for join in tree.args.get("joins") or ():
            self._add_source(join.this)
            for name in join.args.get("using") or ():
                if self.scope.find(exp.column(name.name)).kind is Kind.UNKNOWN:
                    raise _fail()
            if join.args.get("on"):
                self._look_at(join.args["on"])

    def _add_source(self, source: exp.Expr) -> None:
        """Add the columns of a table, CTE or subquery, and of what it joins inside parentheses."""
        outputs = [Output(None, Kind.KNOWN)]
        if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier):
            outputs = [Output(None, Kind.KNOWN, table=_relation(source))]
        inside = source.unnest() if isinstance(source, exp.Subquery) else source
        if isinstance(inside, exp.Query):
            outputs = _Query(inside, self.scope.inner()).outputs()
        elif inside is not source:
            self._add_source(inside)
        elif isinstance(source, exp.Table) and not source.db:
            outputs = self.scope.ctes.get(source.name.lower(), outputs)
        alias = source.args.get("alias")
        name = source.alias_or_name.lower() or f"({len(self.scope.sources)})"
        self.scope.sources[name] = _seen_from_outside(outputs, inside, alias)
        self._add_sources(exp.Select(joins=source.args.get("joins")))

    def _item(self, item: exp.Expr) -> Iterator[Output]:
        value = item.unalias().unnest()
        if item.is_star:
            table = item.table.lower() if isinstance(item, exp.Column) else None
            for name, outputs in self.scope.sources.items():
                if table in (None, name):
                    yield from outputs
            return
        name = item.alias_or_name.lower()
        if value.is_string or isinstance(value, exp.Null):
            yield Output(name, Kind.LITERAL, True, self._width(value))
        elif isinstance(value, (exp.Column, exp.Query)):
            yield self._inner(value)._replace(name=name)
        else:
            self._look_at(value)
            yield Output(name, Kind.KNOWN, width=self._width(value))

    def _sort(self, clause: exp.Expr, outputs: list[Output], *, by_alias_first: bool) -> None:
        """Check GROUP BY or ORDER BY, where a literal of the same query becomes text."""
        for key in clause.expressions:
            value = key.this if isinstance(key, exp.Ordered) else key
            chosen = None
            if value.is_int and all(output.name for output in outputs):
                chosen = int(value.name) - 1
            elif isinstance(value, exp.Column) and not value.table:
                names = [output.name for output in outputs]
                is_alias = value.name.lower() in names
                if is_alias and (by_alias_first or not self._is_unknown(value)):
                    chosen = names.index(value.name.lower())
            if chosen is not None and 0 <= chosen < len(outputs):
                outputs[chosen] = _typed(outputs[chosen])
            else:
                self._look_at(value)

    # Expressions

    def _look_at(self, node: exp.Expr, *, takes_any: bool = False) -> None:
        """Check an expression whose type is needed, unless its context accepts any type."""
        if isinstance(node, exp.Paren):
            self._look_at(node.this, takes_any=takes_any)
        elif isinstance(node, (exp.Column, exp.Query)):
            if self._is_unknown(node) and not takes_any:
                raise _fail(_target(node.parent))
        else:
            self._look_into(node)

    def _look_into(self, node: exp.Expr) -> None:
        takes_any = _takes_any(node)
        counted = (
            node.expressions if isinstance(node, exp.Distinct) and _is_count(node.parent) else []
        )
        if any(map(self._is_unknown, counted)):
            raise RedshiftError(
                "42883", 'could not identify an equality operator for type "unknown"'
            )
        for child in node.iter_expressions():
            self._look_at(child, takes_any=takes_any)

    def _width(self, node: exp.Expr | None) -> str | None:
        """Return the width of the text that an expression returns, or None if unknown."""
        match node:
            case exp.Literal() if node.is_string:
                return str(max(len(node.name.encode()), 1))
            case exp.Null():
                return "1"
            case exp.Column() | exp.Query():
                return self._inner(node).width
            case exp.Paren() | exp.Trim() | exp.Substring() | exp.Window():
                return self._width(node.this)
            case exp.IgnoreNulls() | exp.RespectNulls() | exp.Distinct():
                return self._width(next(node.iter_expressions(), None))
            case exp.Cast() if node.args["to"].this in rules.TEXTS:
                lengths = node.args["to"].expressions
                return _length(lengths[0].name) if lengths else self._width(node.this)
            case exp.DPipe():
                return _sum([self._width(node.this), self._width(node.expression)])
            case exp.Case():
                results = [branch.args["true"] for branch in node.args["ifs"]]
                results += filter(None, [node.args.get("default")])
                return _greatest(map(self._width, results))
            case exp.Anonymous():
                return self._call_width(node.name.lower(), node.expressions)
        return None

    def _call_width(self, name: str, arguments: list[exp.Expr]) -> str | None:
        if name in rules.AS_WIDE_AS_THEIR_FIRST:
            return self._width(arguments[0]) if arguments else None
        chosen = rules.AS_WIDE_AS_THE_WIDEST.get(name)
        widths = map(self._width, arguments)
        if name == "concat":
            return _sum(list(widths))
        return _greatest(list(widths)[chosen]) if chosen else None

    def _inner(self, node: exp.Expr) -> Output:
        """Return what is known about a column, or about the only column of a subquery."""
        if isinstance(node, exp.Column):
            return self.scope.find(node)
        found = _Query(node, self.scope.inner()).outputs()
        if len(found) != 1 or found[0].name is None:
            return Output(None, Kind.KNOWN)
        kind = Kind.KNOWN if found[0].kind is Kind.KNOWN else Kind.UNKNOWN
        return found[0]._replace(kind=kind, is_constant=False)

    def _is_unknown(self, node: exp.Expr) -> bool:
        return isinstance(node, (exp.Column, exp.Query)) and (
            self._inner(node).kind is Kind.UNKNOWN
        )


def _seen_from_outside(
    outputs: list[Output], query: exp.Expr, alias: exp.Expr | None
) -> list[Output]:
    """Return a source's columns as outer queries see them: literals untyped, aliases applied."""
    kinds = [Kind.KNOWN if each.kind is Kind.KNOWN else Kind.UNKNOWN for each in outputs]
    names = [each.name for each in outputs]
    renamed = [name.name.lower() for name in alias.args.get("columns") or ()] if alias else []
    if renamed and None in names:
        return [Output(None, Kind.KNOWN)]
    names[: len(renamed)] = renamed
    return [
        output._replace(
            name=name, kind=kind, is_constant=output.is_constant and _is_flattened(query)
        )
        for output, name, kind in zip(outputs, names, kinds, strict=True)
    ]


def _is_flattened(query: exp.Expr) -> bool:
    """Tell whether PostgreSQL 8's planner merges this query into the outer one."""
    if isinstance(query, exp.Table):
        return True  # a CTE, checked at its definition
    return (
        isinstance(query, exp.Select)
        and query.args.get("from_") is not None
        and not any(query.args.get(clause) for clause in _UNFLATTENED)
        and not any(map(_is_aggregate, exp.Tuple(expressions=query.expressions).copy().walk()))
    )


def _is_aggregate(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.lower() in rules.AGGREGATES


def _typed(output: Output) -> Output:
    if output.kind is Kind.UNKNOWN:
        raise _fail()
    return output._replace(kind=Kind.KNOWN)


def _relation(table: exp.Table) -> str:
    return ".".join(quote(fold(part.name)) for part in table.parts)


def _length(text: str) -> str:
    return "65535" if text.upper() == "MAX" else text


def _widest(sides: Iterable[Output]) -> str | None:
    return _greatest(output.width for output in sides)


def _greatest(widths: Iterable[str | None]) -> str | None:
    known = list(dict.fromkeys(widths))
    if None in known:
        return None
    text = ", ".join(filter(None, known))
    return _short(text if len(known) == 1 else f"redshift.widest({text})")


def _sum(widths: list[str | None]) -> str | None:
    if None in widths:
        return None
    return _short(f"({' + '.join(filter(None, widths))})")


def _short(text: str) -> str | None:
    """Drop a width whose SQL is too long: each nested query may double its length."""
    return text if len(text) < _LONGEST_WIDTH else None


def _is_count(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.lower() == "count"


def _takes_any(node: exp.Expr) -> bool:
    """Tell whether this accepts values of any type: COUNT, IS NULL, EXISTS."""
    is_null = isinstance(node, exp.Is) and isinstance(node.expression, exp.Null)
    return is_null or _is_count(node) or isinstance(node, exp.Exists)


def _target(parent: exp.Expr | None) -> str:
    """Return the target type of a CAST; any other parent needs text."""
    while isinstance(parent, exp.Paren):
        parent = parent.parent
    if not isinstance(parent, (exp.Cast, exp.TryCast)):
        return "text"
    name = rules.EXPRESSION_TYPES.get(parent.args["to"].this, "text")
    return _NAMES.get(name, name)
