"""The forms of a rebase: which cases, under which version, and why."""

from __future__ import annotations

from collections.abc import Mapping

from flask import request

from ticketing.cases.queries.rebasing import Choice
from ticketing.cases.rules import ENDED, Status
from ticketing.web.forms import Form, ManyField, PickField, TextField

ALL = {"": "All"}


class ChoiceForm(Form):
    """Which open cases: asked by GET, so that a choice can be linked to."""

    pack = PickField("Policy pack", is_required=False)
    pack_to = PickField("Bring under version", is_required=False)
    pack_from = PickField("Only those under", is_required=False)
    calendar = PickField("Calendar", is_required=False)
    calendar_to = PickField("Bring under version", is_required=False)
    calendar_from = PickField("Only those under", is_required=False)
    site = PickField("Site", is_required=False)
    case_status = PickField("Status", is_required=False)

    class Meta(Form.Meta):
        csrf = False

    def __init__(self, packs: Mapping[str, str], calendars: Mapping[str, str], sites: Mapping[str, str]) -> None:
        super().__init__(request.args)
        self.pack.choices = {"": "None", **packs}
        self.calendar.choices = {"": "None", **calendars}
        self.site.choices = {**ALL, **sites}
        self.case_status.choices = {**ALL, **{status.value: status.label for status in Status if status not in ENDED}}

    def offer(self, pack_versions: tuple[str, ...], calendar_versions: tuple[str, ...]) -> None:
        """The versions of what was chosen, the one in force first."""
        self.newest = (pack_versions[:1] or ("",))[0], (calendar_versions[:1] or ("",))[0]
        self.pack_to.choices = {version: version for version in pack_versions} or {"": "–"}
        self.pack_from.choices = {**ALL, **{version: version for version in pack_versions}}
        self.calendar_to.choices = {version: version for version in calendar_versions} or {"": "–"}
        self.calendar_from.choices = {**ALL, **{version: version for version in calendar_versions}}

    def choice(self) -> Choice:
        """As the verb takes it; what is not in a list counts as not chosen."""
        self.validate()
        given = {name: "" if field.errors else str(field.data or "") for name, field in self._fields.items()}
        pack_to, calendar_to = given["pack_to"] or self.newest[0], given["calendar_to"] or self.newest[1]
        return Choice(
            given["pack"], pack_to if given["pack"] else "", given["pack_from"], given["calendar"],
            calendar_to if given["calendar"] else "", given["calendar_from"], given["site"], given["case_status"])


class RebaseForm(Form):
    """Why, and which of the cases shown are left out."""

    reason = TextField("Why are these cases rebased?", missing="Say why these cases are rebased.", most=2_000)
    leave_out = ManyField("Leave out", is_required=False)


class UndoForm(Form):
    """Why a rebase is taken back."""

    reason = TextField("Why is it taken back?", missing="Say why it is taken back.", most=2_000)
