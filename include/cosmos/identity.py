"""Whom dbt asks for a login by IAM: the identity of the AWS connection, as loads do."""

import os
from typing import Any

import boto3
from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook
from airflow.sdk.log import mask_secret


def hook_of(aws_conn_id: str) -> AwsGenericHook[Any]:
    """Return a hook of the connection, for whatever service."""
    return AwsGenericHook(aws_conn_id=aws_conn_id, client_type="sts")


def names_identity(aws_conn_id: str) -> bool:
    """Whether the connection has keys, a role or a profile, and is not just the machine."""
    named = hook_of(aws_conn_id).conn_config
    return bool(named.aws_access_key_id or named.role_arn or named.profile_name)


def take_identity(aws_conn_id: str) -> None:
    """Let this process, which is a task's, be the identity that the AWS connection names.

    A connection without keys, role and profile names none: then the loads' identity is the
    machine's, and so is dbt's. dbt-redshift has no field for the token of an assumed role, so the
    keys go where boto3 looks first: into variables that no template, no file of dbt and no log has.
    A role's keys last as long as its session, an hour unless the connection says otherwise.
    """
    if not names_identity(aws_conn_id):
        return
    keys = hook_of(aws_conn_id).get_credentials()
    variables = {
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
        "AWS_SESSION_TOKEN": keys.token,
        "AWS_SECURITY_TOKEN": None,  # the older name of the token
        "AWS_PROFILE": None,  # boto3 would prefer it to keys
    }
    for name, value in variables.items():
        os.environ.pop(name, None)
        if value:
            mask_secret(value)
            os.environ[name] = value
    boto3.setup_default_session()  # the driver's, which may have looked before
