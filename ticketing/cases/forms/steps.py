"""The page of one thing to do with a case: what every such form carries, and the steps of the lifecycle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import request
from wtforms import BooleanField, Field
from wtforms.widgets import HiddenInput

from ticketing.cases.queries import CaseView
from ticketing.cases.service import Triage
from ticketing.codes.rules import CaseType, ConsentStatus, ContactMethod, Severity, choices
from ticketing.core.errors import NotFound
from ticketing.web.forms import (
    ChoiceField,
    DayField,
    Form,
    HiddenField,
    LineField,
    MomentField,
    NumberField,
    PickField,
    TextField,
    VersionField,
)

METHODS = dict(choices(ContactMethod))
NOTE_LENGTH = 4_000
LETTER_LENGTH = 60_000
NO_CONFLICT_FIRST = "Tick that you have no conflict of interest in this case. If you have one, say so on the case page instead."
JUST_NOW = "Leave empty if it was just now."


@dataclass(frozen=True, slots=True)
class Lists:
    """What the forms of one case may offer; each as {value: label}, units under their site."""

    units: Mapping[str, Any]
    teams: Mapping[str, str]
    handlers: Mapping[str, str]
    clinicians: Mapping[str, str]
    everyone: Mapping[str, str]
    packs: Mapping[str, str]
    suggested: tuple[tuple[int, date], ...]


def lines_of(text: str | None) -> tuple[str, ...]:
    """What was typed, line by line, without the marks people put before a point."""
    return tuple(line.strip(" \t-•*") for line in (text or "").splitlines() if line.strip(" \t-•*"))


class SeenField(NumberField):
    """The last trail entry on the page, so that the next page can say what happened since; anything odd counts as none."""

    widget: Any = HiddenInput()

    def process_formdata(self, valuelist: list[Any]) -> None:
        text = str(valuelist[0]) if valuelist else ""
        self.data = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


class StepForm(Form):
    """One thing to do with a case, on a page of its own."""

    version = VersionField()
    seen = SeenField("Last entry seen", is_required=False)

    def fit(self, case: CaseView, lists: Lists, at: datetime) -> None:
        """Offer the choices of this case, read moments on its site's clock, and fill in what is known."""
        self.at = at
        for field in self:
            if isinstance(field, MomentField):
                field.at_zone(case.zone)
        self.offer(case, lists)
        if not self.is_submitted():
            self.catch_up(case)
            self.ask(case)
            self._take_from_address()

    def offer(self, case: CaseView, lists: Lists) -> None:
        """The choices that depend on the case."""

    def ask(self, case: CaseView) -> None:
        """What is known already, as the first answer."""

    def quote(self, case: CaseView) -> tuple[str, str] | None:  # noqa: ARG002 - for the forms that are about one thing
        """Heading and words of the thing this form is about, shown above it."""
        return None

    def catch_up(self, case: CaseView) -> None:
        """From here on, what the person has seen is the case as it is now."""
        for field, value in ((self.version, case.version), (self.seen, case.entries[0].seq if case.entries else 0)):
            field.data, field.raw_data = value, None

    def shown(self) -> list[Field]:
        """The fields a person sees, in order."""
        return [field for field in self if not isinstance(field.widget, HiddenInput)]

    def _take_from_address(self) -> None:
        for field in self:
            if isinstance(field, PickField) and request.args.get(field.name):
                field.data = request.args[field.name]

    def objections(self) -> Iterator[tuple[str, str]]:
        """What happened cannot be still to come."""
        occurred_at = self._fields.get("occurred_at")
        if occurred_at is not None and occurred_at.data and occurred_at.data > self.at:
            yield "occurred_at", "That moment has not come yet. Enter when it happened."


class AboutForm(StepForm):
    """A step about one thing of the case (a point, a timer, a request), named in the address."""

    about = HiddenField("About")
    missing = "There is no such thing on this case. Go back to it and choose again."

    def fit(self, case: CaseView, lists: Lists, at: datetime) -> None:
        if not self.is_submitted():
            self.about.data = request.args.get("about", "")
        self.thing = self.find(case, self.about.data)
        if self.thing is None:
            raise NotFound(self.missing)
        super().fit(case, lists, at)

    def find(self, case: CaseView, about: str) -> Any:
        raise NotImplementedError


