"""Alerts reach Slack and SNS by Airflow's own notifiers, and tell what the warehouse knows."""

import json
import logging
from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from include.alerts import facts, notify
from include.alerts.callbacks import on_missed_deadline, on_task_failure
from include.alerts.notify import Alert, send
from include.alerts.stale import tell_of_stale_sources
from include.settings import settings
from tests.include.alerts.receiver import Receiver, receiving
from tests.warehouse import Warehouse

ALERT = Alert(
    "Sparkify: task a & b failed",
    ("The test t found 3 rows.",),
    ('select * from dq.t where "x" < 5;',),
    "http://127.0.0.1/dags/sparkify",
)
RUN = "scheduled__1"


@pytest.fixture(autouse=True)
def _settings_of_each_test() -> Iterator[None]:
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """Let alerts go to a webhook on this machine."""
    with receiving() as receiver:
        connection = {
            "conn_type": "slackwebhook",
            "host": f"{receiver.address}/services",
            "password": "T0/B0/token",
        }
        monkeypatch.setenv("SPARKIFY_ALERTS", "slack")
        monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", json.dumps(connection))
        yield receiver


def test_slack_gets_the_alert_in_its_markup(slack: Receiver) -> None:
    send(ALERT)
    [(path, message)] = slack.messages
    assert path == "/services/T0/B0/token"
    assert message["text"] == (
        "*Sparkify: task a &amp; b failed*\n"
        "The test t found 3 rows.\n"
        '```select * from dq.t where "x" &lt; 5;```\n'
        "<http://127.0.0.1/dags/sparkify|Open in Airflow>"
    )


def test_sns_publishes_the_alert_to_the_topics_subscribers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = {"aws_access_key_id": "sparkify", "aws_secret_access_key": "local"}
    aws = ThreadedMotoServer("127.0.0.1", port=0)
    aws.start()
    try:
        address = "http://{}:{}".format(*aws.get_host_and_port())
        client = boto3.client("sns", "us-west-2", endpoint_url=address, **keys)
        topic = client.create_topic(Name="alerts")["TopicArn"]
        connection = {
            "conn_type": "aws",
            "login": keys["aws_access_key_id"],
            "password": keys["aws_secret_access_key"],
            "extra": {
                "region_name": "us-west-2",
                "service_config": {"sns": {"endpoint_url": address}},
            },
        }
        monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
        monkeypatch.setenv("SPARKIFY_ALERTS", "sns")
        monkeypatch.setenv("SPARKIFY_SNS_TOPIC_ARN", topic)
        with receiving() as receiver:
            client.subscribe(TopicArn=topic, Protocol="http", Endpoint=receiver.address)
            send(ALERT)
            published = [
                message for _, message in receiver.messages if message.get("Type") == "Notification"
            ]
    finally:
        aws.stop()
    [message] = published
    assert message["Message"] == notify.as_text(ALERT)
    assert message["Subject"] == "Sparkify: task a & b failed"


