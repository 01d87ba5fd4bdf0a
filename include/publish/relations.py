"""The tables that analysts read: their columns, keys, comments and grants."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from redshift_connector.cursor import Cursor

from include.load.sql import identifier, literal, literals
from include.publish.tables import SUPERSEDED, ForeignKey, PublishedTable
from include.settings import settings


@dataclass(frozen=True)
class Column:
    """A column as the catalogue describes it; a comment makes no difference to `==`."""

    name: str
    data_type: str
    is_nullable: str
    is_distkey: bool
    sort_position: int
    comment: str | None = field(compare=False)


Columns = Mapping[tuple[str, str], tuple[Column, ...]]


def read_columns(cursor: Cursor, tables: Iterable[PublishedTable]) -> Columns:
    """Return the columns of each table that exists, by schema and name."""
    schemas = {SUPERSEDED} | {name for each in tables for name in (each.schema, each.built_schema)}
    cursor.execute(
        "select schema_name, table_name, column_name, data_type, is_nullable, distkey, sortkey, "
        f"remarks from svv_redshift_columns where schema_name in ({literals(sorted(schemas))}) "
        "order by schema_name, table_name, ordinal_position"
    )
    columns: dict[tuple[str, str], tuple[Column, ...]] = {}
    for schema, table, *described in cursor.fetchall():
        columns[schema, table] = (*columns.get((schema, table), ()), Column(*described))
    return columns


def create_schemas(cursor: Cursor, names: Collection[str]) -> None:
    """Create the schemas that do not exist: even IF NOT EXISTS asks for the right to create."""
    cursor.execute(f"select nspname from pg_namespace where nspname in ({literals(sorted(names))})")
    for name in sorted(set(names) - {existing for (existing,) in cursor.fetchall()}):
        cursor.execute(f"create schema {identifier(name)}")


def create(cursor: Cursor, table: PublishedTable, like: str) -> None:
    """Create a published table with the columns, distribution and sort keys of another table."""
    cursor.execute(f"create table {table.published} (like {like})")
    if table.primary_key:
        cursor.execute(
            f"alter table {table.published} add primary key ({', '.join(table.primary_key)})"
        )
    roles = settings().reader_role, settings().pii_reader_role
    for statement in reader_grants(table, table.columns, *roles):
        cursor.execute(statement)


def drop(cursor: Cursor, table: PublishedTable, tables: Mapping[str, PublishedTable]) -> None:
    """Drop a published table; foreign keys of others that refer to it go first."""
    existing = foreign_key_names(cursor, tables)
    for other, key in foreign_keys(tables):
        name = constraint_name(other, key)
        if key.to == table.name and other != table and name in existing:
            cursor.execute(f"alter table {other.published} drop constraint {name}")
    cursor.execute(f"drop table {table.published}")


def add_foreign_keys(cursor: Cursor, tables: Mapping[str, PublishedTable]) -> None:
    """Declare the foreign keys that are missing between tables that exist, for the planner."""
    existing = foreign_key_names(cursor, tables)
    published = read_columns(cursor, tables.values())
    for table, key in foreign_keys(tables):
        other = tables[key.to]
        both = {(table.schema, table.name), (other.schema, other.name)}
        if constraint_name(table, key) not in existing and both <= published.keys():
            cursor.execute(
                f"alter table {table.published} add constraint {constraint_name(table, key)} "
                f"foreign key ({', '.join(key.columns)}) "
                f"references {other.published} ({', '.join(key.to_columns)})"
            )


def foreign_keys(
    tables: Mapping[str, PublishedTable],
) -> Iterator[tuple[PublishedTable, ForeignKey]]:
    """Yield each table with each of its foreign keys."""
    for table in tables.values():
        for key in table.foreign_keys:
            yield table, key


def foreign_key_names(cursor: Cursor, tables: Mapping[str, PublishedTable]) -> set[str]:
    """Return the names of the foreign keys that are declared."""
    schemas = sorted({each.schema for each in tables.values()})
    cursor.execute(
        "select constraint_name from information_schema.table_constraints "
        f"where constraint_type = 'FOREIGN KEY' and table_schema in ({literals(schemas)})"
    )
    return {name for (name,) in cursor.fetchall()}


def constraint_name(table: PublishedTable, key: ForeignKey) -> str:
    """Return the name that a foreign key is declared by."""
    return f"{table.name}_{'_'.join(key.columns)}_fkey"


def copy_comments(cursor: Cursor, tables: Mapping[str, PublishedTable]) -> None:
    """Give published tables and their columns the comments that dbt gave those it built."""
    columns, comments = read_columns(cursor, tables.values()), read_comments(cursor, tables)
    for table in tables.values():
        built, published = (table.built_schema, table.name), (table.schema, table.name)
        if built not in columns or published not in columns:
            continue
        if comments[built] and comments[built] != comments[published]:
            cursor.execute(f"comment on table {table.published} is {literal(comments[built])}")
        had = {each.name: each.comment for each in columns[published]}
        for column in columns[built]:
            if column.comment and column.comment != had.get(column.name):
                cursor.execute(
                    f"comment on column {table.published}.{identifier(column.name)} "
                    f"is {literal(column.comment)}"
                )


def read_comments(
    cursor: Cursor, tables: Mapping[str, PublishedTable]
) -> dict[tuple[str, str], str]:
    """Return the comment of each table that exists, by schema and name."""
    schemas = {name for each in tables.values() for name in (each.schema, each.built_schema)}
    cursor.execute(
        "select schema_name, table_name, coalesce(remarks, '') from svv_redshift_tables "
        f"where schema_name in ({literals(sorted(schemas))})"
    )
    return {(schema, table): comment for schema, table, comment in cursor.fetchall()}


def reader_grants(
    table: PublishedTable, columns: Collection[str], reader_role: str, pii_reader_role: str
) -> Iterator[str]:
    """Yield the statements that let two roles read a published table with these columns.

    Only the second one reads personal data. A role without a name is granted nothing.
    """
    if reader_role:
        open_columns = [each for each in columns if each not in table.personal_columns]
        yield f"revoke all on {table.published} from role {identifier(reader_role)}"
        yield (
            f"grant select ({', '.join(map(identifier, open_columns))}) on {table.published} "
            f"to role {identifier(reader_role)}"
        )
    if pii_reader_role:
        yield f"grant select on {table.published} to role {identifier(pii_reader_role)}"
