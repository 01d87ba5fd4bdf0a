"""A tokenizer for Redshift SQL, and a cursor that reads a statement from left to right."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase
from typing import Literal

from redshift_emulator.dialect.rules import RESERVED_WORDS
from redshift_emulator.errors import RedshiftError

Kind = Literal["word", "quoted", "string", "number", "parameter", "symbol"]

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*)
    | (?P<comment>/\*)
    | (?P<string>'(?:[^'\\]|''|\\.)*')
    | (?P<dollar>\$(?P<tag>(?:[A-Za-z_]\w*)?)\$.*?\$(?P=tag)\$)
    | (?P<quoted>"(?:[^"]|"")+")
    | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<parameter>\$\d+)
    | (?P<word>[A-Za-z_\x80-\U0010ffff][\w$\x80-\U0010ffff]*|\#[\w\x80-\U0010ffff]+)
    | (?P<symbol>::|.)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
"""A name may contain any non-ASCII character, even a non-ASCII blank (Names and identifiers)."""
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_ESCAPE = re.compile(r"\\([0-7]{1,3}|.)|''", re.DOTALL)
_CONTROL = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
# PostgreSQL truncates longer names; Redshift allows 127 bytes (Names and identifiers).
LONGEST_NAME = 63
_LOWER_CASE = str.maketrans(ascii_uppercase, ascii_lowercase)
_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_$]*")


@dataclass(frozen=True)
class Token:
    """A token: `text` is its value (a string without quotes), `start:end` its position."""

    kind: Kind
    text: str
    start: int
    end: int


def syntax_error(near: str) -> RedshiftError:
    """Return Redshift's syntax error."""
    return RedshiftError("42601", f'syntax error at or near "{near}"')


def _unescape(match: re.Match[str]) -> str:
    escaped = match[1]
    if escaped is None:
        return "'"
    if escaped.isdigit():
        if not int(escaped, 8):
            raise RedshiftError("22021", 'invalid byte sequence for encoding "UTF8": 0x00')
        return chr(int(escaped, 8))
    return _CONTROL.get(escaped, escaped)


def _comment_end(sql: str, start: int) -> int:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(sql, start):
        depth += 1 if edge[0] == "/*" else -1
        if depth == 0:
            return edge.end()
    raise RedshiftError("42601", 'unterminated /* comment at or near "/*"')


def tokenize(sql: str) -> Iterator[Token]:
    """Yield the tokens of `sql` without blanks and comments.

    Backslash is an escape character in Redshift's strings, as it was in PostgreSQL 8.
    """
    position = 0
    while match := _TOKEN.match(sql, position):
        kind, text, start = match.lastgroup, match[0], position
        position = match.end()
        if kind == "space":
            continue
        if kind == "comment":
            position = _comment_end(sql, start)
        elif kind == "string":
            yield Token("string", _ESCAPE.sub(_unescape, text[1:-1]), start, position)
        elif kind == "dollar":
            edge = len(match["tag"]) + 2
            yield Token("string", text[edge:-edge], start, position)
        elif kind == "quoted":
            yield Token("quoted", text[1:-1].replace('""', '"'), start, position)
        elif text in "'\"":
            raise RedshiftError("42601", f'unterminated quoted string at or near "{sql[start:]}"')
        else:
            yield Token(kind, text, start, position)  # type: ignore[arg-type]


def too_long(name: str) -> RedshiftError:
    """Return the error for a name that Redshift accepts and PostgreSQL would truncate."""
    return RedshiftError(
        "0A000",
        f'The emulator does not support names longer than {LONGEST_NAME} bytes; shorten "{name}"',
    )


def respelled(sql: str) -> str:
    """Rewrite the parts of `sql` that sqlglot misreads.

    A $$ string becomes an ordinary one, and a name with non-ASCII blanks is put in quotes.
    """
    parts, position = [], 0
    for token in tokenize(sql):
        if token.kind == "string" and sql[token.start] == "$":
            escaped = token.text.replace("\\", "\\\\").replace("'", "''")
            spelled = f"'{escaped}'"
        elif token.kind == "word" and any(map(str.isspace, token.text)):
            spelled = quote(fold(token.text))
        else:
            continue
        parts += [sql[position : token.start], spelled]
        position = token.end
    return "".join([*parts, sql[position:]])


def literal(text: str) -> str:
    """Write `text` as a string literal for PostgreSQL."""
    return "'" + text.replace("'", "''") + "'"


def fold(name: str) -> str:
    """Fold a name as Redshift does: ASCII letters to lower case, all others unchanged."""
    return name.translate(_LOWER_CASE)


def quote(name: str) -> str:
    """Write a name for PostgreSQL, in quotes only if it needs them."""
    if _PLAIN_NAME.fullmatch(name) and name not in RESERVED_WORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


