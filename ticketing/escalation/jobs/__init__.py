"""The jobs of escalation: the sweep, and playing simulations."""

from ticketing.escalation.jobs.simulating import play_simulations, run
from ticketing.escalation.jobs.sweeping import sweep

__all__ = ["play_simulations", "run", "sweep"]
