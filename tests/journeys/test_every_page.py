"""Every page there is, as each role sees it: readable by everybody, at a desk and on a phone, by day and by night, from right to left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page

from tests.conftest import _make
from tests.databases import Databases
from tests.factories import FACTORY, PASSWORD, Hospital, drive, make_case, make_hospital, make_staff, version_of
from tests.facts import MONDAY, ROOT, THURSDAY, TUESDAY, WEDNESDAY
from tests.journeys.conftest import SIZES, Live, faults_of, open_context, serving, taking_mail
from tests.journeys.gallery import NOT_PAGES, PICTURED, STOPS, Stop, sign_in
from ticketing import schedule
from ticketing.accounts import queries as accounts
from ticketing.accounts import service as accounts_service
from ticketing.accounts.service import Reach
from ticketing.calendars import service as calendars
from ticketing.calendars.rules import table_version
from ticketing.cases import service as cases
from ticketing.cases.queries.rebasing import Choice
from ticketing.cases.rules import Action, NoteKind, Status, TaskKind
from ticketing.cases.rules.erasing import ErasureGround
from ticketing.codes.rules import HoldReason
from ticketing.core import clock
from ticketing.core.database import db
from ticketing.core.files import Checked
from ticketing.core.permissions import Compartment, Role, Scope
from ticketing.core.storage import store
from ticketing.demo.service.trying import _try_out
from ticketing.packs import service as packs

pytestmark = pytest.mark.journey
PRESENT = THURSDAY + timedelta(days=1)
MIRRORED = {"worklist", "log-a-concern", "case", "step-acknowledge", "question", "reports", "escalations", "staff", "concern", "sign-in"}
CONTRAST = ["color-contrast", "link-in-text-block"]  # what a dark theme can break


@dataclass(frozen=True, slots=True)
class World:
    """The program with somebody in each role and something on each page."""

    live: Live
    hospital: Hospital
    browser: Browser


@pytest.fixture(scope="module")
def world(database_server: Databases, browser: Browser) -> Iterator[World]:
    url = database_server.copy("pages")
    with pytest.MonkeyPatch.context() as patch, taking_mail() as mail:
        patch.setattr(clock, "now", lambda: PRESENT)
        app = _make(url, smtp_url=mail.url)
        app.config["REDRESS_ENV"] = "demo"  # the demo has one page more
        with serving(app, mail) as live:
            yield World(live, _furnish(app), browser)
            db.session.remove()
            db.engine.dispose()
    database_server.drop(url)


def _furnish(app: Flask) -> Hospital:
    """A case in every status, late, held, asked about, about to be corrected; mails, tasks, leave."""
    hospital = make_hospital(password=PASSWORD)
    officer, manager = hospital.officer, hospital.manager
    for status in (Status.TRIAGE, Status.ACKNOWLEDGED, Status.RESPONSE_DRAFTING, Status.QUALITY_REVIEW, Status.AWAITING_SIGNOFF,
                   Status.RESPONSE_SENT, Status.CLOSED, Status.INVESTIGATION):
        reference = make_case(officer, takes_it=True)
        drive(reference, status, hospital)
        if status is Status.CLOSED:
            cases.ask_erasure(reference, ErasureGround.REQUEST, "Asked in writing on 3 March.", by=manager, at=THURSDAY)
    _busy(reference, hospital)
    _bring_files(app, reference, hospital)
    make_case(officer, is_danger_now=True)
    make_case(manager, is_anonymous=True, complainant=None, patient=None, unit_code=None)
    late = make_case(officer, takes_it=True)
    cases.ask_receipt_correction(late, MONDAY - timedelta(days=1), "The stamp says Sunday.", by=officer, at=TUESDAY)
    reopened = make_case(officer, takes_it=True)
    drive(reopened, Status.CLOSED, hospital)
    cases.apply_transition(reopened, Action.REOPEN, "She wrote again.", seen=version_of(reopened), by=officer, at=WEDNESDAY)
    away = make_staff(Role.OFFICER, "Bea Long", team_codes=["CENTRAL"], password=None)
    accounts_service.set_leave(away.uid, date(2026, 3, 2), date(2026, 3, 13), officer.uid, by=FACTORY, at=TUESDAY)
    _govern(reference, hospital)
    accounts_service.set_reach(manager.uid, Reach(Scope.HOSPITAL, None, (Compartment.SAFEGUARDING,)), by=FACTORY, at=WEDNESDAY)
    _try_out(manager, PRESENT)
    for job in schedule.JOBS:
        job.work(lambda: False)
    return hospital


def _govern(reference: str, hospital: Hospital) -> None:
    """A pack and a calendar of the hospital's own, drafts of both, a rebase, and a case under two laws."""
    manager = hospital.manager
    uid = packs.draft_version("england-nhs", "2026.2", by=manager, at=TUESDAY)
    packs.change_amounts(uid, {"progress": 8}, seen=1, by=manager, at=TUESDAY)
    packs.publish(uid, MONDAY.date(), "The board agreed", seen=2, by=manager, at=TUESDAY)
    packs.draft_version("england-nhs", "2026.2", by=manager, at=TUESDAY)
    calendars.draft_version("england_wales", table_version(), by=manager, at=TUESDAY)
    cases.add_pack(reference, "england-dp", "It is about her record too", seen=version_of(reference), by=manager, at=WEDNESDAY)
    cases.begin_rebase(Choice("england-nhs", "2026.2-local.1", status="triage"), (), "The board agreed", by=manager, at=WEDNESDAY)


