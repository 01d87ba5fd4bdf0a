"""A seeded generator of what the Sparkify app leaves in S3: event logs and the song catalogue."""

from local.events.anomalies import KINDS, Anomaly
from local.events.generator import Generated, generate

__all__ = ["KINDS", "Anomaly", "Generated", "generate"]
