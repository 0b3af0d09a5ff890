"""An officer takes a concern down over the phone and acknowledges it, without touching the mouse."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from tests.factories import PASSWORD, make_case, make_hospital
from tests.facts import TUESDAY
from tests.journeys.conftest import check_access
from ticketing.accounts import queries as accounts

pytestmark = pytest.mark.journey

# A fairly quick typist (55 words a minute) needs 0.2 s for a key; before each new thing to fill in one thinks for 1.35 s (Card, Moran and
# Newell, the keystroke-level model).
SECONDS_A_KEY = 0.2
SECONDS_TO_THINK = 1.35

NAME_OF_FOCUS = """() => {
  const it = document.activeElement;
  if (it === document.body || it.matches("main, [tabindex='-1']")) return "";
  const words = (node) => node?.innerText.trim() ?? "";
  const group = it.type === "radio" ? words(it.closest("fieldset")?.querySelector("legend")) + ": " : "";
  return group + (words(it.labels?.[0]) || it.getAttribute("aria-label") || words(it));
}"""


@dataclass
class Keyboard:
    """The only way to act in this test; counts what it costs."""

    page: Page
    presses: int = 0
    characters: int = 0
    thoughts: int = 0

    def press(self, key: str, times: int = 1) -> None:
        for _ in range(times):
            self.page.keyboard.press(key)
        self.presses += times

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)
        self.characters += len(text)
        self.thoughts += 1

    def go_to(self, name: str, key: str = "Tab") -> None:
        """Tab on until the thing so named has the focus."""
        passed = []
        while name not in (focused := self.page.evaluate(NAME_OF_FOCUS)):
            passed.append(focused)
            assert len(passed) < 90, f"{name!r} is not reached with the keyboard; passed {passed}"
            self.press(key)

    def choose(self, group: str, answer: str) -> None:
        """In a group of radio buttons."""
        self.go_to(f"{group}: ")
        if not self.page.evaluate("document.activeElement.checked"):
            self.press(" ")
        while f"{group}: {answer}" not in self.page.evaluate(NAME_OF_FOCUS):
            self.press("ArrowDown")
        self.thoughts += 1

    def follow(self, name: str, heading: str) -> None:
        self.go_to(name)
        self.press("Enter")
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(heading)

    @property
    def seconds(self) -> float:
        """How long somebody takes, by the estimate above."""
        return (self.presses + self.characters) * SECONDS_A_KEY + self.thoughts * SECONDS_TO_THINK


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_a_phone_concern_is_taken_down_triaged_and_acknowledged_with_the_keyboard_alone(live, new_visitor, set_clock, size):
    set_clock(TUESDAY)
    hospital = make_hospital(password=PASSWORD)
    earlier = make_case(hospital.second_officer)
    page = new_visitor(size)
    keys = Keyboard(page)

    page.goto("/sign-in")
    keys.go_to("E-mail")
    keys.type(accounts.staff_by_uid(hospital.officer.uid).email)
    keys.go_to("Password")
    keys.type(PASSWORD)
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Worklist")
    keys.follow("Log a concern", "Log a concern")

    intake = Keyboard(page)  # the minute starts when the form is open, and the phone at the ear
    intake.choose("Is anyone in danger now?", "No")
    intake.go_to("Their name")
    intake.type("Amina Khan")
    intake.go_to("Telephone")
    intake.type("07700900123")
    intake.press("Tab")
    expect(page.get_by_text("Earlier cases of somebody who looks the same")).to_be_visible()
    expect(page.get_by_text(earlier, exact=True)).to_be_visible()
    check_access(page)
    intake.choose("Earlier cases of somebody who looks the same", "It is")
    intake.press("ArrowUp")
    assert page.get_by_label("None of these").is_checked()
    intake.go_to("What happened, in their words")
    intake.type("Her discharge letter never reached her doctor, and her tablets ran out.")
    intake.go_to("What would put it right")
    intake.type("A letter today")
    intake.go_to("What sort of concern is this?")
    intake.type("Formal")
    intake.go_to("I take this case")
    intake.press(" ")
    intake.go_to("Log the concern")
    intake.press("Enter")
    expect(page.get_by_text("Read this to them")).to_be_visible()
    cost = f"{intake.presses} keys that are not text, {intake.characters} that are, {intake.thoughts} thoughts: {intake.seconds:.0f} s"
    assert intake.seconds < 60, cost
    assert intake.presses < 60, cost

    assert earlier not in page.get_by_role("heading", level=1).inner_text()
    expect(page.get_by_text("Hana Novak (you)")).to_be_visible()
    acknowledge = page.locator(".timer", has=page.get_by_role("heading", name="Acknowledge"))
    expect(acknowledge).to_contain_text("by the end of Fri 6 Mar 2026")
    expect(acknowledge).to_contain_text("working days left")
    check_access(page)

    keys.follow("Triage", "Triage")
    check_access(page)
    keys.choose("How serious is it?", "Moderate")
    keys.go_to("Points of complaint")
    keys.type("Her discharge letter never reached her doctor.")
    keys.follow("Save the triage", "Case")
    expect(page.get_by_text("Triage saved.")).to_be_visible()
    keys.follow("Record acknowledgement", "Record acknowledgement")
    check_access(page)
    keys.choose("How was it acknowledged?", "Phone")
    keys.go_to("A discussion was offered")
    keys.press(" ")
    keys.go_to("What was said")
    keys.type("Explained the next steps; she would rather be called in the morning.")
    keys.follow("Record the acknowledgement", "Case")
    expect(page.get_by_text("Acknowledgement recorded.")).to_be_visible()
    expect(acknowledge).to_contain_text("Met")
    check_access(page)
