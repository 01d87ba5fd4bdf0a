"""A local endpoint that speaks Redshift's protocol and dialect in front of PostgreSQL."""
