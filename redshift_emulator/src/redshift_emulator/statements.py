"""A translated Redshift statement: the interface between the dialect, the wire, COPY and UNLOAD."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sql:
    """A statement for PostgreSQL.

    `text` produces the answer: its rows and command tag. `before` and `after` run around it in the
    same transaction, and the client does not see them (a BRIN index for a sort key, a catalog row
    for a declared key). `tag` replaces PostgreSQL's command tag when Redshift's differs. `alone`
    names a command that cannot run in a transaction block. `writes` is true for a statement that
    adds or removes rows. `lock` runs first, even before `text` is parsed, because parsing takes a
    lock of PostgreSQL's own that must come second. `untyped` holds the parameters that are nothing
    but columns of a query on tables, so that only the client can tell their types.
    """

    text: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    tag: str | None = None
    writes: bool = False
    lock: str | None = None
    alone: str | None = None
    untyped: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Copy:
    """`COPY table FROM 's3://…'`: options by upper-case name, with credentials kept separate.

    `options` maps each option, written as on AWS's "COPY parameters" pages (`JSON`, `MAXERROR`,
    `MANIFEST`, `GZIP`, …), to its argument, or to True for a bare flag. The dialect has already
    refused the options that the emulator does not support.
    """

    table: str
    columns: tuple[str, ...]
    source: str
    credentials: Mapping[str, str] = field(repr=False)
    options: Mapping[str, str | int | bool]


@dataclass(frozen=True)
class Unload:
    """`UNLOAD ('select …') TO 's3://…'`: `query` is still Redshift SQL."""

    query: str
    target: str
    credentials: Mapping[str, str] = field(repr=False)
    options: Mapping[str, str | int | bool]


Statement = Sql | Copy | Unload


@dataclass
class SessionSettings:
    """The Redshift settings of one session that change how its statements are read."""

    case_sensitive_identifier: bool = False
    query_group: str | None = None
