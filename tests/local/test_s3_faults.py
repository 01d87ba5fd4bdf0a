"""Faults of the local S3, as a client meets them; each as often as it was asked for."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, ResponseStreamingError

from local.s3_faults import S3Fault, S3Faults
from tests.warehouse import Warehouse

READ = "GET /sparkify/file"


@pytest.fixture
def faults(warehouse: Warehouse) -> Iterator[S3Faults]:
    warehouse.put("file", b"0123456789")
    pending = S3Faults(Path(os.environ["SPARKIFY_LOCAL_FAULTS"]) / "s3.json")
    yield pending
    pending.write([])


def read(warehouse: Warehouse) -> bytes:
    return warehouse.s3.get_object(Bucket="sparkify", Key="file")["Body"].read()


def test_an_error_has_the_code_that_was_asked_for(warehouse: Warehouse, faults: S3Faults) -> None:
    faults.write([S3Fault(READ, "error", status=400, code="ExpiredToken")])
    with pytest.raises(ClientError, match="ExpiredToken"):
        read(warehouse)
    assert faults.read() == []
    assert read(warehouse) == b"0123456789"


def test_a_body_that_is_cut_short_is_noticed(warehouse: Warehouse, faults: S3Faults) -> None:
    faults.write([S3Fault(READ, "cut short", times=2)])
    for left in (1, 0):
        with pytest.raises(ResponseStreamingError):
            read(warehouse)
        assert [fault.times for fault in faults.read()] == [left] * left
    assert read(warehouse) == b"0123456789"


def test_other_requests_are_not_struck(warehouse: Warehouse, faults: S3Faults) -> None:
    slow = S3Fault("PUT /sparkify/file", "slow", seconds=0.5)
    faults.write([slow])
    assert read(warehouse) == b"0123456789"
    assert faults.read() == [slow]
    started = time.monotonic()
    warehouse.put("file", b"")
    assert time.monotonic() - started >= slow.seconds
    assert faults.read() == []
