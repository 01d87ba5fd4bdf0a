"""The template, created in an account of moto's server."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import httpx
import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from deploy import stack
from tests.deploy import moto_trust, moto_types

REGION = "us-west-2"
KEYS = {"aws_access_key_id": "admin", "aws_secret_access_key": "admin"}


@dataclass(frozen=True)
class Account:
    """An account of moto's server in which the stack was created."""

    address: str
    outputs: dict[str, str]

    def client(self, service: str, **keys: str) -> Any:
        # not by boto3's default session, which keeps the profiles that it saw first
        session = boto3.Session()
        return session.client(service, REGION, endpoint_url=self.address, **(keys or KEYS))

    def role(self, arn: str) -> Any:
        """Return an S3 client that has assumed a role."""
        given = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return self.client(
            "s3",
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )

    def judge_rights(self, whether: bool) -> None:
        """Let moto ask IAM for each request from now on, or for none."""
        count = "0" if whether else "1000000"
        httpx.post(f"{self.address}/moto-api/reset-auth", content=count).raise_for_status()


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    moto_types.register()
    moto_trust.register()
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    try:
        account = Account(address, {})
        ec2, cloudformation = account.client("ec2"), account.client("cloudformation")
        subnets = ec2.describe_subnets()["Subnets"]
        parameters = {
            "VpcId": subnets[0]["VpcId"],
            "SubnetIds": ",".join(subnet["SubnetId"] for subnet in subnets),
            "ClientCidr": "203.0.113.7/32",
            "CreateBucket": "true",
            "UsageLimitRpuHours": "0",  # moto would run the function in Docker
        }
        cloudformation.create_stack(
            StackName="sparkify",
            TemplateBody=stack.TEMPLATE.read_text(),
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value}
                for name, value in parameters.items()
            ],
            Capabilities=["CAPABILITY_IAM"],
        )
        [found] = cloudformation.describe_stacks(StackName="sparkify")["Stacks"]
        assert found["StackStatus"] == "CREATE_COMPLETE"
        yield Account(
            address, {item["OutputKey"]: item["OutputValue"] for item in found["Outputs"]}
        )
    finally:
        httpx.post(f"{address}/moto-api/reset").raise_for_status()  # moto is this process's
        server.stop()
