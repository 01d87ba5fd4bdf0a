"""A representative part of the faults that `make faults` injects."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.faults import cases
from tests.faults.pipeline import Pipeline, Row, pipeline
from tests.warehouse import Warehouse

CASES: dict[str, Callable[[Pipeline], Iterator[Row]]] = {
    "lost connections of a load": partial(cases.lost_connections, every=17),
    "faults of S3": cases.faults_of_s3,
    "objects that change": cases.objects_that_change,
    "failing statements": partial(cases.failing_statements, statements=["^insert"]),
    "refused connections": cases.refused_connections,
    "two loads of one interval": cases.two_loads_of_one_interval,
    "a killed load": partial(cases.killed_loads, kills=1, seed=1),
    "lost connections of a model": partial(
        cases.lost_connections_of_models, select="songplays", every=15
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_lost_doubled_or_seen_half_done(warehouse: Warehouse, case: str) -> None:
    with pipeline(warehouse) as one:
        rows = list(CASES[case](one))
    assert rows
    assert [row for row in rows if not row.is_good] == []
