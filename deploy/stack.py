"""`make deploy-check` and `make deploy-env`: read the template, or a stack that was made from it.

`check` lists what the template creates and needs no AWS. `env` writes the settings of the pipeline
from the outputs of a stack and the login in its secret, in the form of .env.
"""

import argparse
import json
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.exceptions import BotoCoreError, ClientError
from tabulate import tabulate

TEMPLATE = Path(__file__).with_name("cloudformation.yml")
# Outputs whose names begin so are settings of the pipeline, of dbt, or of AWS's tools.
SETTINGS = ("SPARKIFY_", "REDSHIFT_", "AWS_")


class TemplateLoader(yaml.SafeLoader):
    """Reads CloudFormation's YAML; an intrinsic function becomes a mapping, as in its long form."""


def intrinsic(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    """Return `!Ref x` as {"Ref": x} and `!Sub x` as {"Fn::Sub": x}."""
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        raise yaml.YAMLError(f"!{suffix} takes text or a list{node.start_mark}")
    return {suffix if suffix == "Ref" else f"Fn::{suffix}": value}


TemplateLoader.add_multi_constructor("!", intrinsic)


def template() -> dict[str, Any]:
    """Return the template."""
    return dict(TemplateLoader(TEMPLATE.read_text()).get_single_data())


def setting(output: str) -> str:
    """Return the name of the setting that an output holds: SparkifyS3Bucket, SPARKIFY_S3_BUCKET."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", output).upper()


def describe(parsed: Mapping[str, Any]) -> str:
    """Return what the template takes, creates and gives, as three tables."""
    parameters = [
        (name, shown(value.get("Default", "required")), value["Description"])
        for name, value in parsed["Parameters"].items()
    ]
    resources = [
        (name, value["Type"], f"if {value['Condition']}" if "Condition" in value else "always")
        for name, value in parsed["Resources"].items()
    ]
    outputs = [
        (name, setting(name) if is_setting(name) else "", value["Description"])
        for name, value in parsed["Outputs"].items()
    ]
    tables = (
        ("Parameters", parameters, ("name", "default", "meaning")),
        ("Resources", resources, ("name", "type", "created")),
        ("Outputs", outputs, ("name", "setting", "meaning")),
    )
    return "\n\n".join(
        f"{title} ({len(rows)})\n{tabulate(rows, headers, disable_numparse=True)}"
        for title, rows, headers in tables
    )


def shown(default: object) -> str:
    """Return a default as it is shown in a table; an empty one as two quotes."""
    return str(default) if str(default) else '""'


def is_setting(output: str) -> bool:
    """Tell whether an output is a setting; the others are for people."""
    return setting(output).startswith(SETTINGS)


def environment(session: boto3.Session, stack: str) -> dict[str, str]:
    """Return the settings that make the pipeline use a stack, with the login from its secret."""
    [found] = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}
    secret = session.client("secretsmanager").get_secret_value(SecretId=outputs["LoginSecretArn"])
    login = json.loads(secret["SecretString"])
    aws = {"conn_type": "aws", "extra": {"region_name": outputs["AwsRegion"]}}
    return {
        **{setting(name): value for name, value in outputs.items() if is_setting(name)},
        "SPARKIFY_DBT_TARGET": "prod",
        "SPARKIFY_READER_ROLE": "sparkify_reader",
        "SPARKIFY_PII_READER_ROLE": "sparkify_pii_reader",
        "REDSHIFT_USER": login["login"],
        "REDSHIFT_PASSWORD": login["password"],
        "REDSHIFT_SSLMODE": "verify-full",
        "AIRFLOW_CONN_REDSHIFT_DEFAULT": json.dumps(login),
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(aws),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the two commands and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m deploy.stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check", help="list what the template creates")
    env = commands.add_parser("env", help="print .env for a stack")
    env.add_argument("--stack", default="sparkify")
    env.add_argument("--region", help="the machine's default if left out")
    asked = parser.parse_args(arguments)
    if asked.command == "check":
        print(describe(template()))
        return 0
    try:
        found = environment(boto3.Session(region_name=asked.region), asked.stack)
    except (BotoCoreError, ClientError) as error:
        print(
            f"The stack {asked.stack} cannot be read: {error}\nLog in to AWS (AWS_PROFILE, "
            "AWS_REGION), or name the stack that docs/aws.md made: make deploy-env STACK=<name>.",
            file=sys.stderr,
        )
        return 1
    for name, value in found.items():
        print(f"{name}={shlex.quote(value)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
