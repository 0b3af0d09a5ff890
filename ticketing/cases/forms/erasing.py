"""Asking for what a case holds of people to be destroyed, and deciding it."""

from __future__ import annotations

from typing import Any

from ticketing.cases.forms.steps import NOTE_LENGTH, AboutForm, StepForm
from ticketing.cases.queries import CaseView
from ticketing.cases.rules.erasing import ErasureGround, ErasureState
from ticketing.codes.rules import choices
from ticketing.web.filters import plural
from ticketing.web.forms import ChoiceField, TextField

NO_NAMES = "Write no names here: this stays."


class AskErasureForm(StepForm):
    """On what ground, for a second person to decide."""

    ground = ChoiceField("On what ground?", choices=dict(choices(ErasureGround)), missing="Choose the ground.")
    why = TextField("What does it rest on?", missing="Say what it rests on: the request and its date, or the rule.", most=NOTE_LENGTH,
                    description=NO_NAMES)

    def quote(self, case: CaseView) -> tuple[str, str] | None:
        return "What would be destroyed, for good", would_go(case)


class DecideErasureForm(AboutForm):
    """The second person's decision, with what would go."""

    missing = "No erasure is waiting for a decision. Go back to the case and look."
    decision = ChoiceField("Do you agree?", choices={"yes": "Yes, destroy it for good", "no": "No, keep it"},
                           missing="Say whether you agree.")
    why = TextField("Why?", missing="Say what you looked at.", most=NOTE_LENGTH, description=NO_NAMES)

    def find(self, case: CaseView, about: str) -> Any:
        return next((item for item in case.erasures if item.uid == about and item.state is ErasureState.ASKED), None)

    def quote(self, case: CaseView) -> tuple[str, str] | None:
        asked = f"{self.thing.asked_by} asks: {self.thing.ground.label.lower()}. {self.thing.why}"
        return "What would be destroyed, for good", f"{would_go(case)}\n\n{asked}"


def would_go(case: CaseView) -> str:
    """What an erasure of this case destroys, in words, and what it leaves."""
    people = [person.name for person in (case.complainant, None if case.is_patient_speaking else case.patient) if person]
    counted = ((len(case.points), "point"), (len(case.notes), "note"), (len(case.tasks), "task"), (len(case.statements), "statement"),
               (len(case.responses), "version of the response"))
    parts = [plural(number, word, "versions of the response" if " of " in word else f"{word}s") for number, word in counted if number]
    who = f"Who they are ({', '.join(people)}), unless they have another case. " if people else ""
    return (f"{who}{', '.join(['What they told us', *parts, 'every file', 'every message about it'])}, and what the trail "
            "keeps of their words. Dates, codes, findings and outcomes stay, so that no figure changes.")
