"""Each compiled analysis runs on built marts and returns the columns that its yml describes."""

from collections.abc import Mapping
from datetime import date

import pytest
import yaml

from local.events import generate
from tests.conftest import ROOT
from tests.docs.commands import documented, words
from tests.warehouse import Warehouse

FOLDER = ROOT / "dbt_sparkify" / "analyses"
DESCRIBED = {
    analysis["name"]: [column["name"] for column in analysis["columns"]]
    for analysis in yaml.safe_load((FOLDER / "_analyses.yml").read_text())["analyses"]
}


@pytest.fixture(scope="module")
def compiled(
    running_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, str]:
    """Build all models from three weeks of events and return each analysis's SQL by name."""
    folder = tmp_path_factory.mktemp("files")
    generate(folder, seed=12, start=date(2018, 11, 1), days=21, users=30, songs=20)
    running_warehouse.empty()
    running_warehouse.upload(folder)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in running_warehouse.environment.items():
            patch.setenv(name, value)
        running_warehouse.load("log_data/")
    built = running_warehouse.dbt_here("run")
    assert {result["status"] for result in built.values()} == {"success"}
    analyses = running_warehouse.dbt_here("compile", "--select", "resource_type:analysis")
    return {name: result["compiled_code"] for name, result in analyses.items()}


def test_every_analysis_is_described_and_compiled(compiled: Mapping[str, str]) -> None:
    files = {path.stem for path in FOLDER.glob("*.sql")}
    assert files == DESCRIBED.keys() == compiled.keys()


@pytest.mark.parametrize("name", DESCRIBED)
def test_an_analysis_answers_in_the_columns_that_it_describes(
    running_warehouse: Warehouse, compiled: Mapping[str, str], name: str
) -> None:
    with running_warehouse.connect() as connection:
        cursor = connection.cursor()
        cursor.execute(compiled[name])
        assert [column[0] for column in cursor.description] == DESCRIBED[name]
        assert cursor.fetchall(), "no rows"


QUESTIONS = [command for command in documented() if words(command)[:2] == ["dbt", "show"]]


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("command", QUESTIONS)
def test_the_documented_questions_are_answered(
    running_warehouse: Warehouse, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    running_warehouse.publish(untested=True)  # some ask what is published
    [answer] = running_warehouse.dbt_here(*words(command)[1:]).values()
    assert answer["status"] == "success", answer["message"]
    _, _, *rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert rows, "a heading, a ruler, and nothing"