class NoteForm(StepForm):
    """A step with room for a remark."""

    why = TextField("Note", is_required=False, most=NOTE_LENGTH)


class ReasonForm(StepForm):
    """A step that needs its reason."""

    why = TextField("Why?", missing="Say why.", most=NOTE_LENGTH)


class DatedReasonForm(ReasonForm):
    """A step that needs its reason and was perhaps taken earlier."""

    occurred_at = MomentField("When was that?", description=JUST_NOW)


class SettleForm(StepForm):
    """Settled to the person's satisfaction."""

    why = TextField("What settled it, and were they satisfied?", missing="Say what settled it.", most=NOTE_LENGTH)
    occurred_at = MomentField("When was it settled?", description=JUST_NOW)


class TriageForm(StepForm):
    """What sort of case, how grave, under which law, and whether anyone is at risk."""

    is_danger_now = ChoiceField(
        "Is anyone in danger now?", choices={"yes": "Yes", "no": "No"}, missing="Say whether anyone is in danger now.")
    is_safeguarding = BooleanField("Abuse, neglect or self-harm is alleged")
    is_inpatient = BooleanField("The patient is in hospital now")
    case_type = PickField("What sort of concern is this?", choices=dict(choices(CaseType)))
    why_type = TextField("Why another sort than the policy pack proposes?", is_required=False, most=NOTE_LENGTH)
    severity = ChoiceField("How serious is it?", choices=dict(choices(Severity)), missing="Choose how serious it is.")
    consent_status = PickField("How does consent stand?", choices=dict(choices(ConsentStatus)))
    pack = PickField("Which policy pack applies?", description="Proposed from the site. It decides which timers run.")
    unit = PickField("Ward or department", is_required=False)
    points = TextField("Points of complaint", is_required=False, description="One on each line, in their words. Each gets its own finding.")
    outcome_sought = TextField("What would put it right for them?", is_required=False, most=NOTE_LENGTH)
    is_outcome_unsaid = BooleanField("They do not say, or cannot be asked")
    has_no_conflict = BooleanField(
        "I have no conflict of interest in this case",
        description="You are not named in it, nor close to anybody who is. If you have one, say so on the case page instead.")

    def offer(self, case: CaseView, lists: Lists) -> None:
        """What intake left open is asked here; what is known already is not asked again."""
        self.pack.choices, self.unit.choices = dict(lists.packs), dict(lists.units)
        gaps = {gap.code for gap in case.gaps}
        unasked = [
            *(("points",) if "points" not in gaps else ()),
            *(("outcome_sought", "is_outcome_unsaid") if "outcome_sought" not in gaps else ()),
            *(("why_type",) if case.classification is None or not case.classification.proposed else ()),
            *(("has_no_conflict",) if case.my_declaration is not None else ())]
        for name in unasked:
            del self[name]

    def quote(self, case: CaseView) -> tuple[str, str] | None:
        told = case.classification
        if told is None or not told.proposed:
            return None
        return f"The policy pack proposes: {told.proposed_label}", f"{told.sentence}\n{told.evidence}\n{told.source}"

    def objections(self) -> Iterator[tuple[str, str]]:
        yield from super().objections()
        if "points" in self and not lines_of(self.points.data):
            yield "points", "Write down at least one point of complaint."
        if "outcome_sought" in self and not (self.outcome_sought.data or self.is_outcome_unsaid.data):
            yield "outcome_sought", "Say what would put it right for them, or tick that they do not say."
        if "has_no_conflict" in self and not self.has_no_conflict.data:
            yield "has_no_conflict", NO_CONFLICT_FIRST

    def ask(self, case: CaseView) -> None:
        for name in ("is_safeguarding", "is_inpatient", "case_type", "severity", "consent_status", "pack"):
            self[name].data = getattr(case, name)
        if case.classification and case.classification.proposed in dict(choices(CaseType)):
            self.case_type.data = case.classification.proposed
        self.is_danger_now.data = ("yes" if case.is_danger_now else "no") if case.is_risk_answered else None
        self.unit.data = case.unit_code

    def triage(self) -> Triage:
        """As the verb takes it; only after `validate`."""
        return Triage(
            case_type=CaseType(self.case_type.data), severity=Severity(self.severity.data),
            consent_status=ConsentStatus(self.consent_status.data), pack=self.pack.data, is_danger_now=self.is_danger_now.data == "yes",
            is_safeguarding=self.is_safeguarding.data, is_inpatient=self.is_inpatient.data, unit_code=self.unit.data or None,
            points=lines_of(self.points.data) if "points" in self else (),
            outcome_sought=self.outcome_sought.data if "outcome_sought" in self else "",
            is_outcome_unsaid=self.is_outcome_unsaid.data if "is_outcome_unsaid" in self else False,
            why_type=self.why_type.data if "why_type" in self else "")


