"""Translation of SQL that needs to know the columns of tables."""

from collections.abc import Awaitable, Callable

from redshift_emulator.dialect import translate
from redshift_emulator.dialect.laterals import UnknownColumnsError
from redshift_emulator.dialect.tokens import literal
from redshift_emulator.postgres import Row
from redshift_emulator.statements import SessionSettings, Statement

_COLUMNS_OF = (
    "select asked.name, attname from (values {}) as asked (name) left join pg_catalog.pg_attribute"
    " on attrelid = to_regclass(asked.name) and attnum > 0 and not attisdropped"
)


async def translate_with_columns(
    sql: str, settings: SessionSettings, ask: Callable[[str], Awaitable[list[Row] | None]]
) -> list[Statement] | None:
    """Translate statements; `ask` PostgreSQL for columns that decide what a name means.

    Returns None where `ask` does. Raises RedshiftError as `translate` does.
    """
    tables: dict[str, frozenset[str] | None] = {}
    while True:
        try:
            return translate(sql, settings, tables)
        except UnknownColumnsError as error:
            names = ", ".join(f"({literal(name)})" for name in sorted(error.relations))
            rows = await ask(_COLUMNS_OF.format(names))
            if rows is None:
                return None
            for relation in error.relations:
                found = (column for name, column in rows if name == relation)
                tables[relation] = frozenset(filter(None, found)) or None
