"""The letters the demo hospital writes: point by point, in plain words."""

from __future__ import annotations

from ticketing.codes.rules import ContactMethod, Finding
from ticketing.demo.rules.cast import Caller
from ticketing.demo.rules.stories import Story

FOUND = {
    Finding.UPHELD: "You were right about this, and we uphold it.",
    Finding.PARTLY_UPHELD: "We uphold part of this.",
    Finding.NOT_UPHELD: "We looked at this with care and do not uphold it.",
    Finding.UNABLE_TO_DETERMINE: "We could not establish for certain what happened, and I will not pretend otherwise.",
    Finding.NOT_INVESTIGATED: "We did not look into this.",
}
RIGHTS = (
    "If this letter does not answer what you asked, please ring or write, and we will look again. You may also ask the Parliamentary "
    "and Health Service Ombudsman to look at it, which costs nothing. If you would like help with that, an independent advocate is "
    "there for you."
)


def response_letter(story: Story, caller: Caller, signatory: str, title: str) -> str:
    """The written response of an investigated complaint."""
    return "\n\n".join([
        f"Dear {caller.salutation or 'Sir or Madam'},",
        "Thank you for telling us what happened. I have read everything that you wrote and what the people who were there have told us. "
        f"We looked at: {story.records[0].lower()}{story.records[1:]}.",
        *([story.letter] if story.letter else []),
        *_points(story), RIGHTS, f"Yours sincerely\n\n{signatory}\n{title}"])


def early_letter(story: Story, caller: Caller, officer: str) -> str:
    """What confirms an early resolution."""
    return "\n\n".join([
        f"Dear {caller.salutation or 'Sir or Madam'},",
        "Thank you for talking it through with me. This is what we agreed, so that you have it in writing.",
        *_points(story), RIGHTS, f"Yours sincerely\n\n{officer}\nPatient relations"])


def acknowledgement_note(method: ContactMethod) -> str:
    if method is ContactMethod.PHONE:
        return "Rang. Said sorry that it came to this, explained what happens next, and offered to talk through the points and the date."
    return "Written acknowledgement, with my name and direct line, an offer to talk it through, and how to reach an advocate."


def _points(story: Story) -> list[str]:
    return [" ".join(part for part in (f"{number}. {point}", FOUND[answer.finding], answer.reason, answer.remedy) if part)
            for number, (point, answer) in enumerate(zip(story.points, story.answers, strict=True), start=1)]
