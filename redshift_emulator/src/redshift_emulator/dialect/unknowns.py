"""Columns of type "unknown": what a bare literal or NULL makes of a subquery's or CTE's column.

Redshift analyses queries as PostgreSQL 8 did. A literal takes its type from where it stands, but a
column that is a literal alone has none, and once another query reads the column it is too late:
whatever needs a type of it fails. It may be selected, counted and compared with null; nothing else.
AWS says nothing of it but in the errors that its users report: order (OHDSI/SqlRender 66 and 192),
comparison (dbt-expectations 99), aggregates (dbt-snowplow-attribution 9), casts (tuva-core 1165),
DISTINCT of a late-binding view's column (metabase 36773).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from sqlglot import exp

from redshift_emulator.dialect import rules
from redshift_emulator.errors import RedshiftError

_NAMES = {"varchar": "character varying", "char": "character", "bytea": "binary varying"}


class Kind(Enum):
    """What a column's type is known to be: `LITERAL` still takes one inside its own query."""

    KNOWN = "known"
    LITERAL = "literal"
    UNKNOWN = "unknown"


class Output(NamedTuple):
    """A column that a query returns; `name` is None for all those of a table."""

    name: str | None
    kind: Kind


def refuse(tree: exp.Expr) -> None:
    """Refuse what needs the type of a column that has none. Raises RedshiftError."""
    _Query(tree, _Scope()).outputs()


def _fail(target: str = "text") -> RedshiftError:
    return RedshiftError("XX000", f'failed to find conversion function from "unknown" to {target}')


@dataclass
class _Scope:
    """What names mean in a query: its sources, those of the queries around it, and CTEs."""

    outer: "_Scope | None" = None
    ctes: dict[str, list[Output]] = field(default_factory=dict)
    sources: dict[str, list[Output]] = field(default_factory=dict)

    def inner(self) -> "_Scope":
        """Return the scope of a query inside this one."""
        return _Scope(self, dict(self.ctes))

    def is_unknown(self, column: exp.Column) -> bool:
        """Tell whether the column of a source is meant, and has no type."""
        name, table = column.name.lower(), column.table.lower()
        scope: _Scope | None = self
        while scope is not None:
            outputs = [
                output
                for alias, source in scope.sources.items()
                if table in ("", alias)
                for output in source
            ]
            if any(output.name == name for output in outputs):
                return Output(name, Kind.UNKNOWN) in outputs
            if any(output.name is None for output in outputs):
                return False  # a table has it, or nobody
            scope = scope.outer
        return False