def test_the_log_is_the_default_and_the_subject_of_sns_is_short_ascii(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        send(ALERT)
    assert [record.getMessage() for record in caplog.records] == [notify.as_text(ALERT)]
    subject = notify.as_subject(Alert("Ünïcode\n" + "x" * 200))
    assert subject.isascii()
    assert "\n" not in subject
    assert len(subject) < 100


def test_an_alert_that_cannot_be_sent_is_logged_and_raises_nothing(
    slack: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    slack.status = 403
    with caplog.at_level(logging.ERROR):
        send(ALERT)
    assert "The alert was not sent by slack" in caplog.text
    assert "invalid_token" in caplog.text
    assert "T0/B0/token" not in caplog.text


def test_alerts_by_sns_need_a_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARKIFY_ALERTS", "sns")
    with pytest.raises(ValueError, match="SPARKIFY_SNS_TOPIC_ARN"):
        settings()


def ran(warehouse: Warehouse, node: str, status: str, failures: str, relation: str) -> None:
    warehouse.run(
        f"insert into ops.node_runs select 'analytics', '{RUN}', '{node}', 'test', {relation}, "
        f"'{status}', {failures}, 0.1, sysdate"
    )


def failed_task(task_id: str) -> Any:
    link = f"http://127.0.0.1/tasks/{task_id}"
    return {"ti": SimpleNamespace(task_id=task_id, run_id=RUN, log_url=link)}


def test_a_failed_test_is_told_with_its_rows_its_sql_and_what_readers_see(
    warehouse: Warehouse, slack: Receiver
) -> None:
    dq = """'"dev"."dq"."unique_users_user_id"'"""
    warehouse.run("create schema dq; create table dq.unique_users_user_id as select 7 as user_id")
    ran(warehouse, "unique_users_user_id", "fail", "20", dq)  # a percentage, say
    ran(warehouse, "passes_when_tried_again", "fail", "1", dq)
    ran(warehouse, "passes_when_tried_again", "pass", "0", dq)
    ran(warehouse, "assert_it", "error", "null", "null")
    on_task_failure(failed_task("marts.users"))
    assert slack.texts()[-1].splitlines() == [
        "*Sparkify: task marts.users failed, scheduled__1*",
        "The test unique_users_user_id found 1 rows.",
        "The test assert_it could not be run; its log has Redshift's words.",
        "Nothing of analytics has been published yet.",
        "```select * from dq.unique_users_user_id;```",
        "<http://127.0.0.1/tasks/marts.users|Open in Airflow>",
    ]

    warehouse.run(
        "insert into ops.publications (target_schema, publication_id, run_id, through_load_id, "
        "published_at) values ('analytics', 7, 'r', 5, timestamp '2018-11-05 12:00:00')"
    )
    on_missed_deadline(context={"dag_run": {"dag_id": "sparkify", "dag_run_id": RUN}})
    text = slack.texts()[-1]
    assert text.startswith("*Sparkify: run not done after 60 minutes, scheduled__1*\nThe run goes")
    assert "Readers see publication 7, as of 2018-11-05 12:00 UTC" in text
    assert "/dags/sparkify/runs/scheduled__1|Open in Airflow>" in text


def test_a_load_over_its_budget_is_told_with_the_lines_it_rejected(
    warehouse: Warehouse, slack: Receiver
) -> None:
    warehouse.run(
        """
        insert into "raw".load_history select 5, 'raw.staging_events', 's3://b/day', 'replace',
        'failed', 'scheduled__1', 1, 1, 'hash', 300, 0, 101, sysdate, sysdate
        """
    )
    on_task_failure(failed_task("stage_events"))
    text = slack.texts()[-1]
    assert "The load 5 of s3://b/day was given up; 101 lines were rejected." in text
    [sql] = [line.strip("`") for line in text.splitlines() if line.startswith("```")]
    assert warehouse.rows(sql) == []


def test_that_the_warehouse_does_not_answer_is_told(
    slack: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = {"conn_type": "redshift", "login": "a", "password": "b", "schema": "dev"}
    monkeypatch.setenv("AIRFLOW_CONN_REDSHIFT_DEFAULT", json.dumps(connection))
    on_task_failure(failed_task("create_tables"))
    assert "The warehouse could not be asked for more (LoadError)." in slack.texts()[-1]


def test_a_stale_source_is_told_once_a_day(warehouse: Warehouse, slack: Receiver) -> None:
    stale = {"raw.staging_events": "No load of raw.staging_events for 30 hours."}
    with closing(warehouse.connect()) as connection:
        for _ in range(2):
            tell_of_stale_sources(connection, stale, RUN, "http://127.0.0.1/find_work")
        [text] = slack.texts()
        assert "*Sparkify: no new files for raw.staging_events*" in text
        warehouse.run("update ops.alerts set sent_at = dateadd(hour, -25, sent_at)")
        tell_of_stale_sources(connection, stale, RUN, "http://127.0.0.1/find_work")
    assert len(slack.texts()) == 2
    [sql] = [line.strip("`") for line in text.splitlines() if line.startswith("```")]
    assert warehouse.rows(sql) == []


def test_names_are_quoted_only_where_they_must_be() -> None:
    assert facts.short('"dev"."dq"."unique_users"') == "dq.unique_users"
    assert facts.short('"dev"."dbt_a-b_dq"."t"') == '"dbt_a-b_dq".t'
