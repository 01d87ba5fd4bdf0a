"""SELECT, INSERT, UPDATE, DELETE and MERGE: refusals, then rules on the tree, bottom up."""

from collections.abc import Callable, Iterator, Sequence

from sqlglot import exp

from redshift_emulator.dialect import columns, grammar, laterals, rules
from redshift_emulator.dialect.tokens import LONGEST_NAME, fold, syntax_error, too_long
from redshift_emulator.errors import RedshiftError

_SYSTEM_SCHEMAS = ("pg_catalog", "information_schema")
_SYSTEM_PREFIXES = ("pg_", "svv_", "stv_", "stl_", "svl_", "svcs_", "sys_")
_KNOWN = "columns"
_LEADER_NODES = (exp.CurrentTime, exp.Localtime, exp.Localtimestamp, exp.CurrentTimestamp)


def parse(
    sql: str, case_sensitive: bool, into: type[exp.Expr] | None = None, *, stored: bool = False
) -> exp.Expr:
    """Return the PostgreSQL tree of a Redshift query, or of an expression of the type `into`.

    The rows of a `stored` query go into a table. If it reads no table, the leader node can compute
    a row for it, but not a set of rows.
    """
    tree = grammar.read(sql, into)
    if not case_sensitive:
        laterals.inline(tree)
    stored = stored or bool(tree.args.get("into"))
    reads_user_tables = any(not _is_system(table) for table in _relations(tree))
    known: list[columns.Output] = []
    on_catalog = not reads_user_tables and any(_is_system(table) for table in _relations(tree))
    if not on_catalog:
        only_leader = (
            rules.LEADER_ONLY if reads_user_tables else rules.SETS if stored else frozenset()
        )
        _refuse(tree, only_leader, bars_nodes=reads_user_tables)
        known = columns.outputs(tree)
    for window in list(tree.find_all(exp.Window)):
        _translate_window(window)
    # Rules replace nodes in their parents, so the tree's root needs a parent too.
    root = exp.Tuple(expressions=[tree])
    for node in reversed(list(tree.dfs())):
        if isinstance(node, exp.Identifier):
            _fold(node, case_sensitive)
        elif isinstance(node, exp.DataType):
            if not on_catalog and (reads_user_tables or not isinstance(node, exp.ObjectIdentifier)):
                _check_type(node)
        elif isinstance(node, exp.Anonymous):
            _translate_function(node, on_catalog)
        elif on_catalog and isinstance(node, exp.Table):
            _shadow(node)
        elif rule := _RULES.get(type(node)):
            rule(node)
    translated: exp.Expr = root.expressions[0]
    translated.meta[_KNOWN] = known
    return translated


def widths(tree: exp.Expr, names: Sequence[str] | None = None) -> dict[str, str]:
    """Return the known widths of a query's text columns, as SQL by column name.

    `names` replace the names of its columns.
    """
    known: list[columns.Output] = tree.meta[_KNOWN]
    if names and any(output.name is None for output in known):
        return {}
    named = zip(names or (output.name for output in known), known, strict=False)
    return {name: output.width for name, output in named if name and output.width}


def translate(sql: str, case_sensitive: bool, into: type[exp.Expr] | None = None) -> str:
    """Return the PostgreSQL text of a Redshift query or expression."""
    return grammar.write(parse(sql, case_sensitive, into))


def reads_relation_without_schema(tree: exp.Expr) -> bool:
    """Tell whether the query names a relation without a schema."""
    return any(not table.db for table in _relations(tree))


def untyped_parameters(tree: exp.Expr) -> frozenset[int]:
    """Return the parameters that are nothing but columns of a query on tables.

    In the query of an INSERT, they take the types of the target table's columns.
    """
    columns: set[int] = set()
    others: set[int] = set()
    for parameter in tree.find_all(exp.Parameter):
        item = parameter.parent
        block = item.parent if isinstance(item, exp.Alias) else item
        is_column = isinstance(block, exp.Select) and not isinstance(block.parent, exp.Insert)
        kind = columns if is_column and _reads_tables(block) else others
        kind.add(int(parameter.name))
    return frozenset(columns - others)


