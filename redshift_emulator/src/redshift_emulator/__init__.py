"""An emulator that speaks Redshift's protocol and dialect in front of PostgreSQL."""

from typing import Final

PASSWORD_VARIABLE: Final = "REDSHIFT_EMULATOR_PASSWORD"