class AcknowledgeForm(StepForm):
    """That they know we have it, and that they were offered a talk about how it will be handled."""

    method = ChoiceField("How was it acknowledged?", choices=METHODS, missing="Choose how it was acknowledged.")
    occurred_at = MomentField("When?", description=JUST_NOW)
    is_discussion_offered = BooleanField(
        "A discussion was offered", description="How it will be handled, how long that is likely to take, and by when they will hear.")
    note = TextField("What was said", is_required=False, most=NOTE_LENGTH)


class PeriodForm(StepForm):
    """The day by which they will have an answer, agreed with them or set and told."""

    due_on = DayField("They will have our answer by", missing="Enter the day by which they will have our answer.")
    is_agreed = PickField("Was it agreed?", choices={"yes": "Yes, they agreed to it", "no": "No, they were only told"}, is_required=False,
                          default="yes")
    agreed_with = LineField("Who agreed, or was told?", is_required=False, description="The complainant, if nothing else is entered.")
    method = PickField("How?", choices={"": "Not said", **METHODS}, is_required=False)
    occurred_at = MomentField("When?", description=JUST_NOW)
    how = TextField("What was said, and what shows it?", missing="Say how it was agreed or told.", most=NOTE_LENGTH,
                    description="The words, and the evidence: the date of a letter, an e-mail, your note of the call.")

    def offer(self, case: CaseView, lists: Lists) -> None:  # noqa: ARG002 - the form's signature
        days = " · ".join(f"{number} working days: {day:%a} {day.day} {day:%b %Y}" for number, day in lists.suggested)
        self.due_on.description = f"From receipt. {days}." if days else ""

    def ask(self, case: CaseView) -> None:
        self.due_on.data = case.response_due_on

    def objections(self) -> Iterator[tuple[str, str]]:
        yield from super().objections()
        if self.due_on.data and self.due_on.data < (self.occurred_at.data or self.at).date():
            yield "due_on", "The answer cannot be due in the past. Enter a day still to come."


    def agreement(self) -> dict[str, Any]:
        """Who, how and when, as the verbs take it; only after `validate`."""
        return {"is_agreed": self.is_agreed.data != "no", "agreed_with": self.agreed_with.data, "occurred_at": self.occurred_at.data,
                "method": ContactMethod(self.method.data) if self.method.data else None}


class ConfirmForm(StepForm):
    """The outcome in writing, after early resolution."""

    text = TextField("What the letter says", missing="Write what the letter says.", most=LETTER_LENGTH)
    method = ChoiceField("How is it sent?", choices=METHODS, missing="Choose how it is sent.")
    occurred_at = MomentField("When?", description=JUST_NOW)


class WriteForm(StepForm):
    """The next version of the response."""

    text = TextField("The response", missing="Write the response first.", most=LETTER_LENGTH)

    def ask(self, case: CaseView) -> None:
        self.text.data = case.response.text if case.response else ""


class SendForm(StepForm):
    """Signing the response, and how it goes out."""

    method = ChoiceField("How is it sent?", choices=METHODS, missing="Choose how the response is sent.")
    occurred_at = MomentField("When?", description=JUST_NOW)

    def quote(self, case: CaseView) -> tuple[str, str] | None:
        return (f"The response, version {case.response.number}", case.response.text) if case.response else None


class ReviewForm(NoteForm):
    """Passing a draft on, having read it."""

    def quote(self, case: CaseView) -> tuple[str, str] | None:
        return (f"The response, version {case.response.number}", case.response.text) if case.response else None


class ReturnForm(ReasonForm):
    """Sending a draft back."""

    def quote(self, case: CaseView) -> tuple[str, str] | None:
        return (f"The response, version {case.response.number}", case.response.text) if case.response else None


class CloseForm(StepForm):
    """No more local action."""

    note = TextField("Closing note", is_required=False, most=NOTE_LENGTH)