def _reads_tables(block: exp.Expr | None) -> bool:
    """Tell whether the query reads anything but the catalog, which is on the leader node alone."""
    tables = block.find_all(exp.Table) if block else ()
    return any(
        table.db != "information_schema" and not table.name.startswith("pg_") for table in tables
    )


def _relations(tree: exp.Expr) -> Iterator[exp.Table]:
    named_here = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        is_function = not isinstance(table.this, exp.Identifier)
        if is_function:
            found = table.this.name.lower() == "pg_get_late_binding_view_cols"
        else:
            found = bool(table.db) or table.name.lower() not in named_here
        if found:
            yield table


def _is_system(table: exp.Table) -> bool:
    name = (table.name if isinstance(table.this, exp.Identifier) else table.this.name).lower()
    if table.db:
        return table.db.lower() in _SYSTEM_SCHEMAS
    return name.startswith(_SYSTEM_PREFIXES)


def _shadow(table: exp.Table) -> None:
    """Replace a catalog table with the emulator's view of it."""
    if table.name.lower() in rules.SHADOWED and table.db.lower() in ("", "pg_catalog"):
        table.set("db", exp.to_identifier("redshift"))
        if not table.alias:
            table.set("alias", exp.TableAlias(this=table.this.copy()))


# Refusals

_REFUSALS: dict[type[exp.Expr], list[rules.Refusal]] = {}
for _refusal in rules.REFUSALS:
    _REFUSALS.setdefault(_refusal.node, []).append(_refusal)


def _refuse(tree: exp.Expr, barred: frozenset[str], *, bars_nodes: bool) -> None:
    for node in tree.dfs():
        for refusal in _REFUSALS.get(type(node), ()):
            if refusal.applies(node):
                raise RedshiftError(refusal.sqlstate, refusal.message)
        if type(node) in rules.NOT_HERE:
            raise _not_here(rules.NOT_HERE[type(node)])
        if isinstance(node, (exp.Column, exp.Table, exp.TableAlias)):
            _refuse_reserved(node)
        if _is_barred(node, barred) or (bars_nodes and _is_leader_node(node)):
            raise RedshiftError(
                "0A000",
                "Specified types or functions (one per INFO message) not supported on Redshift "
                "tables.",
            )
    for column in tree.find_all(exp.Column):
        if column.table:
            _refuse_correlation(column)
    for block in tree.find_all(exp.Select):
        _refuse_orders(block)


def _not_here(what: str) -> RedshiftError:
    return RedshiftError("0A000", f"The emulator does not support {what}")


def _is_default(node: exp.Expr) -> bool:
    is_value = isinstance(node.parent, exp.EQ) and node.parent.expression is node
    return is_value and isinstance(node, exp.Column) and node.name.lower() == "default"


def _refuse_reserved(node: exp.Expr) -> None:
    """Refuse a reserved word as a name, unless in quotes or after a dot (Reserved words)."""
    parts = [node.args.get(part) for part in ("catalog", "db", "table", "this")]
    first = next((part for part in parts if part is not None), None)
    bare = isinstance(first, exp.Identifier) and not first.quoted
    if bare and _is_default(node):
        raise _not_here("SET column = DEFAULT")
    if first and bare and first.name.lower() in rules.RESERVED_WORDS:
        raise syntax_error(first.name)
    if node.args.get("join_mark"):
        raise _not_here("(+) joins")


def _is_barred(node: exp.Expr, barred: frozenset[str]) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.lower() in barred


def _is_leader_node(node: exp.Expr) -> bool:
    return isinstance(node, _LEADER_NODES) and not node.args.get("sysdate")


