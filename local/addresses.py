"""What dbt, the settings and Airflow are told of the local S3 and Redshift."""

import json

from local.principals import BUCKET, COPY_ROLE_ARN, PIPELINE
from local.s3 import REGION


def warehouse_environment(s3: str, host: str, port: str, password: str) -> dict[str, str]:
    """Return the variables of dbt (profiles.yml), the settings, and Airflow's two connections."""
    redshift = {
        "conn_type": "redshift",
        "host": host,
        "port": int(port),
        "login": "sparkify",
        "password": password,
        "schema": "dev",
        # the emulator has no certificate; only a local host may do without
        "extra": {"sslmode": "disable"},
    }
    aws = {
        "conn_type": "aws",
        "login": PIPELINE.access_key,
        "password": PIPELINE.secret_key,
        "extra": {
            "region_name": REGION,
            # elsewhere than at an IP address, boto3 would look for the bucket at <bucket>.<host>
            "config_kwargs": {"s3": {"addressing_style": "path"}},
            "service_config": {
                "s3": {"endpoint_url": s3},
                "sts": {"endpoint_url": f"{s3}/sts"},
            },
        },
    }
    return {
        "REDSHIFT_HOST": host,
        "REDSHIFT_PORT": port,
        "REDSHIFT_DATABASE": "dev",
        "REDSHIFT_USER": "sparkify",
        "REDSHIFT_PASSWORD": password,
        "REDSHIFT_SSLMODE": "disable",
        "SPARKIFY_S3_BUCKET": BUCKET,
        "SPARKIFY_COPY_ROLE_ARN": COPY_ROLE_ARN,
        "SPARKIFY_LOCAL_S3": s3,
        "AIRFLOW_CONN_REDSHIFT_DEFAULT": json.dumps(redshift),
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(aws),
    }
