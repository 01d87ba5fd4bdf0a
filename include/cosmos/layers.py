"""How Cosmos turns the dbt project into Airflow tasks: one group per layer, one task per model."""

from dataclasses import replace
from operator import attrgetter
from typing import Any

import airflow.sdk  # noqa: F401  cosmos must not be the one that imports airflow first
import cosmos.settings
from airflow.providers.amazon.aws.hooks.redshift_sql import RedshiftSQLHook
from airflow.providers.openlineage import conf as openlineage
from airflow.sdk import BaseOperator, Context, TaskGroup, get_parsing_context
from airflow.sdk.exceptions import AirflowFailException
from cosmos import DbtTaskGroup, ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from cosmos.constants import (
    ExecutionMode,
    InvocationMode,
    LoadMode,
    SourceRenderingBehavior,
    TestBehavior,
)
from cosmos.operators.local import DbtDocsLocalOperator, DbtTestLocalOperator

from include.cosmos.docs_site import publish_docs
from include.cosmos.identity import take_identity
from include.cosmos.manifest import require_current
from include.cosmos.nodes import tests_across
from include.cosmos.presentation import IN_THE_LOG, bulleted, present
from include.load.errors import LoadError
from include.load.operator import require_address
from include.settings import PROJECT_ROOT, settings

# dbt's login is the Airflow connection's, rendered when the task runs; profiles.yml reads it. The
# run lock belongs to the Airflow run, and each dbt command renews it under the run's name.
CONNECTION = f"conn.{settings().redshift_conn_id}"
EXTRA = f"{CONNECTION}.extra_dejson"
ENVIRONMENT = {
    "REDSHIFT_HOST": f"{{{{ {CONNECTION}.host }}}}",
    "REDSHIFT_PORT": f"{{{{ {CONNECTION}.port or 5439 }}}}",
    "REDSHIFT_DATABASE": f"{{{{ {CONNECTION}.schema }}}}",
    "REDSHIFT_USER": f"{{{{ {CONNECTION}.login or '' }}}}",
    "REDSHIFT_PASSWORD": f"{{{{ {CONNECTION}.password or '' }}}}",
    "REDSHIFT_SSLMODE": f"{{{{ {EXTRA}.get('sslmode', '') }}}}",
    # for IAM, by the rules of RedshiftSQLHook
    "REDSHIFT_CLUSTER_ID": f"{{{{ '' if {EXTRA}.get('is_serverless') else "
    f"{EXTRA}.get('cluster_identifier') or ({CONNECTION}.host or '').split('.')[0] }}}}",
    "REDSHIFT_WORKGROUP": f"{{{{ {EXTRA}.get('serverless_work_group', '') "
    f"if {EXTRA}.get('is_serverless') else '' }}}}",
    "REDSHIFT_SCHEMA": settings().redshift_schema,
    "SPARKIFY_RUN_ID": "{{ run_id }}",
    "SPARKIFY_WHOLE_RUN": "{{ ti.xcom_pull(task_ids='find_work', key='whole_run') }}",
}


def without_artifacts() -> dict[str, str]:
    """Return the environment of the tasks whose artifacts nobody reads.

    Without them a task takes a fifth less CPU. The docs need those of their own command;
    OpenLineage, where it is on, takes a model's parents from those of each. dbt's own log goes with
    the folder in which Cosmos runs it: what is of use is in Airflow's.
    """
    return {
        **ENVIRONMENT,
        "DBT_WRITE_JSON": str(not openlineage.is_disabled()).lower(),
        "DBT_LOG_LEVEL_FILE": "none",
    }


# Unit tests are CI's, the cross-table tests the quality gate's, and exposures are nobody's task.
EXCLUDED = ["resource_type:unit_test", "tag:quality_gate", "resource_type:exposure"]

# Not a profile that Cosmos makes of the connection: that knows no IAM, and dbt parses the whole
# project anew in each task unless profile, target and login are those of `make manifest`.
PROFILE = ProfileConfig(
    profile_name="sparkify",
    target_name=settings().dbt_target,
    profiles_yml_filepath=PROJECT_ROOT / "profiles.yml",
)


TOOLTIPS = {
    "staging": "Views that clean raw",
    "intermediate": "One hard step each: deduplicated, quarantined, levels by day",
    "marts": "The star schema",
    "reporting": "Small tables that answer frequent questions",
}