def _refuse_correlation(column: exp.Column) -> None:
    """Refuse correlated subqueries that the names alone reveal (Correlated subqueries)."""
    block = column.find_ancestor(exp.Select)
    if block is None or _reads(block, column.table):
        return
    level, outer = 1, block.find_ancestor(exp.Select, exp.Update, exp.Delete)
    while outer is not None and not _reads(outer, column.table):
        level, outer = level + 1, outer.find_ancestor(exp.Select, exp.Update, exp.Delete)
    if outer is None:
        return
    join = block.find_ancestor(exp.Join, exp.Select)
    if (
        level > 1
        or isinstance(join, exp.Join)
        or block.args.get("limit")
        or any(item.find(exp.Window) for item in block.expressions)
    ):
        raise RedshiftError(
            "0A000", "This type of correlated subquery pattern is not supported yet"
        )


def _reads(block: exp.Expr, name: str) -> bool:
    clause = block.args.get("from_")
    sources = [block.this] if isinstance(block, (exp.Update, exp.Delete)) else []
    sources += [clause.this] if clause else []
    sources += [join.this for join in block.args.get("joins") or ()]
    sources += block.args.get("using") or []
    return any(source.alias_or_name.lower() == name.lower() for source in sources)


def _refuse_orders(block: exp.Select) -> None:
    """Refuse aggregates in one query with different sort orders (LISTAGG, MEDIAN function)."""
    orders: set[str] = set()
    for call in block.find_all(exp.WithinGroup, exp.Anonymous):
        if call.find_ancestor(exp.Window, exp.Select) is not block:
            continue
        if isinstance(call, exp.WithinGroup):
            keys = call.expression.expressions
        elif call.name.lower() == "median":
            keys = [exp.Ordered(this=each.copy()) for each in call.expressions]
        else:
            continue
        sorts = (
            grammar.write(key.this.copy()) + " desc" * bool(key.args.get("desc")) for key in keys
        )
        orders.add(", ".join(sorts).lower())
    if len(orders) > 1:
        raise RedshiftError(
            "0A000", "within group ORDER BY clauses for aggregate functions must be the same"
        )


# Names and types


def _fold(name: exp.Identifier, case_sensitive: bool) -> None:
    if len(name.name.encode()) > LONGEST_NAME:
        raise too_long(name.name)
    if name.quoted and not case_sensitive:
        name.set("this", fold(name.name))
    elif name.name.startswith("#"):
        name.replace(exp.to_identifier(fold(name.name), quoted=True))


def _check_type(node: exp.DataType) -> None:
    written = node.this
    if written == exp.DType.SUPER:
        raise _not_here("SUPER")
    if written not in rules.EXPRESSION_TYPES:
        raise RedshiftError("42704", f'type "{node.sql("postgres").lower()}" does not exist')
    name = rules.EXPRESSION_TYPES[written]
    lengths = [parameter.name for parameter in node.expressions]
    if name == "numeric":
        lengths = lengths or ["18", "0"]
        check_precision(*map(int, lengths))
    elif name in rules.LENGTHS:
        greatest = rules.LENGTHS[name][1]
        lengths = [str(greatest) if length.upper() == "MAX" else length for length in lengths]
        check_length(name, int(lengths[0]) if lengths else 1)
        kinds = {"varchar": exp.DType.VARCHAR, "char": exp.DType.CHAR, "bytea": written}
        node.set("this", kinds[name] if lengths or name != "char" else exp.DType.BPCHAR)
    elif lengths:
        raise syntax_error("(")
    node.set("expressions", [exp.DataTypeParam(this=exp.Literal.number(n)) for n in lengths])


def size_literals(tree: exp.Expr) -> exp.Expr:
    """Give a column that is only a literal the literal's length or precision (CREATE TABLE AS).

    Returns the same tree. Branches of a set operation stay unchanged: their types depend on each
    other.
    """
    for select in tree.find_all(exp.Select):
        if not isinstance(select.parent, exp.SetOperation):
            for column in select.expressions:
                kind = _literal_type(column.this) if isinstance(column, exp.Alias) else None
                if kind:
                    column.set("this", exp.Cast(this=column.this, to=exp.DataType.build(kind)))
    return tree


def _literal_type(value: exp.Expr) -> str | None:
    if not isinstance(value, exp.Literal):
        return None
    if value.is_string:
        return f"varchar({max(len(value.name.encode()), 1)})"
    whole, point, fraction = value.name.partition(".")
    plain = point and (whole + fraction).isdigit()
    return f"decimal({len(whole + fraction)}, {len(fraction)})" if plain else None


