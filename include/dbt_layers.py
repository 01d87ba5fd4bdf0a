"""How Cosmos turns the dbt project into Airflow tasks: one group per layer, one task per model."""

from typing import Any

import airflow.sdk  # noqa: F401  cosmos must not be the one that imports airflow first
from cosmos import DbtTaskGroup, ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from cosmos.constants import (
    ExecutionMode,
    InvocationMode,
    LoadMode,
    SourceRenderingBehavior,
    TestBehavior,
)
from cosmos.operators.local import DbtDocsLocalOperator, DbtTestLocalOperator
from cosmos.profiles import RedshiftUserPasswordProfileMapping

from include.dbt_docs import copy_docs
from include.settings import PROJECT_ROOT, settings

# The lock belongs to the Airflow run; each dbt command renews it under this name.
ENVIRONMENT = {"SPARKIFY_RUN_ID": "{{ run_id }}"}


def profile_config() -> ProfileConfig:
    """Return dbt's login: that of the Airflow connection, or a target of profiles.yml."""
    if settings().dbt_target != "connection":
        return ProfileConfig(
            profile_name="sparkify",
            target_name=settings().dbt_target,
            profiles_yml_filepath=PROJECT_ROOT / "profiles.yml",
        )
    return ProfileConfig(
        profile_name="sparkify",
        target_name="connection",
        profile_mapping=RedshiftUserPasswordProfileMapping(
            conn_id=settings().redshift_conn_id,
            # retries: one task per model means concurrent dbt processes
            profile_args={"schema": settings().redshift_schema, "threads": 1, "retries": 3},
        ),
    )


def dbt_layer(group_id: str, select: list[str]) -> DbtTaskGroup:
    """Return the task group of one layer: each model, and right after it its tests.

    Layers follow one another, so that a test with several parents, which Cosmos runs beside the
    models, still stands between its layer and the next one.
    """
    return DbtTaskGroup(
        group_id=group_id,
        project_config=ProjectConfig(
            dbt_project_path=PROJECT_ROOT,
            models_relative_path="dbt_sparkify/models",
            manifest_path=settings().dbt_manifest,
            install_dbt_deps=False,
        ),
        profile_config=profile_config(),
        execution_config=ExecutionConfig(
            execution_mode=ExecutionMode.LOCAL, invocation_mode=InvocationMode.DBT_RUNNER
        ),
        render_config=RenderConfig(
            load_method=LoadMode.DBT_MANIFEST,
            select=select,
            exclude=["resource_type:unit_test", "tag:quality_gate"],  # for CI; for the end
            test_behavior=TestBehavior.AFTER_EACH,
            should_detach_multiple_parents_tests=True,
            source_rendering_behavior=SourceRenderingBehavior.WITH_TESTS_OR_FRESHNESS,
            emit_datasets=False,  # the marts' one asset is emitted behind the gate
        ),
        operator_args={"env": ENVIRONMENT, "append_env": True},
    )


def quality_gate(task_id: str) -> DbtTestLocalOperator:
    """Return the task that runs the cross-table tests of the selector `quality_gate`."""
    return DbtTestLocalOperator(task_id=task_id, selector="quality_gate", **operator_arguments())


def generate_docs(task_id: str) -> DbtDocsLocalOperator:
    """Return the task that generates the dbt docs site into `settings().dbt_docs_folder`."""
    return DbtDocsLocalOperator(task_id=task_id, callback=copy_docs, **operator_arguments())


def operator_arguments() -> dict[str, Any]:
    """Return what a single dbt task is told and a group derives from its configs."""
    return {
        "project_dir": str(PROJECT_ROOT),
        "profile_config": profile_config(),
        "invocation_mode": InvocationMode.DBT_RUNNER,
        "install_deps": False,
        "env": ENVIRONMENT,
        "append_env": True,
        "emit_datasets": False,
    }
