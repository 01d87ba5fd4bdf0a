"""sqlglot, told to read Redshift's queries word for word and to write them for PostgreSQL.

sqlglot's own translation rewrites the functions it knows into others that mean nearly the same.
Here a function stays what the client wrote, a bare name with arguments, until a rule of
queries.py says otherwise; only the calls that are grammar (CAST, EXTRACT, TRIM …) are nodes.
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


# Words and signs of other databases, which would pass for something that PostgreSQL has.
_FOREIGN = words(
    "<=> == ?? |> ~~~ ANTI APPLY ASOF CACHE DEC GLOB LOAD OVERWRITE PRAGMA REGEXP RLIKE SEMI "
    "SETTINGS STRAIGHT_JOIN XOR"
) | {"CLUSTER BY", "DISTRIBUTE BY", "PARTITIONED BY", "SORT BY"}
_OTHER_KEYWORDS = words("ARRAY INTERVAL NAME NULL OID RANGE SUPER UNION")


def _is_keyword(word: str, kind: TokenType) -> bool:
    """Tell whether Redshift's grammar has the word; a type that it lacks is a mere name."""
    if kind in RedshiftParser.TYPE_TOKENS and kind is not TokenType.OBJECT_IDENTIFIER:
        return word in TYPES or word in _OTHER_KEYWORDS
    return word not in _FOREIGN


class Reader(RedshiftParser):
    """Reads every function as `exp.Anonymous`."""

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
        # A type may name its schema, as psql's queries do; where a function may stand, it is one's.
        if not check_func and self._next and self._next.token_type == TokenType.DOT:
            self._match_text_seq("PG_CATALOG", ".")
        return super()._parse_types(check_func, *more, **named)

    def _parse_approximate(self) -> exp.Expr | None:
        # An exact count is an approximate one; the word alone is a name like any other.
        if self._curr and self._next and self._next.text == "(":
            return self._parse_function()
        self._retreat(self._index - 1)
        return None


class Emulator(Redshift):
    """Redshift's grammar, with subscripts and negated predicates left as they are."""

    INDEX_OFFSET = 1
    NORMALIZE_NOT_NULL = False
    Parser = Reader

    class Tokenizer(Redshift.Tokenizer):
        """Takes every $ for a placeholder's; read() has turned $$ strings into others."""

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
    """Writes PostgreSQL; QUALIFY and types are already translated by queries.py."""

    MULTI_ARG_DISTINCT = True
    TRANSFORMS: ClassVar = {
        kind: write
        for kind, write in PostgresGenerator.TRANSFORMS.items()
        if kind is not exp.Select
    } | {exp.CurrentTime: lambda *_: "CURRENT_TIME"}

    def anonymous_sql(self, expression: exp.Anonymous) -> str:
        """Write a call; PostgreSQL knows functions by their lower-case names."""
        return self.func(expression.name.lower(), *expression.expressions, normalize=False)


_DIALECT = Emulator()


def read(sql: str, into: type[exp.Expr] | None = None) -> exp.Expr:
    """Parse one statement, or one expression when `into` says so."""
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
                raise RedshiftError("0A000", f"The emulator has no {name.upper()}") from error
            raise RedshiftError("42704", f'type "{name}" does not exist') from error
        raise syntax_error(str(error.errors[0]["highlight"] or "end of input")) from error
    except SqlglotError as error:
        raise RedshiftError("42601", f"syntax error: {error}") from error
    if len(trees) != 1 or trees[0] is None or isinstance(trees[0], exp.Command):
        raise syntax_error(sql.split(maxsplit=1)[0])
    return trees[0]


def write(tree: exp.Expr) -> str:
    """Return the tree's PostgreSQL."""
    writer = Writer(
        dialect="postgres",
        comments=False,
        normalize_functions=False,
        unsupported_level=ErrorLevel.RAISE,
    )
    try:
        return writer.generate(tree, copy=False)
    except UnsupportedError as error:
        raise RedshiftError("0A000", f"The emulator cannot run this: {error}") from error
