"""The forms of the escalation pages."""

from ticketing.escalation.forms.ladder import FilterForm, RuleForm

__all__ = ["FilterForm", "RuleForm"]
