"""The operators that load S3 prefixes into a Redshift table and keep the load audit."""

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from logging import getLogger
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.amazon.aws.hooks.redshift_sql import RedshiftSQLHook
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.transfers.s3_to_redshift import S3ToRedshiftOperator
from airflow.sdk import Connection, Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from redshift_connector.core import Connection as RedshiftConnection

from include.lineage import dataset
from include.load.copy import CopyOptions, by_keys, by_role, json_format
from include.load.errors import LoadError, attempting
from include.load.partitions import S3Object
from include.load.protocol import carry_out, plan_load
from include.load.request import LoadRequest, LoadResult, Mode
from include.load.source import Source
from include.load.tls import with_tls

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

log = getLogger(__name__)

# How a load shows its progress: given the results as they come and how many there will be.
Progress = Callable[[Iterable[LoadResult], int], Iterable[LoadResult]]
SECONDS_BETWEEN_LOG_LINES = 5

# As in profiles.yml, in seconds, unless the connection says otherwise: the kernel's first probe
# comes after two hours, and a NAT or firewall forgets a connection before that ("Queries appear to
# hang", Management Guide).
KEEPALIVES = {
    "tcp_keepalive": True,
    "tcp_keepalive_idle": 60,
    "tcp_keepalive_interval": 30,
    "tcp_keepalive_count": 5,
}

# The options of a connection by which RedshiftSQLHook asks IAM for a login
IAM_OPTIONS = {
    *("iam", "cluster_identifier"),
    *("is_serverless", "serverless_work_group", "serverless_token_duration_seconds"),
}


@dataclass(frozen=True)
class LoadSummary:
    """What a load did, in sum; `unchanged` counts the partitions that were as loaded before."""

    loaded: int
    unchanged: int
    files: int
    bytes: int
    lines_scanned: int
    rows_loaded: int
    rows_rejected: int
    seconds: float

    @property
    def is_empty(self) -> bool:
        """Whether nothing lies under the prefixes."""
        return not self.loaded and not self.unchanged


