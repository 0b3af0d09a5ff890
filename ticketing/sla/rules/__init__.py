"""The arithmetic of promises: clocks with a budget, targets of a policy pack, and the account that answers "why this date?"."""

from ticketing.sla.rules.clock import Clock, run_clock

__all__ = ["Clock", "run_clock"]
