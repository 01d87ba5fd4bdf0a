"""The function that sets the usage limit: what it asks of AWS, and what it answers.

Nothing that runs here knows the API of Redshift Serverless. A server of the test's own takes the
requests, which botocore has held to the API's model, and CloudFormation's answer.
"""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from deploy.stack import template

ARN = "arn:aws:redshift-serverless:us-west-2:123456789012:workgroup/sparkify"
ASKED = {"ServiceToken": "arn", "WorkgroupArn": ARN, "RpuHours": "24"}


class Service(ThreadingHTTPServer):
    """Answers each operation of the API as `answers` says, and keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, tuple[int, dict[str, Any]]] = {}
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.told: dict[str, Any] = {}
        self.address = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Service

    def body(self) -> dict[str, Any]:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))  # type: ignore[no-any-return]

    def do_POST(self) -> None:
        operation = self.headers["X-Amz-Target"].split(".")[1]
        self.server.requests.append((operation, self.body()))
        status, answer = self.server.answers[operation]
        self.reply(status, json.dumps(answer).encode())

    def do_PUT(self) -> None:
        self.server.told = self.body()
        self.reply(200, b"")

    def reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    with Service() as service:
        Thread(target=service.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", service.address)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield service
        service.shutdown()


@pytest.fixture
def handler() -> Callable[[dict[str, Any], None], None]:
    code = template()["Resources"]["UsageLimitFunction"]["Properties"]["Code"]["ZipFile"]
    namespace: dict[str, Any] = {}
    exec(compile(code, "index.py", "exec"), namespace)
    return namespace["handler"]  # type: ignore[no-any-return]


def event(service: Service, kind: str, **more: Any) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "ResponseURL": f"{service.address}/answer",
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "UsageLimit",
        "ResourceProperties": ASKED,
        **more,
    }


def test_a_limit_is_created_and_its_id_told(service: Service, handler: Any) -> None:
    service.answers["CreateUsageLimit"] = (200, {"usageLimit": {"usageLimitId": "limit-1"}})
    handler(event(service, "Create"), None)
    assert service.requests == [
        (
            "CreateUsageLimit",
            {
                "resourceArn": ARN,
                "usageType": "serverless-compute",
                "period": "daily",
                "amount": 24,
                "breachAction": "deactivate",
            },
        )
    ]
    assert service.told == {
        "Status": "SUCCESS",
        "PhysicalResourceId": "limit-1",
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "UsageLimit",
    }


def test_another_amount_changes_the_limit_that_is_there(service: Service, handler: Any) -> None:
    service.answers["UpdateUsageLimit"] = (200, {"usageLimit": {"usageLimitId": "limit-1"}})
    asked = event(service, "Update", PhysicalResourceId="limit-1", OldResourceProperties=ASKED)
    asked["ResourceProperties"] = ASKED | {"RpuHours": "48"}
    handler(asked, None)
    [(operation, request)] = service.requests
    assert operation == "UpdateUsageLimit"
    assert request == {"usageLimitId": "limit-1", "amount": 48, "breachAction": "deactivate"}
    assert service.told["PhysicalResourceId"] == "limit-1"


def test_another_workgroup_gets_a_limit_of_its_own(service: Service, handler: Any) -> None:
    service.answers["CreateUsageLimit"] = (200, {"usageLimit": {"usageLimitId": "limit-2"}})
    old = ASKED | {"WorkgroupArn": f"{ARN}-before"}
    handler(event(service, "Update", PhysicalResourceId="limit-1", OldResourceProperties=old), None)
    assert service.told["PhysicalResourceId"] == "limit-2"


def test_a_limit_that_went_with_its_workgroup_is_deleted_without_complaint(
    service: Service, handler: Any
) -> None:
    gone = {"__type": "ResourceNotFoundException", "message": "gone"}
    service.answers["DeleteUsageLimit"] = (400, gone)
    handler(event(service, "Delete", PhysicalResourceId="limit-1"), None)
    assert service.requests == [("DeleteUsageLimit", {"usageLimitId": "limit-1"})]
    assert service.told["Status"] == "SUCCESS"


def test_a_failure_is_answered_with_its_reason_and_undone_without_a_call(
    service: Service, handler: Any
) -> None:
    refused = {"__type": "AccessDeniedException", "message": "not authorized"}
    service.answers["CreateUsageLimit"] = (400, refused)
    handler(event(service, "Create"), None)
    assert service.told["Status"] == "FAILED"
    assert "not authorized" in service.told["Reason"]

    service.requests.clear()
    handler(event(service, "Delete", PhysicalResourceId=service.told["PhysicalResourceId"]), None)
    assert service.requests == []
    assert service.told["Status"] == "SUCCESS"
