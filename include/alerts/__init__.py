"""Alerts: what went wrong, in words and SQL, to whom SPARKIFY_ALERTS says."""
