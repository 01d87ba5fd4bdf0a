"""The settings: those of `.env.example` work wherever Airflow is started."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from include.settings import PROJECT_ROOT, Settings, describe


def test_relative_paths_are_of_the_root_and_others_stay(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPARKIFY_DBT_MANIFEST", "target/cosmos/manifest.json")
    monkeypatch.setenv("SPARKIFY_DBT_DOCS_FOLDER", str(tmp_path / "docs"))

    found = Settings()

    assert found.dbt_manifest == PROJECT_ROOT / "target" / "cosmos" / "manifest.json"
    assert found.dbt_docs_folder == tmp_path / "docs"


@pytest.mark.parametrize("mapping", ["auto", "jsonpaths/staging_events.json", "s3://sparkify"])
def test_a_mapping_that_would_leave_columns_of_events_empty_is_refused(
    monkeypatch: pytest.MonkeyPatch, mapping: str
) -> None:
    monkeypatch.setenv("SPARKIFY_EVENTS_JSON_MAPPING", mapping)
    with pytest.raises(ValidationError, match="events_json_mapping"):
        Settings()


def test_a_partition_that_is_no_regular_expression_is_named_with_its_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SPARKIFY_EVENTS_PARTITION", "log_data/(")
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert describe(refused.value).startswith(
        "SPARKIFY_EVENTS_PARTITION is 'log_data/(': Value error, It is no regular expression: "
    )