def _busy(reference: str, hospital: Hospital) -> None:
    officer, clinician = hospital.officer, hospital.clinician
    cases.ask_statement(reference, clinician.uid, (1, 2), "When was he first seen?", "ED record", 15, by=officer, at=TUESDAY)
    uid = cases.ask_statement(reference, clinician.uid, (1,), "How many doctors?", "Rota", 5, by=officer, at=TUESDAY)
    cases.give_statement(uid, "Three of five.", by=clinician, at=WEDNESDAY)
    cases.add_note(reference, NoteKind.PHONE_CALL, "She called.\nShe is upset.", by=officer, at=WEDNESDAY)
    cases.add_task(reference, TaskKind.CALL_BACK, "Call her back", THURSDAY, officer.uid, None, by=officer, at=WEDNESDAY)
    cases.hold(reference, HoldReason.AWAITING_CONSENT, "Waiting for the form", seen=version_of(reference), by=officer, at=WEDNESDAY)


def _bring_files(app: Flask, reference: str, hospital: Hospital) -> None:
    """A letter that can be opened, and one that a scanner stopped."""
    for name, verdict in (("letter.txt", (True, "")), ("statement of account.txt", (False, "Demonstration.Only"))):
        files = [Checked(name, "text/plain", b"I enclose what I wrote down.")]
        cases.attach(reference, files, lambda _data, verdict=verdict: verdict, store(), most=app.config["CASE_FILES"], by=hospital.officer,
                     at=WEDNESDAY, about="Came by post")


# --- the lists are whole ---


def pages_of(app: Flask) -> set[str]:
    return {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or set())} - set(NOT_PAGES)


def test_every_page_of_the_program_is_visited(app):
    assert pages_of(app) == {stop.endpoint for stop in STOPS}


def test_every_page_has_its_two_pictures(app):
    assert pages_of(app) == {stop.endpoint for stop in PICTURED}
    wanted = {f"{stop.name}-{size}.png" for stop in PICTURED for size in SIZES}
    there = {path.name: path.stat().st_size for path in (ROOT / "docs" / "screenshots").glob("*.png")}
    assert wanted == set(there), "run `make screenshots`"
    assert not {name for name, size in there.items() if size > 150_000}
    assert sum(there.values()) < 8_000_000


# --- each page, by whoever mainly reads it ---


@pytest.mark.parametrize("role", [None, *Role], ids=lambda role: role or "visitor")
def test_each_page_is_readable_by_everybody_in_each_light_and_at_each_size(world, role):
    complaints: list[str] = []
    context = open_context(world.browser, world.live.url, "desk", complaints)
    page = context.new_page()
    _enter(world, page, role)
    faults: list[str] = []
    for stop in (stop for stop in STOPS if stop.role is role):
        _open(world, page, stop, role)
        faults += [f"{stop.name}, {where}: {fault}" for where, fault in _look(page, is_mirrored=stop.name in MIRRORED)]
    context.close()
    assert not faults, "\n".join(faults)
    assert not complaints


@pytest.mark.parametrize("role", list(Role))
def test_every_other_page_a_role_may_open_is_as_good_and_the_rest_is_refused_politely(world, role):
    """The pages that are mainly somebody else's, on a phone; what the role may not open says so and leads on."""
    complaints: list[str] = []
    context = open_context(world.browser, world.live.url, "phone", complaints)
    page = context.new_page()
    _enter(world, page, role)
    faults, refused, seen = [], 0, set()
    for stop in STOPS:
        if stop.role is role or stop.role is None or stop.endpoint in seen:
            continue
        seen.add(stop.endpoint)
        status = _visit(world, page, stop, role)
        assert status in {200, 403, 404}, f"{stop.name} answered {status}"
        refused += status != 200
        if status == 200 or refused == 1:
            faults += [f"{stop.name}: {fault}" for fault in faults_of(page)]
        if status != 200:
            assert page.get_by_role("heading", level=1).count() == 1
            assert page.get_by_role("main").get_by_role("link").count(), f"{stop.name} leads nowhere"
    context.close()
    assert not faults, "\n".join(faults)
    assert not complaints
    assert refused, "no role may open everything"


def _enter(world: World, page: Page, role: Role | None) -> None:
    if role:
        sign_in(page, accounts.staff_by_uid(world.hospital.actor(role).uid).email, PASSWORD)


def _open(world: World, page: Page, stop: Stop, role: Role | None) -> None:
    if stop.prepare:
        stop.prepare(page)
    status = _visit(world, page, stop, role)
    assert status == 200, f"{stop.name} answered {status}"


def _visit(world: World, page: Page, stop: Stop, role: Role | None) -> int:
    """Open it with something for it to show; whoever may not see that is given what its own reader is given."""
    db.session.rollback()
    reader = stop.role if role is not None and role is not stop.role else role
    answer = page.goto(stop.url(world.hospital.actor(reader) if reader else None))
    db.session.rollback()
    assert answer is not None
    return answer.status


def _look(page: Page, *, is_mirrored: bool) -> list[tuple[str, Any]]:
    """One load, looked at in four ways, and mirrored."""
    found: list[tuple[str, Any]] = []
    for size, viewport in SIZES.items():
        page.set_viewport_size(viewport)  # type: ignore[arg-type]
        found += [(size, fault) for fault in faults_of(page)]
        page.emulate_media(color_scheme="dark")
        found += [(f"{size}, dark", fault) for fault in faults_of(page, rules=CONTRAST)]
        page.emulate_media(color_scheme="light")
        if is_mirrored:
            page.evaluate("document.documentElement.dir = 'rtl'")
            found += [(f"{size}, from right to left", fault) for fault in faults_of(page, rules=CONTRAST)]
            page.evaluate("document.documentElement.dir = 'ltr'")
    page.set_viewport_size(SIZES["desk"])  # type: ignore[arg-type]
    return found
