"""dbt in the process of the tests, which saves its start-up time for each command."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from dbt.artifacts.schemas.run import RunExecutionResult, process_run_result
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest


def invoke(
    *arguments: str, project: Path, target: Path, manifest: Manifest | None = None
) -> dbtRunnerResult:
    """Run a dbt command on the project in a folder, with `manifest` as its parse if given.

    Writing the manifest and results to `target` takes as long as many commands do, so dbt does it
    only when the arguments include `--write-json`.
    """
    command = [
        # dbt never closes its log file, and Python warns about that.
        *("--quiet", "--log-level-file", "none", *arguments),
        *("--project-dir", str(project), "--profiles-dir", str(project)),
        *("--target-path", str(target)),
    ]
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as thread:
        patch.setenv("DBT_WRITE_JSON", "false")
        # Each flag of dbt reads the source of its whole call stack, which is short in a thread.
        return thread.submit(dbtRunner(manifest).invoke, command).result()


def results(*arguments: str, project: Path, target: Path) -> dict[str, dict[str, Any]]:
    """Run a dbt command and return the result of each node, as in run_results.json, by name.

    Raises the error that kept the command from starting.
    """
    done = invoke(*arguments, project=project, target=target)
    if not isinstance(done.result, RunExecutionResult):
        raise done.exception or AssertionError(f"{arguments} has no results")
    return {each.node.name: process_run_result(each).to_dict() for each in done.result.results}
