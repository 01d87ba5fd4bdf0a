"""The settings of the pipeline, read from the environment once.

Every field is the environment variable of the same name with the prefix `SPARKIFY_`;
`.env.example` lists them. Where things are (hosts, ports, passwords, roles) is not here but in the
two Airflow connections that the settings name.
"""

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parent.parent
# Airflow is seldom started in the root, and Cosmos runs dbt elsewhere still.
FromRoot = Annotated[Path, AfterValidator(lambda path: PROJECT_ROOT / path)]


def regular_expression(text: str) -> str:
    """Return the text; raise ValueError, by which pydantic names the setting, if it is none."""
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"It is no regular expression: {error}") from error
    return text


Pattern = Annotated[str, AfterValidator(regular_expression)]


class SettingsError(ValueError):
    """A setting has a value that does not fit."""


class Settings(BaseSettings):
    """What may differ from one deployment to the next."""

    model_config = SettingsConfigDict(env_prefix="SPARKIFY_", frozen=True)

    redshift_conn_id: str = "redshift_default"
    aws_conn_id: str = "aws_default"
    s3_bucket: str = "sparkify"
    copy_role_arn: str = Field(
        default="",
        description="The role that COPY names; empty: COPY gets the AWS connection's credentials.",
    )
    s3_region: str = Field(
        default="", description="Region of the bucket; empty: that of the warehouse."
    )
    events_prefix: str = Field(
        default="log_data/{{ day.strftime('%Y/%m/%Y-%m-%d') }}",
        description="Jinja template of the prefix to look under for the events of a `day`.",
    )
    events_partition: Pattern = Field(
        default=r"log_data/\d{4}/\d{2}/\d{4}-\d{2}-\d{2}",
        description="Regular expression: what it matches at the start of a key is the partition.",
    )
    late_days: int = Field(
        default=3, ge=0, description="Days before its interval that a run looks at as well."
    )
    events_json_mapping: str = Field(
        default="auto ignorecase",
        pattern=r"^(auto ignorecase|s3://[^/]+/.+)$",
        description="`auto ignorecase`, or the s3:// address of a jsonpaths file that exists.",
    )
    songs_prefix: str = "song_data/"
    songs_partition: Pattern = Field(
        default="song_data/[A-Z]/[A-Z]/", description="As `events_partition`, for songs."
    )
    max_rejected_lines: int = Field(
        default=100, ge=0, lt=100_000, description="Error budget of a partition."
    )
    retention_days: int = Field(
        default=400,
        ge=1,
        description="Days for which the audit of loads and runs is kept; data is kept for ever.",
    )
    redshift_schema: str = Field(
        default="analytics", description="dbt's target schema: where the marts are."
    )
    reader_role: str = Field(
        default="",
        description="The role that reads what is published but for personal data; empty: none.",
    )
    pii_reader_role: str = Field(
        default="", description="The role that reads personal data, too; empty: none."
    )
    dbt_target: Literal["dev", "prod", "prod_iam"] = Field(
        default="prod",
        description="Target of profiles.yml for Airflow's tasks; prod_iam takes IAM.",
    )
    dbt_manifest: FromRoot = PROJECT_ROOT / "target" / "cosmos" / "manifest.json"
    dbt_docs_folder: FromRoot = PROJECT_ROOT / "target" / "docs"
    dbt_docs_s3_prefix: str = Field(
        default="",
        pattern=r"^(s3://[^/]+/.+[^/])?$",
        description="Where the docs site goes instead, as s3://bucket/prefix: no worker's disk.",
    )
    alerts: Literal["log", "slack", "sns"] = Field(
        default="log", description="Who is told of failures, beside the task's log."
    )
    slack_conn_id: str = Field(
        default="slack_default", description="Connection with the webhook, for `slack`."
    )
    sns_topic_arn: str = Field(default="", description="Topic to publish to, for `sns`.")
    deadline_minutes: float = Field(
        default=60, gt=0, description="A run that takes longer is told of; it goes on."
    )
    schedule: str = Field(default="0 * * * *", description="Cron; empty: only when triggered.")
    retries: int = Field(default=2, ge=0)
    retry_delay_seconds: int = Field(default=60, ge=0)
    run_lock_minutes: int = Field(
        default=15, gt=0, description="A run that stops renewing its lock for so long is dead."
    )

    @property
    def connections(self) -> tuple[str, ...]:
        """The Airflow connections that the pipeline uses."""
        of_alerts = (self.slack_conn_id,) if self.alerts == "slack" else ()
        return (self.redshift_conn_id, self.aws_conn_id, *of_alerts)

    @model_validator(mode="after")
    def sns_has_a_topic(self) -> Self:
        """Raise ValueError where alerts go to a topic that is not named."""
        if self.alerts == "sns" and not self.sns_topic_arn:
            raise ValueError("SPARKIFY_ALERTS=sns needs SPARKIFY_SNS_TOPIC_ARN")
        return self


@cache
def settings() -> Settings:
    """Return the settings of this process; a value that does not fit raises SettingsError."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(describe(error)) from None


def describe(error: ValidationError) -> str:
    """Return in words which settings do not fit, and what to do."""
    faults = []
    for each in error.errors(include_url=False):
        name = "_".join(["SPARKIFY", *map(str, each["loc"])]).upper()
        found = f"{name} is {each['input']!r}: " if each["loc"] else ""
        faults.append(f"{found}{each['msg']}.")
    return "\n".join([*faults, "Correct it in .env; .env.example tells what each setting takes."])
