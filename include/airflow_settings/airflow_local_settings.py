"""Read by Airflow at start, when this folder is on PYTHONPATH.

Workers are forks of the scheduler. What it has imported before, they need not: dbt, its adapter and
Cosmos cost more than most models take to build.
"""

import airflow.providers.amazon.aws.hooks.redshift_sql
import airflow.providers.amazon.aws.hooks.s3
import airflow.sdk.execution_time.task_runner
import cosmos.operators.local
import dbt.adapters.redshift
import dbt.cli.main

__all__ = ["airflow", "cosmos", "dbt"]
