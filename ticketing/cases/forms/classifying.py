"""What sort of case it is: the questions of the policy pack's table, and a later change of mind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ticketing.cases.forms.steps import NOTE_LENGTH, Lists, StepForm
from ticketing.cases.queries import CaseView
from ticketing.codes.rules import CaseType, choices
from ticketing.web.forms import ChoiceField, PickField, TextField

ANSWERS = {"yes": "Yes", "no": "No", "": "Not known yet"}
GIVEN: Mapping[str | None, bool | None] = {"yes": True, "no": False}
MOST = 12  # questions of one pack; a test holds every pack to it


class ClassifyForm(StepForm):
    """The questions of the case's policy pack, as many as it has."""

    def offer(self, case: CaseView, lists: Lists) -> None:  # noqa: ARG002 - the form's signature
        self.codes = [question.code for question in case.questions]
        for number in range(len(self.codes), MOST):
            del self[f"answer_{number}"]
        for number, question in enumerate(case.questions):
            self[f"answer_{number}"].label.text = question.sentence

    def ask(self, case: CaseView) -> None:
        known = dict(case.classification.answers) if case.classification else {}
        for number, question in enumerate(case.questions):
            if question.sentence in known:
                self[f"answer_{number}"].data = "yes" if known[question.sentence] else "no"

    def objections(self) -> Iterator[tuple[str, str]]:
        yield from super().objections()
        if self.codes and all(answer is None for answer in self.answers().values()):
            yield "answer_0", "Answer at least one question with yes or no."

    def answers(self) -> dict[str, bool | None]:
        """By the question's code; only after `fit`."""
        return {code: GIVEN.get(self[f"answer_{number}"].data) for number, code in enumerate(self.codes)}


for _number in range(MOST):
    setattr(ClassifyForm, f"answer_{_number}", ChoiceField("", choices=ANSWERS, is_required=False, default=""))


class ChangeTypeForm(StepForm):
    """Another sort of case, after triage."""

    case_type = PickField("What sort of case is it really?", choices=dict(choices(CaseType)))
    why = TextField("Why?", missing="Say why it is another sort of case.", most=NOTE_LENGTH,
                    description="Figures show how often this is done, and by whom.")

    def ask(self, case: CaseView) -> None:
        self.case_type.data = case.case_type
