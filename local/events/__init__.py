"""Sparkify's app, as seen from S3: seeded logs of what listeners do, and the catalogue of songs."""

from local.events.dirt import KINDS, Dirt
from local.events.generator import Generated, generate

__all__ = ["KINDS", "Dirt", "Generated", "generate"]
