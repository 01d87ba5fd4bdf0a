"""dbt in the tests' own process, which saves each of its commands the start."""

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
    """Run a dbt command on the project in a folder, of which `manifest` is the parse if given.

    No manifest and no results are written into `target`, which takes as long as many a command,
    unless `--write-json` is among the arguments.
    """
    command = [
        # dbt never closes its log file, which Python warns of
        *("--quiet", "--log-level-file", "none", *arguments),
        *("--project-dir", str(project), "--profiles-dir", str(project)),
        *("--target-path", str(target)),
    ]
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as thread:
        patch.setenv("DBT_WRITE_JSON", "false")
        # each of dbt's flags reads the source of its whole call stack, which is short in a thread
        return thread.submit(dbtRunner(manifest).invoke, command).result()


def results(*arguments: str, project: Path, target: Path) -> dict[str, dict[str, Any]]:
    """Run a dbt command and return each node's result, as run_results.json has it, by its name.

    Raises what kept the command from starting.
    """
    done = invoke(*arguments, project=project, target=target)
    if not isinstance(done.result, RunExecutionResult):
        raise done.exception or AssertionError(f"{arguments} has no results")
    return {each.node.name: process_run_result(each).to_dict() for each in done.result.results}
