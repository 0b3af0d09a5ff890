"""The worklist's filters."""

from __future__ import annotations

from flask import request
from wtforms import BooleanField
from wtforms.validators import InputRequired

from ticketing.cases.forms.steps import NO_CONFLICT_FIRST
from ticketing.cases.queries import Filters
from ticketing.cases.rules import Status
from ticketing.codes.rules import CaseType, choices
from ticketing.web.forms import Form, PickField

ANY = {"": "Any"}


class TakeForm(Form):
    """Taking a case is declaring that one has no conflict of interest in it."""

    has_no_conflict = BooleanField("I have no conflict of interest in this case", [InputRequired(NO_CONFLICT_FIRST)])


class FilterForm(Form):
    """Sent by GET: nothing in it is a person's data."""

    class Meta(Form.Meta):
        csrf = False

    site = PickField("Site", is_required=False)
    team = PickField("Team", is_required=False)
    case_type = PickField("Type", choices={**ANY, **dict(choices(CaseType))}, is_required=False)
    case_status = PickField("Status", choices={**ANY, **dict(choices(Status))}, is_required=False)

    def __init__(self, sites: dict[str, str], teams: dict[str, str]) -> None:
        super().__init__(request.args)
        self.site.choices = {**ANY, **sites}
        self.team.choices = {**ANY, **teams}

    def filters(self) -> Filters:
        """The filters that are set; a value nobody offered counts as not set."""
        self.validate()
        for field in self:
            if field.errors:
                field.data, field.errors = "", []
        return Filters(site=self.site.data or "", team=self.team.data or "", case_type=self.case_type.data or "",
                       status=self.case_status.data or "")
