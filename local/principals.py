"""The identities of the laptop's AWS and their rights, which moto enforces as IAM does.

The pipeline's identity reads the source bucket and does nothing else. COPY's role trusts the
Redshift service alone (Authorizing Amazon Redshift to access other AWS services on your behalf,
Management Guide), so nobody here can assume it. The emulator reads with the role's rights; the
administrator fills the bucket.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends

BUCKET: Final = "sparkify"
COPY_ROLE: Final = "sparkify-redshift-copy"
COPY_ROLE_ARN: Final = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/{COPY_ROLE}"
READ_THE_SOURCE: Final = (
    {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"},
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"},
)
DO_ANYTHING: Final = ({"Effect": "Allow", "Action": "*", "Resource": "*"},)


@dataclass(frozen=True)
class Principal:
    """An identity with a fixed access key."""

    access_key: str
    secret_key: str
    statements: Sequence[dict[str, str]]


ADMINISTRATOR: Final = Principal("administrator", "secret-of-administrator", DO_ANYTHING)
PIPELINE: Final = Principal("pipeline", "secret-of-pipeline", READ_THE_SOURCE)
# The emulator signs with this key for a role that a COPY names and that it was given.
CLUSTER: Final = Principal("assumed-role", "assumed-role", READ_THE_SOURCE)


def create_principals() -> None:
    """Create the identities and COPY's role in this process's moto."""
    iam = iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for principal in (ADMINISTRATOR, PIPELINE, CLUSTER):
        name = principal.access_key
        iam.create_user("us-east-1", name)
        iam.put_user_policy(name, "rights", policy(*principal.statements))
        key = iam.create_access_key(name)
        key.access_key_id, key.secret_access_key = name, principal.secret_key
    # moto reads the list of AWS principals of each statement; this one has none
    trust = {"Service": "redshift.amazonaws.com", "AWS": []}
    iam.create_role(
        role_name=COPY_ROLE,
        assume_role_policy_document=policy(
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": trust}
        ),
        path="/",
        permissions_boundary=None,
        description="The role that COPY names.",
        tags=[],
        max_session_duration=None,
    )


def policy(*statements: dict[str, Any]) -> str:
    """Return a policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
