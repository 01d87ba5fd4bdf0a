"""The loader's rule of TLS is the rule of profiles.yml."""

import pytest
from dbt.config.profile import read_profile
from dbt.config.renderer import ProfileRenderer
from dbt_common.context import set_invocation_context

from include.load.tls import driver_options
from tests.conftest import ROOT

CLUSTER = "example.abc123.us-west-2.redshift.amazonaws.com"
HOSTS = ("127.0.0.1", "localhost", "redshift", CLUSTER, "10.0.0.1", "127.0.0.2", "fe80::1")
MODES = ("", "disable", "allow", "prefer", "require", "verify-ca", "verify-full", "verify_full")


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("mode", MODES)
def test_dbt_and_the_loader_take_the_same_tls(host: str, mode: str) -> None:
    set_invocation_context({"REDSHIFT_HOST": host, "REDSHIFT_SSLMODE": mode})
    outputs = read_profile(str(ROOT))["sparkify"]["outputs"]
    of_dbt = {ProfileRenderer({}).render_data(output)["sslmode"] for output in outputs.values()}
    options = driver_options(host, mode)
    assert of_dbt == {options["sslmode"] if options["ssl"] else "disable"}


@pytest.mark.parametrize("host", [CLUSTER, "10.0.0.1", "127.0.0.2", "fe80::1"])
@pytest.mark.parametrize("mode", MODES)
def test_what_leaves_the_machine_is_encrypted(host: str, mode: str) -> None:
    assert driver_options(host, mode)["ssl"]
