"""The alert of sources that have gone quiet: once a day, though a run looks every hour."""

from collections.abc import Mapping

from redshift_connector.core import Connection

from include.alerts import facts
from include.alerts.notify import Alert, send
from include.settings import settings

HOURS_UNTIL_REPEATED = 24
RECENT = f"""
select subject from ops.alerts
where target_schema = %s and sent_at > dateadd(hour, -{HOURS_UNTIL_REPEATED}, sysdate)
"""


def tell_of_stale_sources(
    connection: Connection, stale: Mapping[str, str], run_id: str, link: str
) -> None:
    """Send an alert for each stale table, with what is said of it, that had none for a day."""
    schema = settings().redshift_schema
    with connection.cursor() as cursor:
        recent = {subject for (subject,) in facts.fetch(cursor, RECENT, schema)}
        for table, said in stale.items():
            subject = f"Sparkify: no new files for {table}"
            if subject in recent:
                continue
            send(Alert(subject, (said,), (facts.newest_loads([table]),), link))
            cursor.execute(
                "insert into ops.alerts select %s, %s, %s, sysdate", (schema, subject, run_id)
            )
    connection.commit()
