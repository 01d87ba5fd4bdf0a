"""sqlglot, configured to parse Redshift's queries literally and to write them for PostgreSQL.

sqlglot's own translation replaces the functions it knows with others that mean nearly the same.
Here a function stays as the client wrote it, a bare name with arguments, until a rule in queries.py
changes it. Only calls with their own grammar (CAST, EXTRACT, TRIM …) have their own nodes.
"""

from typing import Any, ClassVar

from sqlglot import ErrorLevel, exp
from sqlglot.dialects.redshift import Redshift
from sqlglot.errors import ParseError, SqlglotError, UnsupportedError
from sqlglot.generators.postgres import PostgresGenerator
from sqlglot.parsers.redshift import RedshiftParser
from sqlglot.tokenizer_core import TokenType

from redshift_emulator.dialect.rules import TYPES, TYPES_NOT_HERE, words
from redshift_emulator.dialect.tokens import respelled, syntax_error
from redshift_emulator.errors import RedshiftError

_CALLS_THAT_ARE_GRAMMAR = {
    "CAST", "TRY_CAST", "CONVERT", "EXTRACT", "POSITION", "SUBSTRING", "TRIM",
}  # fmt: skip
_WORDS_THAT_ARE_GRAMMAR = {"CASE", "ANY", "SYSDATE"}


# Keywords and operators of other databases; sqlglot would turn them into something PostgreSQL has.
_FOREIGN = words(
    "<=> == ?? |> ~~~ ANTI APPLY ASOF CACHE DEC GLOB LOAD OVERWRITE PRAGMA REGEXP RLIKE SEMI "
    "SETTINGS STRAIGHT_JOIN XOR"
) | {"CLUSTER BY", "DISTRIBUTE BY", "PARTITIONED BY", "SORT BY"}
_OTHER_KEYWORDS = words("ARRAY INTERVAL NAME NULL OID RANGE SUPER UNION")


def _is_keyword(word: str, kind: TokenType) -> bool:
    """Tell whether Redshift's grammar has the word; a type that it lacks is just a name."""
    if kind in RedshiftParser.TYPE_TOKENS and kind is not TokenType.OBJECT_IDENTIFIER:
        return word in TYPES or word in _OTHER_KEYWORDS
    return word not in _FOREIGN


class Reader(RedshiftParser):
    """Parses every function as `exp.Anonymous`."""

    FUNCTIONS: ClassVar[dict[str, Any]] = {}
    FUNCTION_PARSERS: ClassVar = {
        name: parser
        for name, parser in RedshiftParser.FUNCTION_PARSERS.items()
        if name in _CALLS_THAT_ARE_GRAMMAR
    }
    NO_PAREN_FUNCTION_PARSERS: ClassVar = {
        name: parser
        for name, parser in RedshiftParser.NO_PAREN_FUNCTION_PARSERS.items()
        if name in _WORDS_THAT_ARE_GRAMMAR
    } | {"APPROXIMATE": lambda self: self._parse_approximate()}

    def _parse_types(self, check_func: bool = False, *more: Any, **named: Any) -> exp.Expr | None:
        # A type may have a schema, as in psql's queries. Where a function may follow, the schema is
        # the function's.
        if not check_func and self._next and self._next.token_type == TokenType.DOT:
            self._match_text_seq("PG_CATALOG", ".")
        return super()._parse_types(check_func, *more, **named)

    def _parse_approximate(self) -> exp.Expr | None:
        # An exact count also serves as an approximate one. Without a call, the word is just a name.
        if self._curr and self._next and self._next.text == "(":
            return self._parse_function()
        self._retreat(self._index - 1)
        return None


class Emulator(Redshift):
    """Redshift's grammar, with subscripts and negated predicates left unchanged."""

    INDEX_OFFSET = 1
    NORMALIZE_NOT_NULL = False
    Parser = Reader

    class Tokenizer(Redshift.Tokenizer):
        """Reads every $ as a parameter; read() has already replaced $$ strings."""

        KEYWORDS: ClassVar = {
            word: kind
            for word, kind in Redshift.Tokenizer.KEYWORDS.items()
            if _is_keyword(word, kind)
        }
        HEREDOC_STRINGS: ClassVar[list[str | tuple[str, str]]] = []
        SINGLE_TOKENS: ClassVar = {
            **Redshift.Tokenizer.SINGLE_TOKENS,
            "$": TokenType.PARAMETER,
        }


class Writer(PostgresGenerator):
    """Writes PostgreSQL; queries.py has already translated QUALIFY and types."""

    MULTI_ARG_DISTINCT = True
    TRANSFORMS: ClassVar = {
        kind: write
        for kind, write in PostgresGenerator.TRANSFORMS.items()
        if kind is not exp.Select
    } | {exp.CurrentTime: lambda *_: "CURRENT_TIME"}

    def anonymous_sql(self, expression: exp.Anonymous) -> str:
        """Write a call with the function name in lower case, as PostgreSQL expects."""
        return self.func(expression.name.lower(), *expression.expressions, normalize=False)


_DIALECT = Emulator()


def read(sql: str, into: type[exp.Expr] | None = None) -> exp.Expr:
    """Parse one statement, or one expression of the type `into`."""
    if "$" in sql or not sql.isascii():
        sql = respelled(sql)
    try:
        tokens = _DIALECT.tokenize(sql)
        parser = _DIALECT.parser(error_level=ErrorLevel.IMMEDIATE)
        trees = parser.parse_into(into, tokens, sql) if into else parser.parse(tokens, sql)
    except ParseError as error:
        if error.errors[0]["description"] == "Expected type":
            name = str(error.errors[0]["highlight"]).lower()
            if name in TYPES_NOT_HERE:
                raise RedshiftError(
                    "0A000", f"The emulator does not support {name.upper()}"
                ) from error
            raise RedshiftError("42704", f'type "{name}" does not exist') from error
        raise syntax_error(str(error.errors[0]["highlight"] or "end of input")) from error
    except SqlglotError as error:
        raise RedshiftError("42601", f"syntax error: {error}") from error
    if len(trees) != 1 or trees[0] is None or isinstance(trees[0], exp.Command):
        raise syntax_error(sql.split(maxsplit=1)[0])
    return trees[0]


def write(tree: exp.Expr) -> str:
    """Write the tree as PostgreSQL."""
    writer = Writer(
        dialect="postgres",
        comments=False,
        normalize_functions=False,
        unsupported_level=ErrorLevel.RAISE,
    )
    try:
        return writer.generate(tree, copy=False)
    except UnsupportedError as error:
        raise RedshiftError("0A000", f"The emulator cannot translate this: {error}") from error