def check_precision(precision: int, scale: int = 0) -> None:
    """Refuse a DECIMAL with more than 38 digits, or 37 after the point (Numeric types)."""
    if not 1 <= precision <= 38:
        raise RedshiftError("22023", f"DECIMAL precision {precision} must be between 1 and 38")
    greatest = min(precision, 37)
    if not 0 <= scale <= greatest:
        raise RedshiftError("22023", f"DECIMAL scale {scale} must be between 0 and {greatest}")


def check_length(name: str, length: int) -> None:
    """Refuse a length in bytes above the type's maximum (Character types; VARBYTE type)."""
    greatest = rules.LENGTHS[name][1]
    if not 1 <= length <= greatest:
        shown = "varbyte" if name == "bytea" else name
        raise RedshiftError("22023", f"length for type {shown} cannot exceed {greatest}")


def _cut_to_bytes(node: exp.Expr) -> None:
    """In a CAST to VARCHAR(n), cut after n bytes, not characters (Character types)."""
    length = node.args["to"].expressions
    if node.args["to"].is_type(exp.DType.VARCHAR, exp.DType.CHAR) and length:
        if isinstance(node.this, exp.Null) or (node.this.is_string and node.this.name.isascii()):
            return
        text = exp.Cast(this=node.this, to=exp.DType.TEXT.into_expr())
        node.set("this", _own("first_bytes", text, length[0].this.copy()))


def _in_utc(node: exp.Expr) -> None:
    """Convert TIMETZ to UTC, and 24:00:00 to 00:00:00 (Datetime types)."""
    if node.args["to"].is_type(exp.DType.TIMETZ):
        utc = exp.Literal.string("UTC")
        node.replace(_call("timezone", utc, node.copy()))
    elif node.args["to"].is_type(exp.DType.TIME):
        nothing = exp.cast(exp.Literal.string("0"), exp.DType.INTERVAL)
        node.replace(exp.Paren(this=exp.Add(this=node.copy(), expression=nothing)))


def _read_as_text(node: exp.Expr) -> None:
    """Cast a literal to VARBYTE by its bytes; PostgreSQL would read escapes (VARBYTE type)."""
    if node.args["to"].is_type(exp.DType.VARBINARY) and node.this.is_string:
        node.set("this", _as(exp.DType.TEXT, node.this))


def _cast(node: exp.Expr) -> None:
    _read_as_text(node)
    _cut_to_bytes(node)
    _in_utc(node)


def _try_cast(node: exp.Expr) -> None:
    """Return null from TRY_CAST where CAST fails (TRY_CAST function)."""
    kind = node.args["to"]
    text = exp.Cast(this=node.this, to=exp.DType.TEXT.into_expr())
    tried = _own("try_cast", text, exp.Literal.string(kind.sql("postgres")))
    cast = exp.Cast(this=tried, to=kind)
    node.replace(cast)
    _in_utc(cast)


# Functions


def _own(name: str, *arguments: exp.Expr | None) -> exp.Expr:
    call = exp.Anonymous(this=name, expressions=[a for a in arguments if a is not None])
    return exp.Dot(this=exp.to_identifier("redshift"), expression=call)


def _call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _as(kind: exp.DType, value: exp.Expr) -> exp.Expr:
    return exp.Cast(this=value, to=kind.into_expr())


def _moment(value: exp.Expr) -> exp.Expr:
    """Cast a string literal to TIMESTAMP, as Redshift's date functions do."""
    return _as(exp.DType.TIMESTAMP, value) if value.is_string else value


def _datepart(node: exp.Expr) -> str:
    part = rules.DATEPARTS.get(node.name.lower())
    if part is None or not isinstance(node, (exp.Column, exp.Literal, exp.Var)):
        raise RedshiftError("22023", f'"{node.name}" is not a valid date part')
    return part


def _interval(part: str) -> exp.Expr:
    if part not in rules.INTERVALS:
        raise RedshiftError("22023", f'"{part}" is not a valid date part')
    return exp.Interval(this=exp.Literal.string(rules.INTERVALS[part]))


