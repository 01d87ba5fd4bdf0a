"""The guide to AWS names only settings, commands, parameters and files that exist."""

import re

from deploy.stack import template
from include.settings import Settings
from tests.conftest import ROOT

GUIDE = (ROOT / "docs" / "aws.md").read_text()


def test_its_settings_exist() -> None:
    known = {f"SPARKIFY_{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(r"SPARKIFY_[A-Z0-9_]+", GUIDE))
    assert "SPARKIFY_COPY_ROLE_ARN" in named
    assert named <= known


def test_its_parameters_are_those_of_the_template() -> None:
    command = GUIDE[GUIDE.index("--parameter-overrides") : GUIDE.index("`PubliclyAccessible")]
    named = set(re.findall(r"\b([A-Z][A-Za-z]+)=", command))
    asked = template()["Parameters"]
    assert named <= set(asked)
    assert {name for name, value in asked.items() if "Default" not in value} <= named
