"""The dbt docs site: where a run's freshly generated one goes."""

import shutil
from pathlib import Path
from typing import Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook

from include.settings import settings

# The index last: in S3, a reader of the new one finds the new files.
SITE = {
    "manifest.json": "application/json",
    "catalog.json": "application/json",
    "index.html": "text/html",
}


def publish_docs(project_dir: str, **_: Any) -> None:
    """Copy the site that `dbt docs generate` left in `project_dir` to where it is served from.

    Each file replaces the old one in one step: a reader never sees half a file.
    """
    generated = Path(project_dir) / "target"
    if settings().dbt_docs_s3_prefix:
        upload_docs(generated, settings().dbt_docs_s3_prefix)
    else:
        copy_docs(generated, settings().dbt_docs_folder)


def copy_docs(generated: Path, folder: Path) -> None:
    """Copy the site into a folder, which is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in SITE:
        arriving = folder / f".{name}.arriving"
        shutil.copyfile(generated / name, arriving)
        arriving.replace(folder / name)


def upload_docs(generated: Path, prefix: str) -> None:
    """Upload the site to an s3:// address by the AWS connection.

    Raises boto3's S3UploadFailedError.
    """
    bucket, key = S3Hook.parse_s3_url(prefix)
    for name, content_type in SITE.items():
        hook = S3Hook(aws_conn_id=settings().aws_conn_id, extra_args={"ContentType": content_type})
        hook.load_file(generated / name, f"{key}/{name}", bucket, replace=True)
