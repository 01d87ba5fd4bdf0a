"""What one Redshift statement becomes: the contract between dialect, wire, COPY and UNLOAD."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sql:
    """A statement for PostgreSQL.

    `text` is what the client waits for: its rows and command tag are the answer. `before` and
    `after` run in the same transaction around it, unseen (a BRIN index for a sort key, a row in
    the catalog for a declared key). `tag` replaces PostgreSQL's command tag when they differ.
    `alone` names a command that no transaction block may hold. `writes` tells what puts rows into
    tables or takes them away; `lock` comes before all else, even
    before the text is parsed, since PostgreSQL then takes a lock of its own, which must not come
    first. `untyped` are the parameters that are columns of a query on tables and nothing else, so
    that the client alone can tell their types.
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
    """`COPY table FROM 's3://…'`: options by upper-case name, credentials kept apart from them.

    `options` maps each option as written in AWS's "COPY parameters" pages (`JSON`, `MAXERROR`,
    `MANIFEST`, `GZIP`, …) to its argument, or to True for a bare flag. An option that the emulator
    does not support never gets here: the dialect refuses it by name.
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
    """Redshift session settings that change how a statement is read; one per connection."""

    case_sensitive_identifier: bool = False
    query_group: str | None = None