def _decode(*arguments: exp.Expr) -> exp.Expr:
    """Translate DECODE, which treats nulls as equal (DECODE conditional expression)."""
    value, pairs = arguments[0], arguments[1:]
    case = exp.Case(default=pairs[-1] if len(pairs) % 2 else None)
    for search, result in zip(pairs[::2], pairs[1::2], strict=False):
        case.append(
            "ifs", exp.If(this=exp.NullSafeEQ(this=value.copy(), expression=search), true=result)
        )
    return case


def _nvl2(value: exp.Expr, present: exp.Expr, absent: exp.Expr) -> exp.Expr:
    return exp.Case(
        ifs=[exp.If(this=exp.Is(this=value, expression=exp.Null()), true=absent)], default=present
    )


def _json_extract_path_text(text: exp.Expr, *path: exp.Expr) -> exp.Expr:
    quiet = path[-1] if isinstance(path[-1], exp.Boolean) else None
    keys = path[:-1] if quiet else path
    return _own("json_extract_path_text", text, quiet or exp.false(), *keys)


def _listagg(value: exp.Expr, delimiter: exp.Expr | None = None) -> exp.Expr:
    delimiter = delimiter or exp.Literal.string("")
    if isinstance(value, exp.Distinct):
        value.append("expressions", delimiter) if len(value.expressions) == 1 else None
        return _own("listagg", value)
    return _call("string_agg", _as(exp.DType.TEXT, value), delimiter)


def _date_part(part: exp.Expr, value: exp.Expr) -> exp.Expr:
    return _call("date_part", exp.Literal.string(_datepart(part)), _moment(value))


def _dateadd(part: exp.Expr, number: exp.Expr, value: exp.Expr) -> exp.Expr:
    return _own("dateadd", _interval(_datepart(part)), number, _moment(value))


def _datediff(part: exp.Expr, start: exp.Expr, end: exp.Expr) -> exp.Expr:
    return _own("datediff", exp.Literal.string(_datepart(part)), _moment(start), _moment(end))


def _date_trunc(part: exp.Expr, value: exp.Expr) -> exp.Expr:
    return _own("date_trunc", exp.Literal.string(_datepart(part)), _moment(value))


def _convert_timezone(*arguments: exp.Expr) -> exp.Expr:
    return _own("convert_timezone", *arguments[:-1], _moment(arguments[-1]))


def _median(value: exp.Expr) -> exp.Expr:
    order = exp.Order(expressions=[exp.Ordered(this=value)])
    return exp.WithinGroup(
        this=_call("percentile_cont", exp.Literal.number("0.5")), expression=order
    )


def _current_setting(name: exp.Expr) -> exp.Expr:
    default = rules.REDSHIFT_SETTINGS.get(name.name.lower())
    if default is None:
        return _call("current_setting", name, exp.true())
    own = exp.Literal.string(f"redshift.{name.name.lower()}")
    value = _call("current_setting", own, exp.true())
    given = _call("nullif", value, exp.Literal.string(""))
    return _call("coalesce", given, exp.Literal.string(default))


def _charindex(part: exp.Expr, text: exp.Expr) -> exp.Expr:
    return _call("strpos", text, part)


_FUNCTIONS: dict[str, Callable[..., exp.Expr]] = {
    "charindex": _charindex,
    "convert_timezone": _convert_timezone,
    "current_setting": _current_setting,
    "date_part": _date_part,
    "date_trunc": _date_trunc,
    "dateadd": _dateadd,
    "datediff": _datediff,
    "decode": _decode,
    "json_extract_path_text": _json_extract_path_text,
    "listagg": _listagg,
    "median": _median,
    "nvl2": _nvl2,
}


