"""The verbs of the sweep, by their plain names."""

from ticketing.escalation.service.sweeping import BY, fire_batch, record_breaches

__all__ = ["BY", "fire_batch", "record_breaches"]