@dataclass
class _Query:
    """One query, or a statement that reads some."""

    tree: exp.Expr
    scope: _Scope

    def outputs(self) -> list[Output]:
        """Return the columns, after everything in the query was looked at."""
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
            self.scope.ctes[name] = _seen_from_outside(outputs, cte.args["alias"])

    def _set_operation(self, tree: exp.SetOperation) -> list[Output]:
        """Look at both sides; a literal takes the type of the other side's column, or is a text."""
        left, right = (
            _Query(side, self.scope.inner()).outputs() for side in (tree.this, tree.expression)
        )
        if any(output.kind is Kind.UNKNOWN for output in (*left, *right)):
            raise _fail()
        return [Output(output.name, Kind.KNOWN) for output in left]

    def _insert(self, tree: exp.Insert) -> None:
        source = tree.expression
        if isinstance(source, exp.Query):
            outputs = _Query(source, self.scope.inner()).outputs()
            if any(output.kind is Kind.UNKNOWN for output in outputs):
                raise _fail("character varying")

    def _change(self, tree: exp.DML) -> None:
        """UPDATE, DELETE and MERGE: the columns on the left of a SET are the table's own."""
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
                if self.scope.is_unknown(exp.column(name.name)):
                    raise _fail()
            if join.args.get("on"):
                self._look_at(join.args["on"])

    def _add_source(self, source: exp.Expr) -> None:
        """Note the columns of a table, CTE or subquery, and of what is joined to it in brackets."""
        outputs = [Output(None, Kind.KNOWN)]
        inside = source.unnest() if isinstance(source, exp.Subquery) else source
        if isinstance(inside, exp.Query):
            outputs = _Query(inside, self.scope.inner()).outputs()
        elif inside is not source:
            self._add_source(inside)
        elif isinstance(source, exp.Table) and not source.db:
            outputs = self.scope.ctes.get(source.name.lower(), outputs)
        alias = source.args.get("alias")
        name = source.alias_or_name.lower() or f"({len(self.scope.sources)})"
        self.scope.sources[name] = _seen_from_outside(outputs, alias)
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
            yield Output(name, Kind.LITERAL)
        elif isinstance(value, exp.Column):
            yield Output(name, Kind.UNKNOWN if self.scope.is_unknown(value) else Kind.KNOWN)
        elif isinstance(value, exp.Query):
            yield Output(name, Kind.UNKNOWN if self._is_unknown(value) else Kind.KNOWN)
        else:
            self._look_at(value)
            yield Output(name, Kind.KNOWN)

    def _sort(self, clause: exp.Expr, outputs: list[Output], *, by_alias_first: bool) -> None:
        """Look at GROUP BY or ORDER BY, where a literal of the same query becomes a text."""
        for key in clause.expressions:
            value = key.this if isinstance(key, exp.Ordered) else key
            chosen = None
            if value.is_int and all(output.name for output in outputs):
                chosen = int(value.name) - 1
            elif isinstance(value, exp.Column) and not value.table:
                names = [output.name for output in outputs]
                is_alias = value.name.lower() in names
                if is_alias and (by_alias_first or not self.scope.is_unknown(value)):
                    chosen = names.index(value.name.lower())
            if chosen is not None and 0 <= chosen < len(outputs):
                outputs[chosen] = _typed(outputs[chosen])
            else:
                self._look_at(value)

    # Expressions

    def _look_at(self, node: exp.Expr, *, takes_any: bool = False) -> None:
        """Look at an expression whose type is needed, unless its place takes any."""
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

    def _is_unknown(self, node: exp.Expr) -> bool:
        if isinstance(node, exp.Column):
            return self.scope.is_unknown(node)
        if isinstance(node, exp.Query):
            outputs = _Query(node, self.scope.inner()).outputs()
            return len(outputs) == 1 and outputs[0].kind is not Kind.KNOWN
        return False


def _seen_from_outside(outputs: list[Output], alias: exp.Expr | None) -> list[Output]:
    """Return a source's columns: what was a literal has no type, an alias may rename columns."""
    kinds = [Kind.KNOWN if each.kind is Kind.KNOWN else Kind.UNKNOWN for each in outputs]
    names = [each.name for each in outputs]
    renamed = [name.name.lower() for name in alias.args.get("columns") or ()] if alias else []
    if renamed and None in names:
        return [Output(None, Kind.KNOWN)]
    names[: len(renamed)] = renamed
    return list(map(Output, names, kinds))


def _typed(output: Output) -> Output:
    if output.kind is Kind.UNKNOWN:
        raise _fail()
    return Output(output.name, Kind.KNOWN)


def _is_count(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.lower() == "count"


def _takes_any(node: exp.Expr) -> bool:
    """Tell whether this takes values of any type: COUNT, IS NULL, EXISTS."""
    is_null = isinstance(node, exp.Is) and isinstance(node.expression, exp.Null)
    return is_null or _is_count(node) or isinstance(node, exp.Exists)


def _target(parent: exp.Expr | None) -> str:
    """Return the type that a CAST asks for; all else asks for a text."""
    while isinstance(parent, exp.Paren):
        parent = parent.parent
    if not isinstance(parent, (exp.Cast, exp.TryCast)):
        return "text"
    name = rules.EXPRESSION_TYPES.get(parent.args["to"].this, "text")
    return _NAMES.get(name, name)
