"""Asking a clinician, answering on a phone, and ticking off tasks."""

from __future__ import annotations

from typing import Any

from wtforms import BooleanField

from ticketing.accounts.rules import COMPARTMENT_LABELS
from ticketing.cases.forms.records import NOTHING_CHOSEN, offer_compartments
from ticketing.cases.forms.steps import NOTE_LENGTH, AboutForm, Lists, StepForm
from ticketing.cases.queries import CaseView
from ticketing.cases.queries.case_rows import PointView
from ticketing.web.forms import ChoiceField, Form, ManyField, PickField, TextField

MINUTES = {"5": "5 minutes", "10": "10 minutes", "15": "15 minutes", "30": "Half an hour", "60": "An hour"}


class AskForm(StepForm):
    """Named points put to somebody, with the questions and where to look."""

    staff = PickField("Whom do you ask?", missing="Choose whom you ask.")
    points = ManyField("About which points?", is_required=False, description="They see only these, without the names of who complained.")
    questions = TextField("Your questions", missing="Write what you want them to answer.", most=NOTE_LENGTH)
    records = TextField(
        "Where to look", is_required=False, most=1_000,
        description="Dates, ward, record number, chart: so that they need not search.")
    is_identified = BooleanField(
        "They need to know whom it is about", description="Else the names are left out of what they read: “the patient”.")
    compartment = PickField("Who may read it?", is_required=False)
    minutes = ChoiceField("How long will it take them?", choices=MINUTES, default="15")

    def offer(self, case: CaseView, lists: Lists) -> None:
        self.staff.choices = {**NOTHING_CHOSEN, **lists.clinicians}
        self.points.choices = {str(point.position): _worded(point) for point in case.points}
        offer_compartments(self, case)

    def positions(self) -> tuple[int, ...]:
        return tuple(sorted(int(position) for position in self.points.data or ()))


def _worded(point: PointView) -> str:
    sealed = f"{COMPARTMENT_LABELS[point.compartment]} " if point.compartment else ""
    return f"{sealed}{point.number}. {point.text}"


class WithdrawForm(AboutForm):
    """The answer is no longer needed."""

    missing = "This request is not on the case. Go back to it and choose again."
    why = TextField("Why?", missing="Say why it is no longer needed.", most=NOTE_LENGTH)

    def find(self, case: CaseView, about: str) -> Any:
        return next((item for item in case.statements if item.uid == about), None)

    def quote(self, case: CaseView) -> tuple[str, str] | None:  # noqa: ARG002 - the form's signature
        return f"Asked of {self.thing.staff}", self.thing.questions


class AnswerForm(Form):
    """A clinician's answer, kept as a draft, sent, or handed back."""

    text = TextField("Your answer", is_required=False)
    why = TextField("Why is this not for you, and who should be asked?", is_required=False, most=NOTE_LENGTH)


class DoneForm(Form):
    """One line: it is done, and how it went."""

    outcome = TextField("How did it go?", is_required=False, most=NOTE_LENGTH)
