"""Each documented command is run by a test or left out for a reason, and all of them parse."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from airflow.cli.cli_parser import get_parser
from dbt.cli.main import cli
from dbt.contracts.graph.manifest import Manifest

from include.settings import Settings
from tests import dbt_here
from tests.conftest import ROOT
from tests.docs.commands import documented, words

MAKEFILE = (ROOT / "Makefile").read_text()
COMMANDS = documented()
GATE = "tests/stack/test_gate.py"
SLIM_CI = "tests/stack/test_slim_ci.py"
PAGES = "tests/dashboard/test_pages.py"
LOAD = "tests/include/load/test_command_line.py"
PUBLISHING = "tests/include/publish/test_command_line.py"

# Which test runs the command, or the function that it calls, on the local stack
RUN_BY = {
    "make up": f"{GATE}::test_good_data_passes_the_gate_of_an_hour_whatever_is_older",
    "make demo": f"{GATE}::test_good_data_passes_the_gate_of_an_hour_whatever_is_older",
    "make down": "tests/local/test_stack.py::"
    "test_a_saved_connection_works_after_a_restart_and_psql_connects_as_printed",
    "source .local/env": "tests/local/test_stack.py::"
    "test_a_saved_connection_works_after_a_restart_and_psql_connects_as_printed",
    "psql": "tests/local/test_stack.py::"
    "test_a_saved_connection_works_after_a_restart_and_psql_connects_as_printed",
    "make dashboard": f"{PAGES}::test_the_dashboard_shows_the_numbers_and_filters_by_day",
    "make notebook": f"{PAGES}::test_the_notebook_proves_the_flow_and_answers",
    "make build": "tests/stack/test_developer.py::"
    "test_a_developer_builds_in_a_schema_of_their_own_while_production_is_at_work",
    "mf list": "tests/stack/test_metrics.py::test_the_metrics_are_listed",
    "mf query": "tests/stack/test_metrics.py::test_metrics_by_day_equal_sql",
    "make doctor": "tests/include/doctor/test_doctor.py::"
    "test_a_sound_stack_has_no_fault_and_every_question_an_answer",
    "make load": f"{LOAD}::test_make_passes_a_prefix_on_as_it_was_typed",
    "make publish": f"{PUBLISHING}::test_publishes_takes_back_and_publishes_again",
    "make rollback": f"{PUBLISHING}::test_publishes_takes_back_and_publishes_again",
    "make roles": "tests/include/access/test_roles.py::"
    "test_each_role_can_do_its_work_and_nothing_else",
    "make ci-manifest": f"{SLIM_CI}::"
    "test_only_changed_models_and_their_children_are_built_and_all_is_dropped",
    "make deploy-check": "tests/deploy/test_stack.py::"
    "test_the_check_lists_everything_in_the_template",
    "make deploy-env": "tests/deploy/test_stack.py::"
    "test_the_outputs_are_the_settings_of_the_pipeline",
    "dbt build": f"{SLIM_CI}::test_a_sample_builds_and_tests_the_events_of_its_days_alone",
    "dbt test": "tests/stack/test_balance.py::test_lines_that_are_nowhere_are_counted_by_partition",
    "dbt show": "tests/stack/test_analyses.py::test_the_documented_questions_are_answered",
    "dbt clone": f"{SLIM_CI}::test_a_clone_shows_production_and_gives_way_to_a_build",
    "airflow backfill": "tests/docs/test_runbook.py::"
    "test_a_backfill_means_days_in_utc_whatever_the_default_timezone",
    "python -m redshift_emulator": "redshift_emulator/tests/test_server.py::"
    "test_start_prints_one_line_and_a_signal_stops_everything",
}

RUNS_THE_TESTS = "it is what runs the tests, as CI does at each commit"
NEEDS_AWS = "needs an account of AWS; tests/deploy has moto create the template's stack"
OF_THE_SHELL = "sets the shell's own environment, behind a command that needs AWS"
NEEDS_DOCKER = "needs Docker; tests/deploy/test_containers.py checks the files against each other"
WRITES_THE_CHECKOUT = "changes the developer's own checkout"

# Why no test runs the command
NOT_RUN = {
    "make setup": RUNS_THE_TESTS,
    "make check": RUNS_THE_TESTS,
    "make test": RUNS_THE_TESTS,
    "make lint": RUNS_THE_TESTS,
    "make format": WRITES_THE_CHECKOUT,
    "make lock": WRITES_THE_CHECKOUT,
    "pre-commit install": WRITES_THE_CHECKOUT,
    "make image": NEEDS_DOCKER,
    "make compose-up": NEEDS_DOCKER,
    "make compose-down": NEEDS_DOCKER,
    "docker compose": NEEDS_DOCKER,
    "aws cloudformation": NEEDS_AWS,
    "aws configure": NEEDS_AWS,
    "aws redshift-data": NEEDS_AWS,
    "aws sns": NEEDS_AWS,
    "assignment": NEEDS_AWS,
    "export": OF_THE_SHELL,
    "unset": OF_THE_SHELL,
    "chmod 600": OF_THE_SHELL,
    "set -a": OF_THE_SHELL,
}


def kind(command: str) -> str:
    """Return what a command is one of: `make load`, `dbt show`, an assignment, `export`."""
    if re.match(r"[A-Z]+=\$\(", command):
        return "assignment"
    program, *rest = words(command)
    if program in ("export", "unset", "psql"):
        return program
    count = 2 if rest[:1] == ["-m"] else 1
    return " ".join([program, *rest[:count]]).rstrip(";")


def of_program(name: str) -> list[str]:
    return [command for command in COMMANDS if kind(command).split()[0] == name]


def test_every_command_is_run_by_a_test_or_left_out_for_a_reason() -> None:
    named = {kind(command) for command in COMMANDS}
    assert len(COMMANDS) > len(named) > 0
    assert named == RUN_BY.keys() | NOT_RUN.keys()
    assert RUN_BY.keys() & NOT_RUN.keys() == set()


@pytest.mark.parametrize("test", sorted(set(RUN_BY.values())))
def test_the_test_that_runs_it_exists(test: str) -> None:
    path, _, name = test.partition("::")
    assert re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.M)


@pytest.mark.parametrize("command", of_program("make"))
def test_make_has_the_target_and_its_variables(command: str) -> None:
    _, *rest = words(command.partition(" > ")[0])
    [target] = [word for word in rest if "=" not in word]
    variables = dict(word.split("=", 1) for word in rest if "=" in word)
    assert re.search(rf"^{target}: .*##", MAKEFILE, re.M), f"make help does not list {target}"
    settings = {f"SPARKIFY_{name.upper()}" for name in Settings.model_fields}
    for name in variables:
        assert name in settings or f"$({name})" in MAKEFILE or f"value {name}" in MAKEFILE, name
    if "T" in variables:
        assert (ROOT / variables["T"].partition("::")[0]).exists()
    done = subprocess.run(
        ["make", "--dry-run", *rest],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", sorted({page for pages in COMMANDS.values() for page in pages}))
def test_inline_commands_are_targets_of_make(page: str) -> None:
    named = set(re.findall(r"`make ([a-z-]+)", (ROOT / page).read_text()))
    assert named <= set(re.findall(r"^([a-z-]+): .*##", MAKEFILE, re.M))


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    done = dbt_here.invoke("parse", project=ROOT, target=tmp_path_factory.mktemp("dbt"))
    assert isinstance(done.result, Manifest), done.exception
    return done.result


@pytest.mark.parametrize("command", of_program("dbt"))
def test_dbt_takes_the_command_and_finds_what_it_selects(
    command: str, manifest: Manifest, tmp_path: Path
) -> None:
    _, name, *rest = words(command)
    cli.commands[name].make_context(name, list(rest))  # exits on what dbt does not know
    selected = re.findall(r"ref\(['\"](\w+)", command)
    for option in ("--select", "--exclude"):
        if option in rest:
            after = rest[rest.index(option) + 1 :]
            end = next((at for at, word in enumerate(after) if word.startswith("--")), len(after))
            selected += after[:end]
    for selector in selected:
        found = dbt_here.invoke(
            *("ls", "--resource-type", "all", "--select", selector),
            project=ROOT,
            target=tmp_path,
            manifest=manifest,
        )
        assert found.result, f"{command}: {selector} selects nothing"


@pytest.mark.parametrize("command", of_program("airflow"))
def test_airflow_takes_the_command(command: str) -> None:
    get_parser().parse_args(words(command)[1:])


def test_the_metrics_of_the_example_exist(manifest: Manifest) -> None:
    named = [re.search(r"--metrics (\S+)", command) for command in of_program("mf")]
    metrics = {metric.name for metric in manifest.metrics.values()}
    asked = {name for found in named if found for name in found[1].split(",")}
    assert asked
    assert asked <= metrics


def test_programs_of_the_checkout_are_there() -> None:
    scripts = {path.name for path in Path(sys.executable).parent.iterdir()}
    assert {"airflow", "dbt", "mf", "pre-commit", "python"} <= scripts