class StageToRedshiftOperator(S3ToRedshiftOperator):
    """COPY what lies under S3 prefixes into a table, exactly once however often it runs.

    Where S3ToRedshiftOperator hands one COPY to the cluster, this one keeps an audit: rows know the
    partition that brought them, every file is accounted for, refused lines are kept, and a
    partition that has not changed since its last load is not loaded again.

    :param schema: schema of the target table (templated)
    :param table: target table; its columns that begin with `_` are the loader's (templated)
    :param s3_bucket: bucket (templated)
    :param s3_key: the prefix under which to look for partitions (templated)
    :param partition_pattern: regular expression, matched at the start of a key: what it matches is
        the prefix of the key's partition; without it, `s3_key` is the partition
    :param foreign_patterns: by the table that they belong to, patterns of other partitions: a key
        that fits one of them, and not `partition_pattern`, fails the load before it begins
    :param json_mapping: `auto`, `auto ignorecase`, or the s3:// address of a jsonpaths file; None
        when `copy_options` name another format
    :param copy_options: further COPY options, each as Redshift spells it
    :param copy_role_arn: the role that Redshift assumes to read; without it, COPY gets the keys of
        the AWS connection
    :param s3_region: region of the bucket, when it is not the cluster's
    :param mode: `replace` replaces the rows of the partition; `append` adds what lies under the
        prefix to the table, once a run; `truncate` replaces all rows by it
    :param max_rejected_lines: error budget; more refused lines than that in a partition fail it
    :param reload: load what has not changed, too (templated)
    :param if_empty: what to do when nothing lies under the prefixes, `skip` or `fail` (templated)
    :param change_keys: see `include.load.request.LoadRequest`
    :param alongside: makes, of the run id, a context manager that is open while the load runs
    :raises AirflowSkipException: nothing to do: no objects (with `if_empty="skip"`) or no new ones
    :raises AirflowFailException: data or settings are at fault, trying again will not help
    :raises TransientError: trying again may help
    """

    template_fields: Sequence[str] = (
        *S3ToRedshiftOperator.template_fields,
        "json_mapping",
        "max_rejected_lines",
        "reload",
        "if_empty",
    )

    def __init__(
        self,
        *,
        partition_pattern: str | None = None,
        foreign_patterns: Mapping[str, str] | None = None,
        json_mapping: str | None = "auto",
        copy_role_arn: str = "",
        s3_region: str = "",
        mode: Mode = "replace",
        max_rejected_lines: int | str = 0,
        reload: bool | str = False,
        if_empty: Literal["skip", "fail"] | str = "skip",
        change_keys: Mapping[str, str] | None = None,
        alongside: Callable[[str], AbstractContextManager[Any]] = nullcontext,
        aws_conn_id: str = "aws_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(aws_conn_id=aws_conn_id, **kwargs)
        self.aws_conn_id: str = aws_conn_id
        self.partition_pattern = partition_pattern
        self.foreign_patterns = foreign_patterns or {}
        self.json_mapping = json_mapping
        self.copy_role_arn = copy_role_arn
        self.s3_region = s3_region
        self.mode: Mode = mode
        self.max_rejected_lines = max_rejected_lines
        self.reload = reload
        self.if_empty = if_empty
        self.change_keys = change_keys or {}
        self.alongside = alongside

    @property
    def target(self) -> str:
        """The target table with its schema."""
        return f"{self.schema}.{self.table}"

    @property
    def prefixes(self) -> list[str]:
        """The prefixes under which to look."""
        return [self.s3_key]

    def execute(self, context: Context) -> dict[str, Any]:  # type: ignore[override]
        """Load, and return the LoadSummary as a dictionary."""
        try:
            with self.alongside(context["run_id"]):
                summary = self.stage(run_id=context["run_id"])
        except LoadError as error:
            raise AirflowFailException(str(error)) from error
        if summary.is_empty:
            message = self.describe_nothing()
            if self.if_empty == "fail":
                raise AirflowFailException(message)
            raise AirflowSkipException(message)
        if not summary.loaded:
            raise AirflowSkipException(
                f"The {summary.files:,} objects of {summary.unchanged:,} partitions are those of "
                "their last loads. To load them all the same, set the run's parameter reload."
            )
        log.info("%s", describe(self.target, summary))
        return asdict(summary)

    def stage(self, run_id: str, progress: Progress | None = None) -> LoadSummary:
        """Load without Airflow around it; raises LoadError and TransientError."""
        started = time.monotonic()
        source = Source(S3Hook(aws_conn_id=self.aws_conn_id))
        request = self.request(run_id)
        plan = plan_load(self.connect, source, request, self.prefixes)
        objects = [item for each in plan.to_load for item in each.objects]
        self.refuse_foreign(objects)
        warn_of_oddities(self.s3_bucket, objects)
        results = list(
            (progress or log_progress)(
                carry_out(self.connect, source, request, plan), len(plan.to_load)
            )
        )
        loaded = [each for each in results if each.status == "loaded"]
        unchanged = len(plan.unchanged) + len(results) - len(loaded)
        return LoadSummary(
            loaded=len(loaded),
            unchanged=unchanged,
            files=sum(each.files for each in loaded)
            or sum(len(each.objects) for each in plan.unchanged),
            bytes=sum(each.bytes for each in loaded),
            lines_scanned=sum(each.lines_scanned for each in loaded),
            rows_loaded=sum(each.rows_loaded for each in loaded),
            rows_rejected=sum(each.rows_rejected for each in loaded),
            seconds=time.monotonic() - started,
        )

    def refuse_foreign(self, objects: Iterable[S3Object]) -> None:
        """Raise LoadError for the first object that another table's load reads."""
        for item in objects:
            if self.partition_pattern and re.match(self.partition_pattern, item.key):
                continue
            for table, pattern in self.foreign_patterns.items():
                if re.match(pattern, item.key):
                    raise LoadError(
                        f"s3://{self.s3_bucket}/{item.key} is for {table}, whose files fit "
                        f"{pattern}. Nothing was loaded into {self.target}: name a prefix that "
                        f"holds its files alone; these fit {self.partition_pattern}."
                    )

    def request(self, run_id: str) -> LoadRequest:
        """Return what is to be loaded, with the credentials as they are now."""
        options = list(self.copy_options)
        data_format = (
            options.pop(0) if self.json_mapping is None else json_format(self.json_mapping)
        )
        return LoadRequest(
            bucket=self.s3_bucket,
            target=self.target,
            mode=self.mode,
            partition_pattern=self.partition_pattern,
            copy=CopyOptions(data_format, self.authorization(), self.s3_region, options),
            is_json=self.json_mapping is not None,
            max_rejected_lines=int(self.max_rejected_lines),
            change_keys=self.change_keys,
            run_id=run_id,
            reload=str(self.reload).lower() == "true",
        )

    def authorization(self) -> str:
        """Return COPY's authorization clause; it may hold keys, so nobody logs it."""
        if self.copy_role_arn:
            return by_role(self.copy_role_arn)
        keys = S3Hook(aws_conn_id=self.aws_conn_id).get_credentials()
        if not (keys.access_key and keys.secret_key):
            raise LoadError(
                f"COPY has no credentials: set SPARKIFY_COPY_ROLE_ARN, or give the connection "
                f"{self.aws_conn_id} keys."
            )
        return by_keys(keys.access_key, keys.secret_key, keys.token)

    def connect(self) -> RedshiftConnection:
        """Return a new connection to the warehouse."""
        return connect_to_redshift(self.redshift_conn_id, self.aws_conn_id)

    def get_openlineage_facets_on_complete(self, _: Any) -> "OperatorLineage[Any, Any]":
        """Return where the rows come from and go to; the provider's own would know one prefix."""
        from airflow.providers.common.compat.openlineage.facet import Dataset
        from airflow.providers.openlineage.extractors import OperatorLineage

        return OperatorLineage(
            inputs=[Dataset(f"s3://{self.s3_bucket}", prefix) for prefix in self.prefixes],
            outputs=[dataset(self.redshift_conn_id, self.target)],
        )

    def describe_nothing(self) -> str:
        """Return, in words, that nothing lies under the prefixes, and why that may be."""
        first, *more = self.prefixes
        others = f" and {len(more)} other prefixes" if more else ""
        hint = correct_prefix(first, self.s3_bucket)
        return f"Nothing lies under s3://{self.s3_bucket}/{first}{others}. {hint}"


def connect_to_redshift(redshift_conn_id: str, aws_conn_id: str) -> RedshiftConnection:
    """Return a new connection; raises LoadError or TransientError in words.

    With IAM, the AWS connection's identity asks for the login. Only a local host is reached without
    TLS. Keepalives keep the connection of a long COPY open.
    """
    hook = RedshiftSQLHook(redshift_conn_id=redshift_conn_id, aws_conn_id=aws_conn_id)
    require_address(hook.conn)
    with attempting(f"Connecting to Redshift by the connection {redshift_conn_id}"):
        if hook.conn.extra_dejson.get("iam"):
            hook.conn = with_temporary_login(hook)
        hook.conn = with_tls(hook.conn)
        hook.conn.extra = json.dumps(KEEPALIVES | hook.conn.extra_dejson)
        return hook.get_conn()


def require_address(conn: Connection) -> None:
    """Raise LoadError, in words, where the connection names no host or no database."""
    for name, field in (("host", "host"), ("database", "schema")):
        if not getattr(conn, field):
            raise LoadError(
                f"The connection {conn.conn_id} names no {name}: set its field "
                f"{name.capitalize()} (`{field}` in AIRFLOW_CONN_…)."
            )


def with_temporary_login(hook: RedshiftSQLHook) -> Connection:
    """Return the hook's connection with a login that IAM gave, and no longer one of IAM.

    The hook would hand `iam` on to the driver, which then asks a second time: as whoever the
    machine is, not as the AWS connection's identity, and of a cluster without a user.
    """
    conn = hook.conn
    try:
        login, password, port = hook.get_iam_token(conn)
    except AirflowException as error:  # a field that is missing
        raise LoadError(f"The connection {conn.conn_id} logs in by IAM: {error}") from error
    extra = {name: value for name, value in conn.extra_dejson.items() if name not in IAM_OPTIONS}
    return Connection(
        conn_id=conn.conn_id,
        host=conn.host,
        port=port,
        login=login,
        password=password,
        schema=conn.schema,
        extra=json.dumps(extra),
    )


def log_progress(results: Iterable[LoadResult], total: int) -> Iterator[LoadResult]:
    """Log every few seconds how many partitions are done."""
    due = time.monotonic() + SECONDS_BETWEEN_LOG_LINES
    for done, result in enumerate(results, start=1):
        if time.monotonic() > due:
            log.info("%d of %d partitions are loaded, the last is %s.", done, total, result.address)
            due = time.monotonic() + SECONDS_BETWEEN_LOG_LINES
        yield result


def describe(target: str, summary: LoadSummary) -> str:
    """Return what a load did, in one line."""
    if summary.is_empty:
        return f"{target}: empty"
    if not summary.loaded:
        return (
            f"{target}: unchanged, {summary.files:,} files of {summary.unchanged:,} partitions are "
            "those of their last loads"
        )
    where = " (see raw.load_errors)" if summary.rows_rejected else ""
    return (
        f"{target}: loaded {summary.loaded:,} partitions ({summary.unchanged:,} unchanged), "
        f"{summary.files:,} files, {summary.lines_scanned:,} lines, {summary.rows_loaded:,} rows "
        f"loaded, {summary.rows_rejected:,} lines rejected{where}, {summary.seconds:.1f} s"
    )


def warn_of_oddities(bucket: str, objects: Sequence[S3Object]) -> None:
    """Name objects that are probably not meant to be there; they are loaded all the same."""
    copies = [item.key for item in objects if "/." in f"/{item.key}"]
    if copies:
        log.warning(
            "%d objects look like an editor's copies, the first is s3://%s/%s. They are loaded, "
            "and each event and song still counts once; delete them from the bucket.",
            *(len(copies), bucket, copies[0]),
        )
    empty = [item.key for item in objects if item.size == 0]
    if empty:
        log.warning("%d objects are empty, the first is s3://%s/%s.", len(empty), bucket, empty[0])


def correct_prefix(prefix: str, bucket: str) -> str:
    """Return, in words, what may be wrong with a prefix under which nothing lies."""
    meant = prefix.strip()
    if meant.startswith("s3://"):
        other, _, meant = meant.removeprefix("s3://").partition("/")
        if other != bucket:
            return f"The bucket is {bucket}, not {other}; another is set by SPARKIFY_S3_BUCKET."
    meant = meant.lstrip("/")
    if meant != prefix:
        return f"A prefix is the start of a key, without bucket and blanks: did you mean {meant}?"
    return "Check the bucket and the prefix."
