"""A local endpoint that speaks Redshift's protocol and dialect in front of PostgreSQL."""

from typing import Final

PASSWORD_VARIABLE: Final = "SPARKIFY_LOCAL_REDSHIFT_PASSWORD"