def dbt_layer(layer: str) -> TaskGroup:
    """Return the task group of one folder of models: a task builds a model and runs its tests.

    Tests of several models are left to `test_across`, which follows the group. Layers follow one
    another. Raises StaleManifestError.
    """
    if is_read_for_another(layer):
        return TaskGroup(layer)
    require_current(settings().dbt_manifest)
    group: TaskGroup = DbtTaskGroup(
        group_id=layer,
        tooltip=TOOLTIPS[layer],
        project_config=ProjectConfig(
            dbt_project_path=PROJECT_ROOT,
            models_relative_path="dbt_sparkify/models",
            manifest_path=settings().dbt_manifest,
            install_dbt_deps=False,
        ),
        profile_config=PROFILE,
        execution_config=ExecutionConfig(
            execution_mode=ExecutionMode.LOCAL, invocation_mode=InvocationMode.DBT_RUNNER
        ),
        render_config=RenderConfig(
            load_method=LoadMode.DBT_MANIFEST,
            select=[f"path:dbt_sparkify/models/{layer}"],
            exclude=[*EXCLUDED, *tests_across(layer)],
            test_behavior=TestBehavior.BUILD,
            normalize_task_id=attrgetter("name"),
            normalize_task_display_name=attrgetter("name"),
            source_rendering_behavior=SourceRenderingBehavior.WITH_TESTS_OR_FRESHNESS,
            emit_datasets=False,  # the marts' one asset is emitted behind the gate
        ),
        operator_args={
            "env": without_artifacts(),
            "append_env": True,
            "pre_execute": prepare_login,
        },
    )
    for task in group.iter_tasks():
        if isinstance(task, BaseOperator):
            present(task)
    return group


def is_read_for_another(group: str) -> bool:
    """Whether a worker reads the DAG file to run a task of another group than this one.

    It needs its own task alone, and Cosmos takes a tenth of a second for each group.
    """
    task_id = get_parsing_context().task_id or ""
    return "." in task_id and not task_id.startswith(f"{group}.")


def test_sources(task_id: str) -> DbtTestLocalOperator:
    """Return the task that runs the tests of the sources."""
    return DbtTestLocalOperator(
        task_id=task_id,
        doc_md=f"Tests what the loads have left in `raw`. {IN_THE_LOG}",
        select=["source:*"],
        exclude=EXCLUDED,
        env=without_artifacts(),
        **operator_arguments(),
    )


def test_across(task_id: str, layer: str) -> DbtTestLocalOperator:
    """Return the task that runs the tests of several models, behind a layer's last model."""
    tests = tests_across(layer)
    return DbtTestLocalOperator(
        task_id=task_id,
        doc_md=f"Tests of several models of the layer `{layer}`. {IN_THE_LOG}\n{bulleted(tests)}",
        select=tests,
        env=without_artifacts(),
        **operator_arguments(),
    )


def quality_gate(task_id: str) -> DbtTestLocalOperator:
    """Return the task that runs the cross-table tests of the selector `quality_gate`."""
    return DbtTestLocalOperator(
        task_id=task_id,
        doc_md=f"Tests across layers, of `tests/dbt/quality_gate`. {IN_THE_LOG}",
        selector="quality_gate",
        env=without_artifacts(),
        **operator_arguments(),
    )


def generate_docs(task_id: str) -> DbtDocsLocalOperator:
    """Return the task that generates the dbt docs site of the published tables and serves it."""
    published = {
        "profile_config": replace(
            PROFILE, target_name=settings().dbt_target.replace("prod", "published")
        ),
        "cache_dir": cosmos.settings.cache_dir / "published",
    }
    return DbtDocsLocalOperator(
        task_id=task_id,
        doc_md="Generates the dbt docs site, for *Browse* in the menu.",
        callback=publish_docs,
        env=ENVIRONMENT,
        **operator_arguments() | published,
    )


def operator_arguments() -> dict[str, Any]:
    """Return what a single dbt task is told and a group derives from its configs."""
    return {
        "project_dir": str(PROJECT_ROOT),
        "profile_config": PROFILE,
        "invocation_mode": InvocationMode.DBT_RUNNER,
        "install_deps": False,
        "cache_dir": cosmos.settings.cache_dir / "sparkify",  # else dbt parses the project anew
        "append_env": True,
        "emit_datasets": False,
        "pre_execute": prepare_login,
    }


def prepare_login(_: Context) -> None:
    """Let dbt log in as loads do; fail the task where it would be told the host "None"."""
    try:
        require_address(RedshiftSQLHook.get_connection(settings().redshift_conn_id))
    except LoadError as error:
        raise AirflowFailException(str(error)) from error
    if settings().dbt_target == "prod_iam":
        take_identity(settings().aws_conn_id)
