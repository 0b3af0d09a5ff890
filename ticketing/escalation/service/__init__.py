"""The verbs of the sweep, of its steps and of the rota, by their plain names."""

from ticketing.escalation.service.duty import add_shift, remove_shift
from ticketing.escalation.service.replanning import replan_batch
from ticketing.escalation.service.steps import acknowledge, try_again
from ticketing.escalation.service.sweeping import BY, NOBODY, fire_batch, move_up, record_breaches

__all__ = [
    "BY", "NOBODY", "acknowledge", "add_shift", "fire_batch", "move_up", "record_breaches", "remove_shift", "replan_batch", "try_again",
]
