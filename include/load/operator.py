"""The operator that loads an S3 prefix into a Redshift table and keeps the books."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from typing import Any, Literal

from airflow.providers.amazon.aws.hooks.redshift_sql import RedshiftSQLHook
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.transfers.s3_to_redshift import S3ToRedshiftOperator
from airflow.providers.amazon.aws.utils.redshift import build_credentials_block
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.load.protocol import LoadError, LoadRequest, LoadResult, Mode, S3Object, load
from include.settings import settings


class StageToRedshiftOperator(S3ToRedshiftOperator):
    """COPY what lies under an S3 prefix into a table, exactly once however often it runs.

    Where S3ToRedshiftOperator hands one COPY to the cluster, this one keeps a ledger: rows know the
    batch that brought them, every line read is accounted for, refused lines are kept, and a listing
    that has not changed since its last load is not loaded again. COPY is given the role of the
    setting `copy_role_arn`, else the AWS connection's credentials.

    :param schema: schema of the target table (templated)
    :param table: target table; its columns that begin with `_` are the loader's (templated)
    :param s3_bucket: bucket (templated)
    :param s3_key: prefix; it names the batch (templated)
    :param json_mapping: `auto`, `auto ignorecase`, or the s3:// address of a jsonpaths file
    :param copy_options: further COPY options, each as Redshift spells it
    :param mode: `replace_batch` replaces the rows that an earlier load of the prefix brought,
        `append` adds to them, `truncate` replaces all rows
    :param max_rejected_lines: error budget; more refused lines than that fail the task
    :param if_empty: what to do when nothing lies under the prefix, `skip` or `fail`
    :param change_keys: see `include.load.protocol.LoadRequest`
    :raises AirflowSkipException: nothing to do: no objects (with `if_empty="skip"`) or no new ones
    :raises AirflowFailException: the data is at fault, trying again will not help
    """

    template_fields: Sequence[str] = (
        *S3ToRedshiftOperator.template_fields,
        "json_mapping",
        "max_rejected_lines",
    )

    def __init__(
        self,
        *,
        json_mapping: str = "auto",
        mode: Mode = "replace_batch",
        max_rejected_lines: int | str = 0,
        if_empty: Literal["skip", "fail"] = "skip",
        change_keys: Mapping[str, str] | None = None,
        aws_conn_id: str = "aws_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(aws_conn_id=aws_conn_id, **kwargs)
        self.aws_conn_id: str = aws_conn_id
        self.json_mapping = json_mapping
        self.mode: Mode = mode
        self.max_rejected_lines = max_rejected_lines
        self.if_empty = if_empty
        self.change_keys = change_keys or {}

    def execute(self, context: Context) -> dict[str, Any]:  # type: ignore[override]
        """Load, and return the LoadResult as a dictionary."""
        try:
            result = self.stage(run_id=context["run_id"])
        except LoadError as error:
            raise AirflowFailException(str(error)) from error
        if result.status == "empty":
            message = f"Nothing lies under {result.batch}."
            if self.if_empty == "fail":
                raise AirflowFailException(f"{message} Check the bucket and the prefix.")
            raise AirflowSkipException(f"{message} Nothing to load.")
        if result.status == "unchanged":
            raise AirflowSkipException(
                f"The {result.files} objects under {result.batch} are those of its last load."
            )
        self.log.info(
            "%s: %d files, %d lines, %d rows loaded, %d lines refused, %.1f s",
            result.batch,
            result.files,
            result.lines_scanned,
            result.rows_loaded,
            result.rows_rejected,
            result.seconds,
        )
        return asdict(result)

    def stage(self, run_id: str) -> LoadResult:
        """Load without Airflow around it; raises LoadError."""
        request = LoadRequest(
            bucket=self.s3_bucket,
            prefix=self.s3_key,
            target=f"{self.schema}.{self.table}",
            mode=self.mode,
            max_rejected_lines=int(self.max_rejected_lines),
            change_keys=self.change_keys,
            run_id=run_id,
            json_mapping=self.json_mapping,
            copy_statement=self.copy_statement,
        )
        hook = RedshiftSQLHook(redshift_conn_id=self.redshift_conn_id)
        with closing(hook.get_conn()) as connection:
            return load(connection, S3Listing(S3Hook(aws_conn_id=self.aws_conn_id)), request)

    def copy_statement(self, table: str, max_error: int) -> str:
        """Return the COPY; it holds credentials, so nobody logs it."""
        extra = S3Hook.get_connection(self.aws_conn_id).extra_dejson
        if settings().copy_role_arn:
            credentials = f"aws_iam_role={settings().copy_role_arn}"
        else:
            credentials = build_credentials_block(
                S3Hook(aws_conn_id=self.aws_conn_id).get_credentials()
            )
        region = extra.get("region") or extra.get("region_name")
        options = [f"format as json '{self.json_mapping}'", f"maxerror {max_error}"]
        return self._build_copy_query(
            table,
            credentials,
            f"region '{region}'" if region else "",
            "\n".join(options + self.copy_options),
        )


class S3Listing:
    """The part of S3 that a load asks for, through Airflow's hook."""

    def __init__(self, hook: S3Hook) -> None:
        self.hook = hook

    def list_objects(self, bucket: str, prefix: str) -> list[S3Object]:
        """Return every object whose key starts with `prefix`, without folder markers."""
        return [
            S3Object(key=item["Key"], size=item["Size"], etag=item["ETag"])
            for item in self.hook.iter_file_metadata(prefix=prefix, bucket_name=bucket)
            if not item["Key"].endswith("/")
        ]

    def iterate_lines(self, bucket: str, key: str) -> Iterator[bytes]:
        """Yield the lines of one object, without their line ends."""
        yield from self.hook.get_key(key, bucket).get()["Body"].iter_lines()
