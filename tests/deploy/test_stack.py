"""The template, created in moto's CloudFormation, gives what the pipeline needs to run on it."""

import json
import subprocess
import sys

import pytest
from botocore.exceptions import ClientError

from deploy import stack
from include.settings import Settings
from tests.conftest import ROOT
from tests.deploy.conftest import KEYS, REGION, Account

KEY = "log_data/2018/11/2018-11-05-events.json"


def test_every_resource_that_has_no_condition_is_created(account: Account) -> None:
    client = account.client("cloudformation")
    made = client.describe_stack_resources(StackName="sparkify")["StackResources"]
    asked = stack.template()["Resources"].items()
    assert {item["LogicalResourceId"] for item in made if "PhysicalResourceId" in item} == {
        name for name, value in asked if value.get("Condition", "OwnBucket") == "OwnBucket"
    }


def test_both_roles_read_the_source_and_can_do_nothing_else(account: Account) -> None:
    bucket = account.outputs["SparkifyS3Bucket"]
    account.client("s3").put_object(Bucket=bucket, Key=KEY, Body=b"{}")
    account.client("s3").create_bucket(
        Bucket="another", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    roles = [
        account.role(account.outputs[name]) for name in ("SparkifyCopyRoleArn", "PipelineRoleArn")
    ]
    account.judge_rights(True)
    try:
        for s3 in roles:
            listed = s3.list_objects_v2(Bucket=bucket, Prefix="log_data/")
            assert [item["Key"] for item in listed["Contents"]] == [KEY]
            assert s3.get_object(Bucket=bucket, Key=KEY)["Body"].read() == b"{}"
            for refused in (
                lambda s3=s3: s3.put_object(Bucket=bucket, Key=KEY, Body=b""),
                lambda s3=s3: s3.delete_object(Bucket=bucket, Key=KEY),
                lambda s3=s3: s3.get_object(Bucket=bucket, Key="private/key"),
                lambda s3=s3: s3.list_objects_v2(Bucket="another"),
            ):
                with pytest.raises(ClientError, match="AccessDenied"):
                    refused()
    finally:
        account.judge_rights(False)


def test_redshift_alone_assumes_the_role_of_copy(account: Account) -> None:
    [_, name] = account.outputs["SparkifyCopyRoleArn"].split("/")
    trust = account.client("iam").get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    [statement] = trust["Statement"]
    assert statement["Principal"] == {
        "Service": ["redshift.amazonaws.com", "redshift-serverless.amazonaws.com"]
    }


def test_the_outputs_are_the_settings_of_the_pipeline(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", account.address)
    for name, value in KEYS.items():
        monkeypatch.setenv(name.upper(), value)
    assert stack.main(["env", "--stack", "sparkify", "--region", REGION]) == 0
    lines = dict(line.split("=", 1) for line in capsys.readouterr().out.splitlines())
    known = {f"SPARKIFY_{name.upper()}" for name in Settings.model_fields}
    assert {name for name in lines if name.startswith("SPARKIFY_")} <= known

    # a shell reads it as make does
    shell = "set -a; . /dev/stdin; set +a; env -0"
    done = subprocess.run(
        ["bash", "-c", shell],
        input="\n".join(f"{name}={value}" for name, value in lines.items()),
        capture_output=True,
        text=True,
        check=True,
        env={},
    )
    found = dict(item.split("=", 1) for item in done.stdout.split("\0") if item)
    assert found["SPARKIFY_S3_BUCKET"] == account.outputs["SparkifyS3Bucket"]
    assert found["SPARKIFY_COPY_ROLE_ARN"] == account.outputs["SparkifyCopyRoleArn"]
    connection = json.loads(found["AIRFLOW_CONN_REDSHIFT_DEFAULT"])
    assert connection["password"] == found["REDSHIFT_PASSWORD"]
    assert connection["host"] == found["REDSHIFT_HOST"]


def test_a_stack_that_does_not_exist_is_named(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", account.address)
    for name, value in KEYS.items():
        monkeypatch.setenv(name.upper(), value)
    assert stack.main(["env", "--stack", "other", "--region", REGION]) == 1
    assert "The stack other cannot be read" in capsys.readouterr().err


def test_the_check_lists_everything_in_the_template() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.stack", "check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={},
    )
    for part in ("Parameters", "Resources", "Outputs"):
        for name in stack.template()[part]:
            assert f"\n{name} " in done.stdout
    assert "SPARKIFY_COPY_ROLE_ARN" in done.stdout
