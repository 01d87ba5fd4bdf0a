"""The parameters of a run: what they refuse, and the words in which they do."""

from copy import copy

import pytest
from airflow.sdk.exceptions import AirflowFailException, ParamValidationError

from include.run.policy import PARAMS, refuse_faulty_parameters

REFUSED = {
    "s3://sparkify/log_data/": "Leave out s3:// and the bucket",
    "S3:log_data": "Leave out s3:// and the bucket",
    "/log_data/": "Leave out the slash in front",
    " /log_data/": "Leave out the slash in front",
    '"log_data/2018/11/"': "Leave out the quotes around it",
    "'log_data/": "Leave out the quotes around it",
    "log_data/ ": "Leave out the blanks around it",
    "log_data/2018/*": "Leave out the asterisk",
    "log_data/\nlog_data/2018": "Write it on one line",
    "log\x00data": "Write it on one line",
    "x" * 1025: "Shorten it",
}
TAKEN = (None, "", "log_data/2018/11/", "log_data/it's + 50% \\ Ünïcode/", "a//b", "x" * 1024)


@pytest.mark.parametrize("name", ["events_prefix", "songs_prefix"])
@pytest.mark.parametrize("value", REFUSED)
def test_a_faulty_prefix_is_refused_with_what_to_do_when_triggered_and_at_the_task(
    name: str, value: str
) -> None:
    with pytest.raises(ParamValidationError) as refused:
        copy(PARAMS[name]).resolve(value)
    assert REFUSED[value] in " ".join(str(refused.value).replace("'\n", "'").split()).replace(
        "' '", ""
    )
    with pytest.raises(AirflowFailException) as failed:
        refuse_faulty_parameters({name: value})
    assert f"parameter {name} is {value!r}. {REFUSED[value]}" in str(failed.value)


@pytest.mark.parametrize("value", TAKEN)
def test_any_start_of_a_key_is_taken(value: str | None) -> None:
    assert copy(PARAMS["events_prefix"]).resolve(value) == value
    refuse_faulty_parameters({"events_prefix": value})


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(AirflowFailException) as failed:
        refuse_faulty_parameters({"event_prefix": "x", "events_prefix": 5, "reload": "yes"})
    assert str(failed.value).splitlines() == [
        "Nothing was done, as the run sets what it must not:",
        "  unknown parameter event_prefix; the DAG has events_prefix, songs_prefix, reload, "
        "whole_gate.",
        "  parameter events_prefix is 5. 5 is not of type 'null', 'string'",
        "  parameter reload is 'yes'. 'yes' is not of type 'boolean'",
        "Trigger it again.",
    ]


def test_the_form_shows_a_title_and_a_description_of_each_parameter() -> None:
    for param in PARAMS.values():
        assert param.schema["title"]
        assert param.description
