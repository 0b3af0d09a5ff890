"""The pages of escalation: what fired, the rules of the ladder, and trying others."""

from ticketing.escalation.views import duty, ladder, simulating
from ticketing.escalation.views.blueprint import bp

__all__ = ["bp", "duty", "ladder", "simulating"]
