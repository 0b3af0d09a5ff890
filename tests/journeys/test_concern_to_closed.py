"""One concern, from the public form to the closed case, through everybody whose work it is; each step by clicking what the page offers."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.factories import PASSWORD, Hospital, make_hospital
from tests.facts import TUESDAY
from tests.journeys.gallery import sign_in
from ticketing import schedule
from ticketing.accounts import queries as accounts
from ticketing.cases import queries as cases
from ticketing.cases.rules import Status
from ticketing.core.database import db
from ticketing.core.permissions import Actor

pytestmark = pytest.mark.journey
WORDS = "My son waited nine hours in the emergency department and nobody told us why."
ANSWER = "He was seen by the triage nurse at 14:10 and by a doctor at 22:50. Two of five doctors were ill that day."
LETTER = "Dear Mrs Khan,\n\nI am sorry that Yusuf waited so long, and that nobody told you why."


@pytest.mark.parametrize("has_scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_concern_goes_from_the_public_form_to_a_closed_case(live, new_visitor, set_clock, has_scripts):
    set_clock(TUESDAY)
    hospital = make_hospital(password=PASSWORD)

    def signed_in(actor: Actor, size: str = "desk") -> Page:
        page = new_visitor(size, has_scripts=has_scripts)
        sign_in(page, email_of(actor), PASSWORD)
        return page

    reference = bring(new_visitor("phone", has_scripts=has_scripts))
    officer = signed_in(hospital.officer)
    take_it_up(officer, reference)
    ask(officer)
    answer(new_visitor("phone", has_scripts=has_scripts), live, hospital)
    find_and_draft(officer, reference)
    review(signed_in(hospital.second_officer), reference)
    sign(signed_in(hospital.manager), reference)
    close(officer, reference)

    db.session.rollback()  # what was read before is from before
    case = cases.get_case(reference, hospital.auditor, at=TUESDAY)
    assert case.status is Status.CLOSED
    assert case.outcome is not None
    assert case.outcome.label == "Upheld"
    assert {timer.state.value for timer in case.timers if timer.target in {"acknowledge", "respond", "statement"}} == {"met"}


def email_of(actor: Actor) -> str:
    return accounts.staff_by_uid(actor.uid).email


def bring(page: Page) -> str:
    """A mother tells us, without an account; returns the reference she is given."""
    page.goto("/concerns/new")
    page.get_by_label("Something went wrong").check()
    page.get_by_label("What happened?").fill(WORDS)
    page.get_by_label("What would you like to happen?").fill("An explanation, and that it does not happen to others.")
    page.get_by_label("I am writing for somebody else").check()
    page.get_by_label("How do you know the patient?").select_option(label="I am their parent or guardian")
    page.get_by_label("The patient’s name").fill("Yusuf Khan")
    page.get_by_label("Your name").fill("Amina Khan")
    page.get_by_label("Telephone number").fill("07700 900123")
    page.get_by_role("button", name="Send it to us").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("We have received it")
    return page.locator(".reference").first.inner_text()


def step(page: Page, link: str, button: str, done: str) -> None:
    """What was filled in is sent, and the case says so; `link` was followed before (see `begin`)."""
    page.get_by_role("main").get_by_role("button", name=button, exact=True).click()
    expect(page.get_by_role("status").or_(page.locator(".notice")).filter(has_text=done).first).to_be_visible()
    expect(page, link).to_have_url(re.compile(r"/cases/[0-9A-Z-]+(#\w+)?$"))


def begin(page: Page, link: str) -> None:
    page.get_by_role("main").get_by_role("link", name=link, exact=True).first.click()
    expect(page).to_have_url(re.compile("/actions/"))


def open_case(page: Page, reference: str) -> None:
    """By the box at the top of every page."""
    page.get_by_label("Find a case by its reference").fill(reference)
    page.get_by_role("button", name="Find the case").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(reference)


def take_it_up(page: Page, reference: str) -> None:
    """The officer finds it unassigned, takes it, triages, acknowledges and agrees what is looked into and by when."""
    page.get_by_role("link", name=re.compile("^Unassigned")).click()
    page.get_by_role("link", name=reference).click()
    expect(page.get_by_text(WORDS)).to_be_visible()
    page.get_by_label("I have no conflict of interest in it").check()
    page.get_by_role("button", name="Take this case").click()
    expect(page.get_by_text("Hana Novak (you)")).to_be_visible()

    begin(page, "Triage")
    page.get_by_role("group", name="Is anyone in danger now?").get_by_label("No").check()
    page.get_by_label("Moderate").check()
    page.get_by_label("How does consent stand?").select_option(label="Given")
    page.get_by_label("Points of complaint").fill("He waited nine hours.\nNobody told us why.")
    step(page, "triage", "Save the triage", "Triage saved.")
    begin(page, "Record acknowledgement")
    page.get_by_label("Phone", exact=True).check()
    page.get_by_label("A discussion was offered").check()
    step(page, "acknowledge", "Record the acknowledgement", "Acknowledgement recorded.")
    begin(page, "Agree points and response date")
    page.get_by_label("They will have our answer by").fill("2026-04-10")
    page.get_by_label("Was it agreed?").select_option(label="Yes, they agreed to it")
    page.get_by_label("What was said, and what shows it?").fill("On the phone with Mrs Khan.")
    step(page, "scope", "Save and go on", "Response date agreed.")
    begin(page, "Begin investigation")
    step(page, "investigate", "Begin investigation", "Investigation begun.")


def ask(page: Page) -> None:
    begin(page, "Ask for a statement")
    page.get_by_label("Whom do you ask?").select_option(label="Priya Shah")
    page.get_by_label("He waited nine hours.").check()
    page.get_by_label("Your questions").fill("When was he first seen, and by whom? How many doctors were on duty?")
    page.get_by_label("Where to look").fill("Emergency department record, 28 February")
    step(page, "statement", "Send the questions", "Questions sent.")


def answer(page: Page, live, hospital: Hospital) -> None:
    """The clinician follows the link in the mail that arrived, signs in, and answers on a phone without being told who complained."""
    for job in schedule.JOBS:
        job.work(lambda: False)
    mail = live.mail.wait_for(email_of(hospital.clinician), "")
    assert "Khan" not in mail.as_string()
    link = re.search(r"http://\S+/questions/\w+", mail.get_content())
    assert link, mail.get_content()
    page.goto(link.group())
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.get_by_label("E-mail").fill(email_of(hospital.clinician))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(link.group())
    expect(page.get_by_text("How many doctors were on duty?")).to_be_visible()
    assert "Khan" not in page.content()
    page.get_by_label("Your answer").fill(ANSWER)
    page.get_by_role("button", name="Send the answer").click()
    expect(page.get_by_text("your answer is on its way")).to_be_visible()


def find_and_draft(page: Page, reference: str) -> None:
    """The officer reads the answer, records what was found on each point, writes the response and sends it for review."""
    open_case(page, reference)
    expect(page.get_by_text(ANSWER)).to_be_visible()
    for number in (1, 2):
        begin(page, f"Finding on point {number}")
        page.get_by_label("Upheld", exact=True).check()
        page.get_by_label("What does the finding rest on?").fill("The department’s log.")
        page.get_by_label("What is done about it?").fill("Waiting times are told every hour; the charge nurse owns it.")
        step(page, "finding", "Save the finding", "Finding recorded.")
    begin(page, "Begin the response")
    step(page, "draft_response", "Begin the response", "Write the response next.")
    begin(page, "Write the response")
    page.get_by_label("The response", exact=True).fill(LETTER)
    step(page, "write_response", "Save this version", "Version saved.")
    begin(page, "Send for quality review")
    expect(page.get_by_text("I am sorry that Yusuf waited so long")).to_be_visible()
    step(page, "submit_for_review", "Send for quality review", "Sent for quality review.")
    assert page.get_by_role("link", name="Pass to sign-off").count() == 0, "whoever wrote it may not review it"


def review(page: Page, reference: str) -> None:
    open_case(page, reference)
    begin(page, "Pass to sign-off")
    step(page, "pass_review", "Pass to sign-off", "Passed to sign-off.")
    assert page.get_by_role("link", name="Sign and send the response").count() == 0, "only a manager signs"


def sign(page: Page, reference: str) -> None:
    open_case(page, reference)
    begin(page, "Sign and send the response")
    page.get_by_label("Letter", exact=True).check()
    step(page, "sign_and_send", "Sign and send", "Response signed and sent.")


def close(page: Page, reference: str) -> None:
    open_case(page, reference)
    begin(page, "Close the case")
    page.get_by_label("Closing note").fill("Mrs Khan called: she is content.")
    step(page, "close", "Close the case", "Case closed.")
    expect(page.get_by_text("Nothing more is asked of you").or_(page.get_by_role("link", name="Reopen"))).to_be_visible()
