"""The images and docker-compose.yml name what exists, and hold what production needs, no more."""

import re
import shlex
from typing import Any

import pytest
import yaml

from local import compose
from tests.conftest import ROOT

DOCKERFILE = re.sub(r"\\\n\s*", "", (ROOT / "deploy" / "Dockerfile").read_text())
MAKEFILE = (ROOT / "Makefile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EXAMPLE = dict(re.findall(r"^([A-Z_0-9]+)=(.*)$", (ROOT / ".env.example").read_text(), re.M))
# what docker-compose.yml reads of the environment, with the operator and the default
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def stage(name: str) -> str:
    [found] = re.findall(rf"^FROM \S+ AS {name}\n(.*?)(?=^FROM|\Z)", DOCKERFILE, re.M | re.S)
    return str(found)


def copied(text: str) -> list[str]:
    lines = re.findall(r"^COPY ((?!--).*) \S+$", text, re.M)
    return [name for line in lines for name in line.split()]


def interpolated(value: Any, environment: dict[str, str]) -> Any:
    """Return a part of docker-compose.yml as compose would read it in an environment."""
    if isinstance(value, dict):
        return {key: interpolated(each, environment) for key, each in value.items()}
    if isinstance(value, list):
        return [interpolated(each, environment) for each in value]
    if isinstance(value, str):
        return VARIABLE.sub(lambda found: environment.get(found[1]) or found[3] or "", value)
    return value


def test_what_the_images_copy_exists_and_is_let_in() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    names = copied(DOCKERFILE)
    assert len(names) > 10
    assert [name for name in names if not (ROOT / name).exists()] == []
    assert {name for name in names if not any(name.startswith(each) for each in let_in)} == set()


def test_production_s_image_has_nothing_of_the_laptop_and_does_not_run_as_root() -> None:
    image = stage("pipeline")
    assert copied(image) == []
    assert set(re.findall(r"^COPY --from=(\S+)", image, re.M)) == {
        "pipeline-environment",
        "project",
    }
    project = re.findall(r"^COPY (local\S*) (\S+)$", stage("project"), re.M)
    assert project == [("local/dbt_packages", "/opt/stand-in")]  # and /opt/stand-in stays behind
    assert "requirements-dev" not in DOCKERFILE
    assert re.findall(r"^USER (\d+)$", image, re.M) == ["50000"]


def test_the_manifest_is_parsed_as_make_does() -> None:
    parses = re.findall(r"dbt --quiet parse( [^&\n]*)", stage("project"))
    [recipe] = re.findall(r"^manifest:.*\n((?:\t.*\n)+)", MAKEFILE, re.M)
    of_make = re.findall(r"dbt --quiet parse( [^&\n]*)", recipe)

    def words(commands: list[str]) -> list[list[str]]:
        return [shlex.split(re.sub(r"\$+", "", each.rstrip(" \\"))) for each in commands]

    assert len(parses) == 2
    assert words(parses) == words(of_make)


def test_the_image_is_built_for_every_variable_of_the_login_but_the_password() -> None:
    read = set(re.findall(r"env_var\('(\w+)'", (ROOT / "profiles.yml").read_text()))
    read |= set(re.findall(r"env_var\('(\w+)'", (ROOT / "dbt_project.yml").read_text()))
    built = set(re.findall(r"^ARG (\w+)", stage("project"), re.M))
    from_settings = {"REDSHIFT_SCHEMA"}  # the recipe sets it from SPARKIFY_REDSHIFT_SCHEMA
    assert read - from_settings - {"USER", "REDSHIFT_PASSWORD"} <= built
    arguments = SERVICES["scheduler"]["build"]["args"]
    assert built | {"BASE_IMAGE"} == set(arguments)
    # the same defaults, whoever builds
    for name, default in re.findall(r"^ARG (\w+)(?:=(\S*))?$", stage("project"), re.M):
        assert interpolated(arguments[name], {}) in (
            default,
            "docs/containers.md tells how to set it",
        )


def test_every_variable_of_compose_is_in_the_example() -> None:
    named = {found[0] for found in VARIABLE.findall((ROOT / "docker-compose.yml").read_text())}
    apart = {"PIPELINE_ENV_FILE", "REDSHIFT_LOCAL_PORT", "SPARKIFY_REDSHIFT_SCHEMA"}
    assert named - apart <= set(EXAMPLE)
    assert "SPARKIFY_REDSHIFT_SCHEMA" in EXAMPLE


@pytest.mark.parametrize("name", SERVICES)
def test_each_part_starts_again_and_can_be_asked_for_its_health(name: str) -> None:
    service = SERVICES[name]
    if name == "migrate":
        assert service["restart"] == "on-failure:3"  # it ends
        return
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] == "CMD"
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_airflow_starts_behind_its_database_and_the_local_services_if_they_are_there() -> None:
    airflow = {name: each for name, each in SERVICES.items() if "pipeline" in each["image"]}
    assert set(airflow) == {"migrate", "api-server", "scheduler", "dag-processor"}
    for name in set(airflow) - {"migrate"}:
        assert airflow[name]["depends_on"]["migrate"] == {
            "condition": "service_completed_successfully"
        }
    local = {name for name, each in SERVICES.items() if each.get("profiles") == ["local"]}
    waits = SERVICES["scheduler"]["depends_on"]
    assert local == {"s3", "redshift"}
    assert {name for name, each in waits.items() if each.get("required") is False} == local


def test_the_secrets_of_compose_have_no_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for name in (
        *("POSTGRES_PASSWORD", "AIRFLOW_ADMIN_PASSWORD"),
        *("AIRFLOW_JWT_SECRET", "AIRFLOW_FERNET_KEY"),
    ):
        assert {operator for each, operator, _ in VARIABLE.findall(text) if each == name} == {"?"}
        assert EXAMPLE[name] == ""


def test_the_profile_local_is_one_stack() -> None:
    """What Airflow is told of S3 and Redshift is what the two containers serve."""
    settings = compose.settings()
    assert settings["COMPOSE_PROFILES"] == "local"
    asked = {name for name, operator, _ in VARIABLE.findall(str(SERVICES)) if operator == "?"}
    assert asked <= {name for name, value in settings.items() if value}
    services = interpolated(SERVICES, settings)
    redshift, s3 = services["redshift"], services["s3"]
    assert f"--user={settings['REDSHIFT_USER']}" in redshift["command"]
    assert f"--database={settings['REDSHIFT_DATABASE']}" in redshift["command"]
    assert f"--copy-role={settings['SPARKIFY_COPY_ROLE_ARN']}" in redshift["command"]
    assert f"--s3-endpoint={compose.S3}" in redshift["command"]
    assert redshift["environment"]["REDSHIFT_EMULATOR_PASSWORD"] == settings["REDSHIFT_PASSWORD"]
    assert f"--port={compose.REDSHIFT_PORT}" in redshift["command"]
    assert f"s3:{s3['command'][2].split('--port ')[1].split()[0]}" in compose.S3
    assert services["scheduler"]["env_file"] == [".local/compose.env"]


def test_secrets_are_drawn_anew_each_time() -> None:
    first, second = compose.settings(), compose.settings()
    drawn = {name for name, value in first.items() if value != second[name]}
    assert drawn >= {
        *("REDSHIFT_PASSWORD", "POSTGRES_PASSWORD", "AIRFLOW_ADMIN_PASSWORD"),
        *("AIRFLOW_JWT_SECRET", "AIRFLOW_FERNET_KEY"),
    }
