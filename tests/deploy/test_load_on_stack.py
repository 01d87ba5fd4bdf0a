"""A load that has nothing but what the stack gives: its outputs, its roles, its secret.

The steps are those of docs/aws.md. A person who may assume `PipelineRole` and do nothing else runs
the load; moto's IAM judges each of its requests. The emulator has the login of the stack's secret,
and accepts for COPY the roles that the stack associated with its namespace, if Redshift may assume
them; it reads S3 with the rights of `CopyRole`.
"""

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.iam.models import iam_backends

from deploy import stack
from include.access import roles
from include.load import command_line
from include.load.operator import connect_to_redshift
from include.settings import settings
from redshift_emulator.server import Emulator, running_emulator
from redshift_emulator.testing import self_signed, temporary_data_dir
from tests.deploy.conftest import KEYS, REGION, Account
from tests.deploy.moto_trust import redshift_may_assume
from tests.deploy.moto_types import Namespace
from tests.sparkify_data import event, song

# of the driver, where it makes a TLS connection
pytestmark = [
    pytest.mark.stack,
    pytest.mark.filterwarnings("ignore:ssl.(SSLContext|PROTOCOL_TLS):DeprecationWarning"),
]

REFUSED = json.dumps(event(1, sessionId="abc"))
OBJECTS = {
    "log_data/2018/11/2018-11-05-events.json": "\n".join([json.dumps(event(0)), REFUSED]),
    "song_data/A/A/1.json": json.dumps(song(1)),
}
PERSON = "person"


def create_user(account: Account, name: str, *policies: str) -> None:
    """Create a user with the managed policies, whose access key and secret are its name."""
    client = account.client("iam")
    client.create_user(UserName=name)
    for policy in policies:
        client.attach_user_policy(UserName=name, PolicyArn=policy)
    key = iam_backends[DEFAULT_ACCOUNT_ID]["aws"].create_access_key(name)
    key.access_key_id = key.secret_access_key = name


def policies_of(account: Account, role: str) -> list[str]:
    """Return the ARNs of the policies of a role, given by its ARN."""
    name = role.rpartition("/")[2]
    found = account.client("iam").list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    return [policy["PolicyArn"] for policy in found]