def _translate_function(node: exp.Anonymous, on_catalog: bool) -> None:
    if isinstance(node.parent, exp.Dot):
        if node.parent.this.name.lower() == "pg_catalog" and not on_catalog:
            _check_catalog_function(node.name.lower())
        return
    name = rules.RENAMED.get(node.name.lower(), node.name.lower())
    arguments = node.expressions
    node.set("this", name)
    if name in _FUNCTIONS:
        try:
            node.replace(_FUNCTIONS[name](*arguments))
        except (TypeError, IndexError) as error:
            raise RedshiftError(
                "42883", f"function {name}() with these arguments does not exist"
            ) from error
    elif name in rules.OWN:
        if isinstance(node.parent, exp.Table):
            raise _no_function(name)
        node.replace(_own(name, *arguments))
    elif name in rules.FUNCTIONS_NOT_HERE:
        raise _not_here(name.upper())
    elif not on_catalog and name not in rules.NATIVE | rules.LEADER_ONLY:
        # A user-defined function: the schema keeps out functions that only PostgreSQL has.
        if isinstance(node.parent, exp.Table):
            raise _no_function(name)
        node.replace(exp.Dot(this=exp.to_identifier("public"), expression=node.copy()))


def _check_catalog_function(name: str) -> None:
    if name not in rules.NATIVE | rules.LEADER_ONLY:
        raise _no_function(f"pg_catalog.{name}")


def _no_function(name: str) -> RedshiftError:
    return RedshiftError("42883", f"function {name}() does not exist")


def _translate_window(window: exp.Window) -> None:
    call = window.this
    ordered, spec = window.args.get("order"), window.args.get("spec")
    ignore_nulls = isinstance(call, exp.IgnoreNulls)
    if isinstance(call, (exp.IgnoreNulls, exp.RespectNulls)):
        call = call.this
    within = call.expression.expressions if isinstance(call, exp.WithinGroup) else []
    call = call.this if within else call
    name = call.name.lower()
    arguments = call.expressions
    if arguments and isinstance(arguments[0], (exp.IgnoreNulls, exp.RespectNulls)):
        ignore_nulls = isinstance(arguments[0], exp.IgnoreNulls)
        arguments[0].replace(arguments[0].this)
        arguments = call.expressions
    window.set("this", call)
    if name in rules.FRAMED and ordered and not spec:
        raise RedshiftError(
            "42601", "Aggregate window functions with an ORDER BY clause require a frame clause"
        )
    keys = [*(window.args.get("partition_by") or ()), *(ordered.expressions if ordered else ())]
    if any(key.is_string or (isinstance(key, exp.Ordered) and key.this.is_string) for key in keys):
        raise RedshiftError(
            "0A000", "String literals are not supported in the OVER clause of a window function"
        )
    if name in rules.RANKINGS and spec:
        raise RedshiftError("42601", f"Window function {name} cannot have a frame clause")
    if name in ("lag", "lead"):
        _refuse_neighbour(name, arguments, ordered)
    if ignore_nulls:
        _ignore_nulls(window, name, arguments)
    elif name == "ratio_to_report":
        total = window.copy()
        total.set("this", _call("sum", arguments[0].copy()))
        window.replace(exp.Div(this=_as(exp.DType.DOUBLE, arguments[0]), expression=total))
    elif name == "listagg":
        if isinstance(arguments[0], exp.Distinct):
            raise _not_here("LISTAGG(DISTINCT …) OVER")
        if within:
            window.set("order", exp.Order(expressions=within))
            window.set("spec", _frame("UNBOUNDED", "PRECEDING", "UNBOUNDED", "FOLLOWING"))
    elif name in ("median", "percentile_cont"):
        share = arguments[0] if within else exp.Literal.number("0.5")
        value = within[0].this if within else arguments[0]
        window.set("this", _own("percentile_cont", _as(exp.DType.DOUBLE, value), share))


def _refuse_neighbour(name: str, arguments: list[exp.Expr], ordered: exp.Expr | None) -> None:
    """Refuse a default value or a missing ORDER BY (LAG and LEAD window functions)."""
    if len(arguments) > 2:
        raise RedshiftError(
            "0A000", f"Default parameter not be supported for window function {name}"
        )
    if ordered is None:
        raise RedshiftError("42601", f"Window function {name} requires an ORDER BY clause")