class Cursor:
    """Reads the tokens of one statement, or of a part of it, from left to right.

    A method that expects a token raises Redshift's syntax error when another one comes.
    """

    def __init__(self, sql: str, tokens: list[Token], case_sensitive: bool) -> None:
        self.sql = sql
        self.tokens = tokens
        self.case_sensitive = case_sensitive
        self.index = 0

    @property
    def done(self) -> bool:
        """Tell whether no tokens are left."""
        return self.index >= len(self.tokens)

    @property
    def near(self) -> str:
        """The text of the next token, as error messages quote it."""
        return "end of input" if self.done else self.tokens[self.index].text

    def error(self) -> RedshiftError:
        """Return the syntax error for the next token."""
        return syntax_error(self.near)

    def peek(self, *words: str) -> bool:
        """Tell whether the next tokens are these words or symbols."""
        ahead = self.tokens[self.index : self.index + len(words)]
        return [t.text.upper() for t in ahead if t.kind in ("word", "symbol")] == list(words)

    def accept(self, *words: str) -> bool:
        """Step over these words if they come next."""
        found = self.peek(*words)
        if found:
            self.index += len(words)
        return found

    def accept_one(self, *phrases: str) -> str | None:
        """Step over the first of these phrases that comes next, and return it."""
        return next((phrase for phrase in phrases if self.accept(*phrase.split())), None)

    def expect(self, *phrases: str) -> str:
        """Step over one of these phrases and return it."""
        found = self.accept_one(*phrases)
        if found is None:
            raise self.error()
        return found

    def take(self, *kinds: Kind) -> Token:
        """Step over a token of one of these kinds and return it."""
        if self.done or self.tokens[self.index].kind not in kinds:
            raise self.error()
        self.index += 1
        return self.tokens[self.index - 1]

    def string(self) -> str:
        """Step over a string and return its value."""
        return self.take("string").text

    def integer(self) -> int:
        """Step over an integer and return it."""
        negative = self.accept("-")
        token = self.take("number")
        if not token.text.isdigit():
            raise syntax_error(token.text)
        return -int(token.text) if negative else int(token.text)

    def name(self, *, after_dot: bool = False) -> str:
        """Step over an identifier; return it folded (Names and identifiers: lower case).

        A reserved word is a name only in quotes or after a dot (Reserved words).
        """
        token = self.take("word", "quoted")
        if token.kind == "word" and not after_dot and token.text.lower() in RESERVED_WORDS:
            raise syntax_error(token.text)
        if len(token.text.encode()) > LONGEST_NAME:
            raise too_long(token.text)
        keeps_case = token.kind == "quoted" and self.case_sensitive
        return token.text if keeps_case else fold(token.text)

    def path(self) -> tuple[str, ...]:
        """Step over a name of one to four parts."""
        parts = [self.name()]
        while self.accept("."):
            parts.append(self.name(after_dot=True))
        return tuple(parts)

    def relation(self) -> str:
        """Step over a relation's name; return it in PostgreSQL's spelling."""
        return ".".join(map(quote, self.path()))

    def names(self) -> list[str]:
        """Step over a parenthesised list of identifiers."""
        inside = self.group()
        names = [inside.name()]
        while inside.accept(","):
            names.append(inside.name())
        inside.end()
        return names

    def relations(self) -> list[str]:
        """Step over relation names separated by commas."""
        relations = [self.relation()]
        while self.accept(","):
            relations.append(self.relation())
        return relations

    def group(self) -> "Cursor":
        """Step over a parenthesised part; return a cursor for what is inside."""
        self.expect("(")
        start, depth = self.index, 1
        while depth:
            token = self.take("word", "quoted", "string", "number", "parameter", "symbol")
            if token.kind == "symbol":
                depth += (token.text == "(") - (token.text == ")")
        return self.part(start, self.index - 1)

    def part(self, start: int, end: int) -> "Cursor":
        """Return a cursor for the tokens from `start` to `end`."""
        return Cursor(self.sql, self.tokens[start:end], self.case_sensitive)

    def until(self, *words: str) -> "Cursor":
        """Step to the first of these words outside parentheses, or to the end; return the part."""
        start = self.index
        while not self.done and not any(self.peek(*word.split()) for word in words):
            if self.peek("("):
                self.group()
            else:
                self.index += 1
        return self.part(start, self.index)

    def split(self) -> "Iterator[Cursor]":
        """Yield the parts between commas outside parentheses."""
        while not self.done:
            yield self.until(",")
            self.accept(",")

    def source(self) -> str:
        """Return the rest as the client wrote it, and step to the end."""
        if self.done:
            return ""
        text = self.sql[self.tokens[self.index].start : self.tokens[-1].end]
        self.index = len(self.tokens)
        return text

    def rest(self) -> str:
        """Return the rest for PostgreSQL, with names folded and strings escaped again."""
        texts = []
        while not self.done:
            token = self.tokens[self.index]
            if token.kind in ("word", "quoted"):
                name = self.name(after_dot=True)
                texts.append(quote(name) if token.kind == "quoted" else name)
                continue
            texts.append(literal(token.text) if token.kind == "string" else token.text)
            self.index += 1
        return " ".join(texts)

    def end(self) -> None:
        """Expect the end of the statement or part."""
        if not self.done:
            raise self.error()
