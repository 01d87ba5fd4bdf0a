"""Objects from S3 whose body ends too soon."""

import io
from datetime import UTC, datetime
from typing import cast

import pytest
from botocore.response import StreamingBody
from mypy_boto3_s3 import S3Client

from redshift_emulator.errors import RedshiftError
from redshift_emulator.s3_objects import SMALL_OBJECT_BYTES, Object, open_objects


class CutShort:
    """An S3 that sends half of each body."""

    def get_object(self, **_: str) -> dict[str, StreamingBody]:
        return {"Body": StreamingBody(io.BytesIO(b"half"), 8)}


def test_body_that_ends_too_soon_is_an_error_of_s3() -> None:
    small = Object("bucket", "key", SMALL_OBJECT_BYTES, "etag", datetime.now(UTC))
    with pytest.raises(RedshiftError) as failure:
        list(open_objects(cast("S3Client", CutShort()), iter([small])))
    assert "S3CurlException" in str(failure.value)
