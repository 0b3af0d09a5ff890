"""The pages of escalation: what fired, and the rules of the ladder."""

from ticketing.escalation.views import ladder
from ticketing.escalation.views.blueprint import bp

__all__ = ["bp", "ladder"]
