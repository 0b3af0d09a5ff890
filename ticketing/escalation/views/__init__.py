"""The pages of escalation: what fired, the rules of the ladder, and trying others."""

from ticketing.escalation.views import ladder, simulating
from ticketing.escalation.views.blueprint import bp

__all__ = ["bp", "ladder", "simulating"]
