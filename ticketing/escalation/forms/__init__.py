"""The forms of the escalation pages."""

from ticketing.escalation.forms.ladder import FilterForm, RuleForm, ShiftForm
from ticketing.escalation.forms.simulating import SimulationForm

__all__ = ["FilterForm", "RuleForm", "ShiftForm", "SimulationForm"]
