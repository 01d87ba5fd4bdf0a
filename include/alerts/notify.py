"""How an alert reaches people: the task's log, Slack or SNS, by Airflow's own notifiers."""

from dataclasses import dataclass
from logging import getLogger

from include.settings import settings

log = getLogger(__name__)

SUBJECT_CHARACTERS = 99  # fewer than 100 (SNS, Publish, Subject)


@dataclass(frozen=True)
class Alert:
    """What happened, the facts, the SQL that shows more, and the page in Airflow.

    It holds counts and names of tests and tables, never a value of a row: whoever reads a channel
    need not be allowed to read personal data.
    """

    subject: str
    facts: tuple[str, ...] = ()
    sql: tuple[str, ...] = ()
    link: str = ""


def send(alert: Alert) -> None:
    """Send an alert; one that cannot be sent is logged, so that it never hides what it tells of."""
    log.error("%s", as_text(alert))
    try:
        match settings().alerts:
            # imported here: every task imports the DAG, and hardly any sends an alert
            case "slack":
                from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier

                SlackWebhookNotifier(  # type: ignore[no-untyped-call]
                    slack_webhook_conn_id=settings().slack_conn_id, text=as_slack(alert)
                ).notify({})
            case "sns":
                from airflow.providers.amazon.aws.notifications.sns import SnsNotifier

                SnsNotifier(  # type: ignore[no-untyped-call]
                    aws_conn_id=settings().aws_conn_id,
                    target_arn=settings().sns_topic_arn,
                    subject=as_subject(alert),
                    message=as_text(alert),
                ).notify({})
    except Exception as error:  # whatever it is, the run's own fault is the news
        log.error(
            "The alert was not sent by %s: %s: %s. Check SPARKIFY_ALERTS and its connection.",
            *(settings().alerts, type(error).__name__, error),
        )


def as_text(alert: Alert) -> str:
    """Return the alert as plain text."""
    return "\n".join([alert.subject, *alert.facts, *alert.sql, *filter(None, [alert.link])])


def as_slack(alert: Alert) -> str:
    """Return the alert in Slack's markup, in which three characters are special."""

    def escaped(text: str) -> str:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    parts = [f"*{escaped(alert.subject)}*", *map(escaped, alert.facts)]
    if alert.sql:
        parts.append("```" + escaped("\n".join(alert.sql)) + "```")
    if alert.link:
        parts.append(f"<{alert.link}|Open in Airflow>")
    return "\n".join(parts)


def as_subject(alert: Alert) -> str:
    """Return the subject as SNS takes it: one line of ASCII."""
    return " ".join(alert.subject.encode("ascii", "replace").decode().split())[:SUBJECT_CHARACTERS]
