"""What is written down on a case besides its steps: notes, points, findings, holds, hand-overs, tasks, reasons and corrections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wtforms import BooleanField
from wtforms.validators import InputRequired

from ticketing.accounts.rules import COMPARTMENT_LABELS
from ticketing.cases.forms.steps import JUST_NOW, NO_CONFLICT_FIRST, NOTE_LENGTH, AboutForm, Lists, StepForm
from ticketing.cases.queries import CaseView
from ticketing.cases.rules import CAN_BE_UNKNOWN, CorrectionState, Countable, NoteKind, TaskKind
from ticketing.cases.service import Answers, Counted
from ticketing.codes.rules import BreachReason, Finding, HoldReason, Relationship, choices
from ticketing.web.filters import day
from ticketing.web.forms import ChoiceField, DayField, LineField, ManyField, MomentField, NumberField, PickField, TextField

NOTHING_CHOSEN = {"": "Choose…"}
KEPT_INSIDE = {kind.value: kind.label for kind in NoteKind if kind is not NoteKind.CONTACT}


def offer_compartments(form: Any, case: CaseView) -> None:
    """Everybody who sees the case, or the members of a compartment that this person belongs to; no question where they belong to none."""
    if not case.sealed:
        del form.compartment
        return
    sealed = {item.compartment.value: f"Only members of “{COMPARTMENT_LABELS[item.compartment]}”" for item in case.sealed}
    form.compartment.choices = {"": "Everybody who sees the case", **sealed}


class NoteForm(StepForm):
    """A note, a call or a meeting, for the file."""

    kind = ChoiceField("What is it?", choices=KEPT_INSIDE, default=NoteKind.NOTE.value)
    text = TextField("Words", missing="Write the note.")
    occurred_at = MomentField("When?", description=JUST_NOW)
    compartment = PickField("Who may read it?", is_required=False)

    def offer(self, case: CaseView, lists: Lists) -> None:  # noqa: ARG002 - the form's signature
        offer_compartments(self, case)


class ContactForm(StepForm):
    """An update that reached the complainant."""

    text = TextField("What were they told?", missing="Write what they were told.")
    occurred_at = MomentField("When?", description=JUST_NOW)


class InterimForm(StepForm):
    """A notice that the answer is still to come, naming a number of days."""

    days = NumberField("They will have the answer within", least=1, most=365, missing="Enter within how many days the answer will follow.")
    note = TextField("What were they told?", missing="Write what they were told.")
    occurred_at = MomentField("When was it sent?", description=JUST_NOW)


class CountForm(StepForm):
    """What the laws of the case count and no other step records, each in the words of the law."""

    event = ChoiceField("What happened?", missing="Choose what happened.")
    occurred_at = MomentField("When?", description=JUST_NOW)
    due_on = DayField("The day it names", is_required=False)
    days = NumberField("The number of days it names", is_required=False, least=1, most=365)
    words = TextField("What was said or decided, and what shows it", is_required=False, most=NOTE_LENGTH)

    def offer(self, case: CaseView, lists: Lists) -> None:  # noqa: ARG002 - the form's signature
        self.known = {event.code: event for event in case.countables}
        self.event.choices = {code: _told(event, case.zone) for code, event in self.known.items()}
        needs = {event.needs for event in case.countables}
        for name, need in (("due_on", "date"), ("days", "days")):
            if need not in needs:
                del self[name]

    def counted(self) -> Counted:
        """As the verb takes it; only after `validate`."""
        return Counted(self.event.data, self.words.data or "", self.due_on.data if "due_on" in self else None,
                       self.days.data if "days" in self else None)


def _told(event: Countable, zone: str) -> str:
    return f"{event.sentence} It was asked for on {day(event.request.asked_at, zone)}." if event.request else event.sentence


class AddPackForm(StepForm):
    """One more law that the case falls under."""

    pack = PickField("Which policy pack?", missing="Choose a policy pack.")
    why = TextField("Why does it fall under this too?", missing="Say why it falls under this law too.", most=NOTE_LENGTH)

    def offer(self, case: CaseView, lists: Lists) -> None:
        running = {pack.code for pack in case.packs}
        self.pack.choices = {**NOTHING_CHOSEN, **{code: name for code, name in lists.packs.items() if code not in running}}


class RemovePackForm(AboutForm):
    """A pack that was added and does not apply."""

    missing = "The case does not run under this policy pack. Go back to it and look."
    why = TextField("Why does it not fall under this?", missing="Say why it does not fall under this law.", most=NOTE_LENGTH)

    def find(self, case: CaseView, about: str) -> Any:
        return next((pack for pack in case.packs if pack.code == about and not pack.is_main), None)

    def quote(self, case: CaseView) -> tuple[str, str] | None:  # noqa: ARG002 - the form's signature
        return "Policy pack", self.thing.name


class PointForm(StepForm):
    """One more point of complaint."""

    text = TextField("The point, in their words", missing="Write down the point.", most=NOTE_LENGTH)
    unit = PickField("Ward or department", is_required=False)
    compartment = PickField("Who may read it?", is_required=False)

    def offer(self, case: CaseView, lists: Lists) -> None:
        self.unit.choices = dict(lists.units)
        offer_compartments(self, case)

    def ask(self, case: CaseView) -> None:
        self.unit.data = case.unit_code


class ChangePointForm(AboutForm):
    """A point reworded, as agreed with the complainant."""

    missing = "This case has no such point. Go back to it and choose again."
    text = TextField("The point, in their words", missing="Write down the point.", most=NOTE_LENGTH)
    unit = PickField("Ward or department", is_required=False)

    def find(self, case: CaseView, about: str) -> Any:
        return next((point for point in case.points if str(point.position) == about), None)

    def offer(self, case: CaseView, lists: Lists) -> None:  # noqa: ARG002 - the form's signature
        self.unit.choices = dict(lists.units)

    def ask(self, case: CaseView) -> None:  # noqa: ARG002 - the form's signature
        self.text.data, self.unit.data = self.thing.text, self.thing.unit_code

    def quote(self, case: CaseView) -> tuple[str, str] | None:  # noqa: ARG002 - the form's signature
        return f"Point {self.thing.position} as it stands", self.thing.text


class FindingForm(AboutForm):
    """What was found about one point, on what grounds, and what is done about it."""

    missing = "This case has no such point. Go back to it and choose again."
    finding = ChoiceField("What was found?", choices=dict(choices(Finding)), missing="Choose what was found.")
    reason = TextField("What does the finding rest on?", missing="Say what the finding rests on.", most=NOTE_LENGTH)
    remedy = TextField(
        "What is done about it?", is_required=False, most=NOTE_LENGTH,
        description="For a point that is upheld, wholly or in part: the apology, the action and who owns it, or why nothing is done.")

    def find(self, case: CaseView, about: str) -> Any:
        return next((point for point in case.points if str(point.position) == about), None)

    def ask(self, case: CaseView) -> None:  # noqa: ARG002 - the form's signature
        self.finding.data, self.reason.data, self.remedy.data = self.thing.finding, self.thing.reason, self.thing.remedy

    def quote(self, case: CaseView) -> tuple[str, str] | None:  # noqa: ARG002 - the form's signature
        return f"Point {self.thing.position}", self.thing.text


class HoldForm(StepForm):
    """The case waits."""

    reason = ChoiceField("Why does it wait?", choices=dict(choices(HoldReason)), missing="Choose why the case waits.")
    note = TextField("Note", is_required=False, most=NOTE_LENGTH)


class ReleaseForm(StepForm):
    """The wait is over."""

    note = TextField("Note", is_required=False, most=NOTE_LENGTH)


class AssignForm(StepForm):
    """Who has the case from now on."""

    staff = PickField("Give it to", is_required=False)
    team = PickField("Team", is_required=False)
    note = TextField(
        "Hand-over note", is_required=False, most=NOTE_LENGTH, description="What is done, what is next, what was promised and to whom.")
    accepts_absence = BooleanField("It can wait until they are back", description="Only for somebody who is away.")

    def offer(self, case: CaseView, lists: Lists) -> None:  # noqa: ARG002 - the form's signature
        self.staff.choices = {"": "Nobody yet, the team decides", **lists.handlers}
        self.team.choices = {"": "As it is", **lists.teams}

    def ask(self, case: CaseView) -> None:
        self.team.data = case.team_code

    def objections(self) -> Iterator[tuple[str, str]]:
        if not self.staff.data and not self.team.data:
            yield "staff", "Choose a person or a team."


class TaskForm(StepForm):
    """Something to do, or a call-back somebody was promised."""

    kind = ChoiceField("What is it?", choices=dict(choices(TaskKind)), default=TaskKind.TASK.value)
    title = LineField("What is to be done?", missing="Say what is to be done.")
    due_at = MomentField("By when?", [InputRequired("Enter the day by which it is to be done.")])
    assignee = PickField("Who does it?", is_required=False)
    team = PickField("Or which team?", is_required=False)
    compartment = PickField("Who may read it?", is_required=False)

    def offer(self, case: CaseView, lists: Lists) -> None:
        offer_compartments(self, case)
        self.assignee.choices = {"": "I do", **lists.handlers}
        self.team.choices = {"": "No team", **lists.teams}

    def objections(self) -> Iterator[tuple[str, str]]:
        if self.due_at.data and self.due_at.data < self.at:
            yield "due_at", "That moment is past. Enter one still to come."
        if self.team.data and self.assignee.data:
            yield "team", "Choose a person or a team, not both."


class FinishTaskForm(AboutForm):
    """It is done, and how it went."""

    missing = "This task is not on the case any more. Go back to it and look."
    outcome = TextField("How did it go?", is_required=False, most=NOTE_LENGTH)

    def find(self, case: CaseView, about: str) -> Any:
        return next((task for task in case.tasks if task.uid == about), None)

    def quote(self, case: CaseView) -> tuple[str, str] | None:  # noqa: ARG002 - the form's signature
        return self.thing.kind.label, self.thing.title


class BreachForm(AboutForm):
    """Why a target was missed."""

    missing = "This case has no such target. Go back to it and choose again."
    reason = PickField(
        "Why was it breached?", choices={**NOTHING_CHOSEN, **dict(choices(BreachReason))}, missing="Choose why it was breached.")
    note = TextField("In your words", missing="Say in a sentence what happened.", most=NOTE_LENGTH)

    def find(self, case: CaseView, about: str) -> Any:
        return next((timer for timer in case.timers if
                     about in (f"{timer.target}:{timer.subject}:{timer.pack}", f"{timer.target}:{timer.subject}")
                     and timer.cycle == case.cycle), None)

    def quote(self, case: CaseView) -> tuple[str, str] | None:  # noqa: ARG002 - the form's signature
        return self.thing.title, f"Due {self.thing.due}; {self.thing.left}."


class PriorityForm(StepForm):
    """Ahead of others."""

    priority = ChoiceField("How urgent is it?", choices={"1": "Raised", "2": "Urgent"}, missing="Choose how urgent it is.")
    why = TextField("Why?", missing="Say why.", most=NOTE_LENGTH)


class SubjectForm(StepForm):
    """A member of staff the concern is about."""

    staff = PickField(
        "Who is it about?", missing="Choose a member of staff from the list.",
        description="From then on they and their direct manager do not see this case, and let go of what they have of it.")

    def offer(self, case: CaseView, lists: Lists) -> None:  # noqa: ARG002 - the form's signature
        self.staff.choices = {**NOTHING_CHOSEN, **lists.everyone}


class CompleteForm(StepForm):
    """What intake left open: only what is still missing is asked."""

    receiver = PickField("Who here received it first?", is_required=False)
    received_by = LineField("Or their name, if they are not in the list", is_required=False)
    relationship = PickField("Who is the person to the patient?", choices=dict(choices(Relationship)), is_required=False)
    patient_name = LineField("Patient’s name", is_required=False)
    happened_on = DayField("When did it happen?", is_required=False)
    outcome_sought = TextField("What would put it right for them?", is_required=False, most=NOTE_LENGTH)
    unknown = ManyField("Asked, and nobody knows", is_required=False, description="What you tick here is not asked again.")

    def offer(self, case: CaseView, lists: Lists) -> None:
        gaps = {gap.code: gap.words for gap in case.gaps if gap.step == "complete"}
        self.receiver.choices = {"": "Not known yet", **lists.everyone}
        can_be_unknown = {code: words for code, words in gaps.items() if code in CAN_BE_UNKNOWN}
        if can_be_unknown:
            self.unknown.choices = can_be_unknown
        else:
            del self.unknown
        fields = {"received_by": ("receiver", "received_by"), "patient": ("patient_name",)}
        for code in ("received_by", "relationship", "patient", "happened_on", "outcome_sought"):
            if code not in gaps:
                for name in fields.get(code, (code,)):
                    del self[name]

    def ask(self, case: CaseView) -> None:
        if "relationship" in self:
            self.relationship.data = case.relationship

    def answers(self) -> Answers:
        """As the verb takes it; only after `validate`."""
        said = {name: field.data for name, field in self._fields.items()}
        return Answers(
            received_by_uid=said.get("receiver") or None, received_by=said.get("received_by") or "",
            relationship=Relationship(said.get("relationship") or Relationship.UNKNOWN), patient_name=said.get("patient_name") or "",
            happened_on=said.get("happened_on"), outcome_sought=said.get("outcome_sought") or "",
            not_known=frozenset(said.get("unknown") or ()))


class NoConflictForm(StepForm):
    """One tick."""

    has_no_conflict = BooleanField(
        "I have no conflict of interest in this case", description="You are not named in it, nor close to anybody who is.")

    def objections(self) -> Iterator[tuple[str, str]]:
        if not self.has_no_conflict.data:
            yield "has_no_conflict", NO_CONFLICT_FIRST


class ConflictForm(StepForm):
    """A conflict of interest, in a few words."""

    why = TextField(
        "What is your conflict of interest?", missing="Say in a few words what it is.", most=1_000,
        description="For example: I was on duty that day; the patient is a neighbour. Whoever may see the case can read it.")


class ReadersForm(StepForm):
    """Who alone may see the case."""

    readers = ManyField(
        "Who may see it?", is_required=False,
        description="Besides you, whoever has the case, and the auditors. One of them must be able to sign the response.")
    why = TextField("Why?", missing="Say why only these people may see it.", most=NOTE_LENGTH)

    def offer(self, case: CaseView, lists: Lists) -> None:  # noqa: ARG002 - the form's signature
        self.readers.choices = dict(lists.handlers)

    def ask(self, case: CaseView) -> None:
        self.readers.data = [row.uid for row in case.readers]


class CorrectionForm(StepForm):
    """Another receipt moment, for a second person to decide."""

    new_at = MomentField("When was it really received?", [InputRequired("Enter the day on which it was really received.")])
    reason = TextField("How do you know?", missing="Say why the date is wrong and how you know.", most=NOTE_LENGTH)


class DecideForm(AboutForm):
    """The second person's decision."""

    missing = "No correction is waiting for a decision. Go back to the case and look."
    decision = ChoiceField("Do you agree?", choices={"yes": "Yes, move the date", "no": "No, leave it"}, missing="Say whether you agree.")
    why = TextField("Why?", missing="Say what you looked at.", most=NOTE_LENGTH)

    def find(self, case: CaseView, about: str) -> Any:
        return next((item for item in case.corrections if item.uid == about and item.state is CorrectionState.ASKED), None)
