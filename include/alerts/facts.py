"""What the warehouse knows of a run that went wrong: counts, names, and SQL that shows more."""

import re
from collections.abc import Sequence
from typing import Any

from redshift_connector.cursor import Cursor

from include.load.sql import literal

# Of a node that ran more than once in the run, as a task was tried again, the last time counts.
FAILED_NODES = """
select node, resource_type, relation, status, failures
from (
    select *, row_number() over (partition by node order by finished_at desc) as age
    from ops.node_runs
    where target_schema = %s and run_id = %s
) as nodes
where age = 1 and status in ('fail', 'error')
order by finished_at
"""
FAILED_LOADS = """
select load_id, partition_prefix, rows_rejected
from "raw".load_history
where run_id = %s and target_table = %s and status = 'failed'
order by load_id
"""
PUBLICATION = """
select publication_id, published_at
from ops.publications
where target_schema = %s and rolled_back_at is null
order by publication_id desc
limit 1
"""
SHOWN = 10

Facts = tuple[list[str], list[str]]


def failed_nodes(cursor: Cursor, target_schema: str, run_id: str) -> Facts:
    """Return the tests and models of a run that failed, and the SQL that shows their rows."""
    facts, sql = [], []
    rows = fetch(cursor, FAILED_NODES, target_schema, run_id)
    for node, kind, relation, status, failures in rows[:SHOWN]:
        if status == "fail":
            # a test may judge by another number than that of the rows it keeps
            if relation:
                [[failures]] = fetch(cursor, f"select count(*) from {short(relation)}")
                sql.append(f"select * from {short(relation)};")
            facts.append(f"The {kind} {node} found {failures:,} rows.")
        else:
            facts.append(f"The {kind} {node} could not be run; its log has Redshift's words.")
    return more(facts, len(rows)), sql


def failed_loads(cursor: Cursor, run_id: str, target_table: str) -> Facts:
    """Return the loads of a run that failed, and the SQL that shows the lines they refused."""
    rows = fetch(cursor, FAILED_LOADS, run_id, target_table)
    facts = [
        f"The load {load_id} of {address} was given up; {rejected:,} lines were rejected."
        for load_id, address, rejected in rows[:SHOWN]
    ]
    refused = [str(load_id) for load_id, _, rejected in rows if rejected]
    if not refused:
        return more(facts, len(rows)), []
    return more(facts, len(rows)), [
        f'select * from "raw".load_errors where load_id in ({", ".join(refused)});'
    ]


def published_since(cursor: Cursor, target_schema: str) -> str:
    """Return, in words, since when the state that readers see was published."""
    if rows := fetch(cursor, PUBLICATION, target_schema):
        [(number, published_at)] = rows
        return (
            f"Readers see publication {number}, as of {published_at:%Y-%m-%d %H:%M} UTC; nothing "
            "changes for them."
        )
    return f"Nothing of {target_schema} has been published yet."


def newest_loads(tables: Sequence[str]) -> str:
    """Return the SQL that shows the newest loads of tables."""
    return (
        'select * from "raw".load_history '
        f"where target_table in ({', '.join(map(literal, tables))}) order by load_id desc limit 10;"
    )


def short(relation: str) -> str:
    """Return a relation without its database, and without quotes that it does not need."""
    names = re.findall(r'"((?:[^"]|"")*)"', relation)[-2:]
    return ".".join(
        name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else f'"{name}"' for name in names
    )


def more(facts: list[str], total: int) -> list[str]:
    """Return the facts, and how many were left out."""
    return [*facts, f"And {total - SHOWN} more."] if total > SHOWN else facts


def fetch(cursor: Cursor, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Return all rows of a query."""
    cursor.execute(sql, parameters)
    return [tuple(row) for row in cursor.fetchall()]