@pytest.fixture(scope="module")
def settings_of_the_stack(account: Account) -> dict[str, str]:
    """Return what `make deploy-env` writes to .env."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", account.address)
        for name, value in KEYS.items():
            patch.setenv(name.upper(), value)
        return stack.environment(stack.boto3.Session(region_name=REGION), "sparkify")


@pytest.fixture(scope="module")
def warehouse(
    account: Account,
    settings_of_the_stack: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Emulator, Path]]:
    """Start the workgroup, and return it with the path of its certificate."""
    role = settings_of_the_stack["SPARKIFY_COPY_ROLE_ARN"]
    create_user(account, "assumed-role", *policies_of(account, role))  # as the emulator signs
    associated = [
        each for each in Namespace.ROLES if redshift_may_assume(account.client("iam"), each)
    ]
    certificate, key = self_signed(tmp_path_factory.mktemp("tls"))
    with (
        temporary_data_dir() as path,
        running_emulator(
            path,
            user="admin",
            database=settings_of_the_stack["REDSHIFT_DATABASE"],
            s3_endpoint=account.address,
            copy_roles=associated,
            system_view_delay=0.2,
            tls_cert=certificate,
            tls_key=key,
        ) as emulator,
    ):
        yield emulator, certificate


@pytest.fixture
def pipeline(
    account: Account,
    settings_of_the_stack: dict[str, str],
    warehouse: tuple[Emulator, Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[None]:
    """Make this process the pipeline of steps 2 and 3 of docs/aws.md, and of nothing else."""
    emulator, certificate = warehouse
    for name in os.environ:
        if name.startswith((*stack.SETTINGS, "AIRFLOW_CONN_")):
            monkeypatch.delenv(name)
    given = dict(settings_of_the_stack)
    assert given["REDSHIFT_PORT"] == "5439"
    login = json.loads(given["AIRFLOW_CONN_REDSHIFT_DEFAULT"]) | {"port": emulator.port}
    given |= {
        "REDSHIFT_PORT": str(emulator.port),
        "AIRFLOW_CONN_REDSHIFT_DEFAULT": json.dumps(login),
        "AIRFLOW_CONN_REDSHIFT_ADMIN": json.dumps(
            login | {"login": emulator.user, "password": emulator.password}
        ),
    }
    profile = (
        f"[default]\naws_access_key_id = {PERSON}\naws_secret_access_key = {PERSON}\n"
        f"[sparkify]\nsource_profile = default\nrole_arn = {account.outputs['PipelineRoleArn']}\n"
    )
    (tmp_path / "credentials").write_text(profile)
    machine = {
        "AWS_PROFILE": "sparkify",
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_ENDPOINT_URL": account.address,
        "SSL_CERT_FILE": str(certificate),
    }
    for name, value in (given | machine).items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.usefixtures("pipeline")
def test_a_load_runs_on_what_the_stack_gives(account: Account) -> None:
    bucket = settings().s3_bucket
    for key, body in OBJECTS.items():
        account.client("s3").put_object(Bucket=bucket, Key=key, Body=body.encode())
    may_assume = account.client("iam").create_policy(
        PolicyName="assume",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}],
            }
        ),
    )
    create_user(account, PERSON, may_assume["Policy"]["Arn"])
    with closing(connect_to_redshift("redshift_admin", "aws_default")) as admin:
        admin.autocommit = True
        cursor = admin.cursor()
        user, password = os.environ["REDSHIFT_USER"], os.environ["REDSHIFT_PASSWORD"]
        cursor.execute(f"create user {user} password '{password}'")
        assert roles.main(["--loader", user, "--transformer", user]) == 0

        account.judge_rights(True)
        try:
            command_line.load("log_data/2018/11/", settings().songs_prefix, reload=False)
            person = account.client("sts", aws_access_key_id=PERSON, aws_secret_access_key=PERSON)
            with pytest.raises(ClientError, match="AccessDenied"):
                person.assume_role(RoleArn=settings().copy_role_arn, RoleSessionName="airflow")
        finally:
            account.judge_rights(False)

        cursor.execute('select iteminsession, sessionid from "raw".staging_events')
        assert [tuple(row) for row in cursor.fetchall()] == [(0, 70)]
        cursor.execute('select song_id, title from "raw".staging_songs')
        assert [tuple(row) for row in cursor.fetchall()] == [(song(1)["song_id"], "Unit")]
        # read from S3 by the pipeline's role, as COPY's was read by its own
        cursor.execute('select column_value, raw_line from "raw".load_errors')
        assert [tuple(row) for row in cursor.fetchall()] == [("abc", REFUSED)]


def may(role: str, action: str, resource: str) -> bool:
    """Whether the policies of a role, given by its ARN, permit an action."""
    attached = iam_backends[DEFAULT_ACCOUNT_ID]["aws"].get_role_by_arn(role).managed_policies
    judged = {
        IAMPolicy(policy).is_action_permitted(action, resource) for policy in attached.values()
    }
    return PermissionResult.PERMITTED in judged and PermissionResult.DENIED not in judged


def test_the_pipeline_may_do_what_it_asks_of_aws_and_copy_may_not_log_in(account: Account) -> None:
    """Moto lacks Redshift Serverless and judges no resource of a secret; so policies are read."""
    bucket = f"arn:aws:s3:::{account.outputs['SparkifyS3Bucket']}"
    workgroup = f"arn:aws:redshift-serverless:{REGION}:{DEFAULT_ACCOUNT_ID}:workgroup/sparkify"
    reading = [
        ("s3:ListBucket", bucket),
        ("s3:GetObject", f"{bucket}/log_data/2018/11/2018-11-05-events.json"),
        ("s3:GetObject", f"{bucket}/song_data/A/A/1.json"),
        ("s3:GetObject", f"{bucket}/log_json_path.json"),
    ]
    logging_in = [
        ("redshift-serverless:GetCredentials", workgroup),
        ("redshift-serverless:GetWorkgroup", workgroup),
        ("secretsmanager:GetSecretValue", account.outputs["LoginSecretArn"]),
    ]
    neither = [
        ("s3:PutObject", f"{bucket}/log_data/2018/11/2018-11-05-events.json"),
        ("redshift-serverless:GetCredentials", f"{workgroup}-of-others"),
        ("secretsmanager:GetSecretValue", f"{account.outputs['LoginSecretArn']}-of-others"),
        ("sts:AssumeRole", account.outputs["SparkifyCopyRoleArn"]),
    ]
    pipeline, copy = account.outputs["PipelineRoleArn"], account.outputs["SparkifyCopyRoleArn"]
    for role, allowed, refused in (
        (pipeline, reading + logging_in, neither),
        (copy, reading, logging_in + neither),
    ):
        assert [call for call in allowed if not may(role, *call)] == []
        assert [call for call in refused if may(role, *call)] == []
