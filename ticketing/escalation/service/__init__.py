"""The verbs of the sweep, by their plain names."""

from ticketing.escalation.service.sweeping import BY, NOBODY, fire_batch, move_up, record_breaches

__all__ = ["BY", "NOBODY", "fire_batch", "move_up", "record_breaches"]
