"""The forms of the escalation pages."""

from ticketing.escalation.forms.ladder import FilterForm, RuleForm
from ticketing.escalation.forms.simulating import SimulationForm

__all__ = ["FilterForm", "RuleForm", "SimulationForm"]
