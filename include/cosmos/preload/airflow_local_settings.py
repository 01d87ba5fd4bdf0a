"""Read by Airflow at start, when this folder is on PYTHONPATH.

Workers are forks of the scheduler. What it has imported and built before, they need not: dbt, its
adapter and Cosmos cost more than most models take to build.
"""

import sys
from functools import partial
from importlib import import_module
from typing import Any

from include.settings import PROJECT_ROOT, settings

MODULES = (
    "airflow.providers.amazon.aws.hooks.redshift_sql",
    "airflow.providers.amazon.aws.hooks.s3",
    "airflow.sdk.definitions.decorators",
    "airflow.sdk.execution_time.task_runner",
    "cosmos.operators.local",
    "cosmos.profiles",
    "dbt.adapters.redshift",
    "dbt.task.test",
    "openlineage.common.provider.dbt.local",
)
# dbt makes its serializers when they are first used; a parse uses most of them. It compiles a macro
# when that is first called. Without REDSHIFT_* in the environment the parse fails in silence, and
# each worker makes its own.
PARSE = (
    *("--log-level", "none", "--log-level-file", "none", "--no-write-json"),
    *("parse", "--profile", "sparkify", "--target", settings().dbt_target),
    *("--project-dir", str(PROJECT_ROOT), "--profiles-dir", str(PROJECT_ROOT)),
)

if "scheduler" in sys.argv:
    for module in MODULES:
        import_module(module)
    parsed: Any = import_module("dbt.cli.main").dbtRunner().invoke(list(PARSE)).result
    templates: Any = import_module("dbt_common.clients.jinja").template_cache
    for macro in parsed.macros.values() if parsed else ():
        templates.get_node_template(macro)
    # Without a name, the driver reads the source of its whole call stack, at each connection, to
    # find one; dbt-redshift cannot give it. The cluster lists sessions by it.
    driver: Any = import_module("redshift_connector")
    driver.connect = partial(driver.connect, application_name="sparkify-airflow")
