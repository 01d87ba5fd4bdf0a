"""dbt in the tests' own process, which saves each of its commands the start."""

from functools import partial
from pathlib import Path

import pytest
import redshift_connector
from dbt.cli.main import dbtRunner


def invoke(*arguments: str, project: Path, target: Path) -> None:
    """Run a dbt command on the project in a folder. Raises what kept it from starting."""
    with pytest.MonkeyPatch.context() as patch:
        # without a name the driver looks for one in the source of its whole call stack
        named = partial(redshift_connector.connect, application_name="dbt")
        patch.setattr(redshift_connector, "connect", named)
        done = dbtRunner().invoke(
            [
                # dbt never closes its log file, which Python warns of
                *("--quiet", "--log-level-file", "none", *arguments),
                *("--project-dir", str(project), "--profiles-dir", str(project)),
                *("--target-path", str(target)),
            ]
        )
    if done.exception:
        raise done.exception