def _ignore_nulls(window: exp.Window, name: str, arguments: list[exp.Expr]) -> None:
    frames = {
        "first_value": ("first_known", window.args.get("spec")),
        "last_value": ("last_known", window.args.get("spec")),
        "lag": ("last_known", _frame("UNBOUNDED", "PRECEDING", exp.Literal.number(1), "PRECEDING")),
        "lead": (
            "first_known",
            _frame(exp.Literal.number(1), "FOLLOWING", "UNBOUNDED", "FOLLOWING"),
        ),
    }
    if name not in frames or (len(arguments) > 1 and arguments[1].name != "1"):
        raise _not_here(f"{name.upper()} with IGNORE NULLS and an offset")
    known, spec = frames[name]
    window.set("this", _own(known, arguments[0]))
    window.set("spec", spec)


def _frame(start: str | exp.Expr, start_side: str, end: str | exp.Expr, end_side: str) -> exp.Expr:
    return exp.WindowSpec(
        kind="ROWS", start=start, start_side=start_side, end=end, end_side=end_side
    )


# Rules on the tree


def _extract(node: exp.Expr) -> None:
    """Make EXTRACT return an integer for its part (Date parts for date or timestamp functions)."""
    part = _datepart(node.this)
    field = exp.Extract(this=exp.var(part), expression=_moment(node.expression))
    whole = _as(exp.DType.BIGINT, _call("floor", field))
    modulus = {"millisecond": 1000, "microsecond": 1_000_000}.get(part)
    if modulus:
        whole = exp.Paren(this=exp.Mod(this=whole, expression=exp.Literal.number(modulus)))
    node.replace(whole)


def _sysdate(node: exp.Expr) -> None:
    """Translate SYSDATE to the start of the transaction, a TIMESTAMP (SYSDATE function)."""
    if node.args.get("sysdate"):
        node.replace(exp.Localtimestamp())


def _order_within_call(node: exp.Expr) -> None:
    """Move the ORDER BY of LISTAGG inside the call, where PostgreSQL expects it."""
    call = node.this.expression if isinstance(node.this, exp.Dot) else node.this
    if call.name not in ("string_agg", "listagg"):
        return
    last = call.expressions[-1]
    order = exp.Order(this=last.copy(), expressions=node.expression.expressions)
    last.replace(order)
    node.replace(node.this)


def _qualify(node: exp.Expr) -> None:
    """Turn QUALIFY, a filter on window functions, into an outer query (QUALIFY clause).

    Each column keeps its name. A star becomes whole rows of its relations, which the outer query
    expands.
    """
    qualify = node.args.get("qualify")
    if qualify is None:
        return
    condition = qualify.this
    aliases = {item.alias: item.this for item in node.expressions if isinstance(item, exp.Alias)}
    for column in list(exp.Paren(this=condition).find_all(exp.Column)):
        if not column.table and column.name in aliases:
            column.replace(exp.Paren(this=aliases[column.name].copy()))
    outer: list[exp.Expr] = []
    inner: list[exp.Expr] = []
    for item in node.expressions:
        if item.is_star:
            rows = [item.table] if isinstance(item, exp.Column) else _sources(node)
            for row in rows:
                inner.append(exp.alias_(exp.column(row), f"_row{len(inner)}"))
                opened = exp.Paren(this=exp.column(inner[-1].alias, "_qualified"))
                outer.append(exp.Dot(this=opened, expression=exp.Star()))
        else:
            name = item.alias or item.name or f"_column{len(inner)}"
            inner.append(exp.alias_(item.unalias(), f"_column{len(inner)}"))
            outer.append(exp.alias_(exp.column(inner[-1].alias, "_qualified"), name, quoted=True))
    condition = node.args.pop("qualify").this
    inner.append(exp.alias_(condition, "_keep"))
    wrapped = exp.Select(expressions=outer, distinct=node.args.pop("distinct", None))
    order, limit, offset = (node.args.pop(key, None) for key in ("order", "limit", "offset"))
    for position, item in enumerate(order.expressions if order else ()):
        inner.append(exp.alias_(_sort_key(item.this, node, aliases), f"_order{position}"))
        item.set("this", exp.column(inner[-1].alias, "_qualified"))
    clauses = {
        "with_": node.args.pop("with_", None),
        "order": order,
        "limit": limit,
        "offset": offset,
    }
    source = node.copy()
    source.set("expressions", inner)
    for key, clause in clauses.items():
        wrapped.set(key, clause)
    wrapped.set(
        "from_",
        exp.From(
            this=exp.Subquery(
                this=source, alias=exp.TableAlias(this=exp.to_identifier("_qualified"))
            )
        ),
    )
    wrapped.set("where", exp.Where(this=exp.column("_keep", "_qualified")))
    node.replace(wrapped)


def _sort_key(key: exp.Expr, node: exp.Expr, aliases: dict[str, exp.Expr]) -> exp.Expr:
    if key.is_int:
        chosen: exp.Expr = node.expressions[int(key.name) - 1]
        return chosen.unalias().copy()
    if isinstance(key, exp.Column) and not key.table and key.name in aliases:
        return aliases[key.name].copy()
    return key


def _sources(select: exp.Expr) -> list[str]:
    joins = select.args.get("joins") or []
    if any(join.args.get("using") or join.method for join in joins):
        raise _not_here("QUALIFY on * with USING or NATURAL")
    return [
        source.alias_or_name for source in (select.args["from_"].this, *(j.this for j in joins))
    ]


def _group_by_all(node: exp.Expr) -> None:
    """Group by every selected item that is not an aggregate (GROUP BY clause)."""
    if not node.args.get("all"):
        return
    selected = node.parent.expressions if node.parent else []
    if any(item.is_star for item in selected):
        raise _not_here("GROUP BY ALL of a star")
    plain = [number for number, item in enumerate(selected, 1) if not _aggregates(item)]
    if plain:
        node.replace(exp.Group(expressions=[exp.Literal.number(number) for number in plain]))
    else:
        node.pop()


def _aggregates(item: exp.Expr) -> bool:
    """Tell whether a selected item has one value per group: an aggregate or a window function."""
    calls = exp.Paren(this=item.copy()).find_all(exp.Anonymous, exp.Window)
    return any(
        (isinstance(call, exp.Window) or call.name.lower() in rules.AGGREGATES)
        and not call.find_ancestor(exp.Select)
        for call in calls
    )


def _delete(node: exp.Expr) -> None:
    """Refuse an alias for the table; accept DELETE without FROM (DELETE)."""
    if node.args.get("tables"):
        node.set("this", node.args["tables"][0])
        node.set("tables", None)
    if isinstance(node.this, exp.Table) and node.this.alias:
        raise syntax_error(node.this.alias)


def _merge(node: exp.Expr) -> None:
    """Require one WHEN MATCHED and one WHEN NOT MATCHED, without conditions (MERGE)."""
    branches = node.args["whens"].expressions
    if [bool(branch.args.get("matched")) for branch in branches] != [True, False]:
        raise RedshiftError("42601", "MERGE needs one WHEN MATCHED and one WHEN NOT MATCHED clause")
    for branch in branches:
        if branch.args.get("condition") or branch.args.get("source"):
            raise syntax_error("AND")
        then = branch.args["then"]
        if isinstance(then, exp.Var) and then.name.upper() != "DELETE":
            raise syntax_error("DO")
        if isinstance(then, exp.Insert) and not then.expression:
            # Without a column list, sqlglot reads VALUES (…) as a call.
            call = then.this.find(exp.Anonymous)
            then.set("expression", exp.Tuple(expressions=call.expressions))
            then.set("this", None)
    if node.this.alias:
        raise syntax_error(node.this.alias)


_RULES: dict[type[exp.Expr], Callable[[exp.Expr], None]] = {
    exp.Cast: _cast,
    exp.TryCast: _try_cast,
    exp.CurrentTimestamp: _sysdate,
    exp.Delete: _delete,
    exp.Extract: _extract,
    exp.Group: _group_by_all,
    exp.Merge: _merge,
    exp.Select: _qualify,
    exp.WithinGroup: _order_within_call,
}
