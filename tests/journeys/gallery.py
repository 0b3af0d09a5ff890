"""Every page a person can open, whose it is, and where to find something for it to show.  Tests and pictures walk through it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pyotp
import sqlalchemy as sa
from flask import current_app, url_for
from playwright.sync_api import Page

from ticketing.accounts import queries as accounts
from ticketing.accounts import service as accounts_service
from ticketing.accounts.models import Staff
from ticketing.audit import service as audit
from ticketing.calendars import queries as calendars
from ticketing.calendars.rules import table_version
from ticketing.cases import queries as cases
from ticketing.cases.models import Case, CaseCompartment, StatementRequest
from ticketing.cases.queries import CaseView, rebasing
from ticketing.cases.rules import StatementState, Status
from ticketing.cases.views.offers import STEPS
from ticketing.codes import queries as codes
from ticketing.core import clock
from ticketing.core.database import db
from ticketing.core.errors import NotFound
from ticketing.core.permissions import Actor, Role, machine
from ticketing.escalation.queries import simulations
from ticketing.firings import queries as ladder
from ticketing.firings.models import Firing
from ticketing.firings.rules import FiringState
from ticketing.operations import service as operations
from ticketing.outbox.models import OutboxMessage
from ticketing.packs import queries as packs
from ticketing.schedule import JOBS

Find = Callable[[Actor | None], dict[str, Any]]

# Addresses answering GET that show no page of their own.
NOT_PAGES = {
    "cases.download": "a file, to be saved",
    "static": "files", "operations.healthz": "for machines", "operations.readyz": "for machines", "operations.metrics": "for machines",
    "accounts.home": "leads to the first page of a role",
    "accounts.come_back": "for a browser that the hospital's own sign-in sent back",
    "escalation.simulation_figures": "a file", "reports.trail_file": "a file",
}


@dataclass(frozen=True, slots=True)
class Stop:
    """One page in one state.  `role` is whose page it is (None: a visitor's); `find` names its arguments, asked when it is opened."""

    name: str
    role: Role | None
    endpoint: str
    find: Find = field(default=lambda _actor: {})
    prepare: Callable[[Page], None] | None = None
    is_pictured: bool = True

    def url(self, actor: Actor | None) -> str:
        """Its path; inside an application context."""
        with current_app.test_request_context():
            return url_for(self.endpoint, **self.find(actor))


def sign_in(page: Page, email: str, password: str) -> None:
    """By the door, as everybody does."""
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: not url.endswith("/sign-in"))


def actor_at(email: str) -> Actor:
    return accounts.staff_by_email(email).actor


# --- what there is to show ---


def references(statuses: Iterable[Status], actor: Actor | None) -> list[str]:
    """Cases in these statuses, those of `actor` and those with questions first."""
    asked = sa.select(sa.func.count()).where(StatementRequest.case_id == Case.id).scalar_subquery()
    mine = Case.handler_id == (actor.staff_id if actor else None)
    return list(db.session.scalars(
        sa.select(Case.reference).where(Case.status.in_(list(statuses)), cases.visible_to(actor or machine("walk")))
        .order_by(mine.desc(), asked.desc(), Case.id).limit(40)))


def _searched(actor: Actor | None) -> dict[str, Any]:
    """A name that many cases have, looked for by this person."""
    assert actor is not None
    return {"uid": accounts_service.keep_search("Khan", by=actor, at=clock.now())}


def _sealed_case(actor: Actor | None) -> dict[str, Any]:
    """A case that holds something in a compartment; any, where none does."""
    held = sa.select(Case.reference).join(CaseCompartment, CaseCompartment.case_id == Case.id)
    return {"reference": db.session.scalar(held.limit(1)) or references([Status.INVESTIGATION, Status.RECEIVED], actor)[0]}


def _confidential_case(actor: Actor | None) -> dict[str, Any]:
    found = db.session.scalar(sa.select(Case.reference).where(Case.is_confidential).limit(1))
    return {"reference": found or references([Status.INVESTIGATION, Status.RECEIVED], actor)[0]}



def views(statuses: Iterable[Status], actor: Actor | None) -> Iterable[CaseView]:
    assert actor is not None
    return (cases.get_case(reference, actor, at=clock.now()) for reference in references(statuses, actor))


def _case(*statuses: Status) -> Find:
    return lambda actor: {"reference": references(statuses or Status, actor)[0]}


def _step(name: str, *statuses: Status) -> Find:
    return lambda actor: {**_case(*statuses)(actor), "name": name}


def _about(name: str, find: Callable[[CaseView], str], *, parameter: str = "about") -> Find:
    """A step about something that the first fitting case has."""
    def look(actor: Actor | None) -> dict[str, Any]:
        for case in views(Status, actor):
            if about := find(case):
                return {"reference": case.reference, "name": name, parameter: about}
        raise LookupError(f"no case for {name}")
    return look


def _missed(case: CaseView) -> str:
    return next((f"{timer.target}:{timer.subject}" for timer in case.lapsed_timers if timer.cycle == case.cycle), "")


def _explained(actor: Actor | None) -> dict[str, Any]:
    """A timer with days to count."""
    case = next(view for view in views([Status.TRIAGE, Status.ACKNOWLEDGED, Status.INVESTIGATION], actor) if view.current_timers)
    return {"reference": case.reference, "target": case.current_timers[0].target}


def _question(state: StatementState) -> Find:
    def look(actor: Actor | None) -> dict[str, Any]:
        assert actor is not None
        query = sa.select(StatementRequest.uid).where(StatementRequest.staff_id == actor.staff_id, StatementRequest.state == state)
        return {"uid": db.session.scalars(query).first()}
    return look


def _password_link(_actor: Actor | None) -> dict[str, Any]:
    """A new invitation to somebody: its link as it stands in the mail."""
    uid = db.session.scalars(sa.select(Staff.uid).order_by(Staff.id.desc())).first()
    assert uid is not None
    administrator = next(person for person in accounts.staff_list().rows if person.role is Role.ADMINISTRATOR)
    accounts_service.invite(uid, by=administrator.actor, at=clock.now())
    sent = db.session.scalars(sa.select(OutboxMessage).where(OutboxMessage.kind == "invitation").order_by(OutboxMessage.id.desc())).first()
    assert sent is not None
    link = current_app.jinja_env.globals["password_link"](sent.context["nonce"])  # type: ignore[operator]
    return {"token": link.rpartition("/")[2]}


def _notice(actor: Actor | None) -> dict[str, Any]:
    """A step that told them, best one that waits for somebody to acknowledge it."""
    assert actor is not None
    fired = db.session.execute(sa.select(Firing.uid, Firing.told).where(Firing.state == FiringState.FIRED).order_by(
        Firing.answer_by_at.is_(None), Firing.id.desc()))
    return {"uid": next(row.uid for row in fired if actor.uid in row.told)}


def _beating(_actor: Actor | None) -> dict[str, Any]:
    """Every job has just run."""
    for job in JOBS:
        operations.beat(job.name, at=clock.now(), done=1, took_ms=14)
    return {}


def _colleague(_actor: Actor | None) -> dict[str, Any]:
    return {"uid": next(person.uid for person in accounts.staff_list().rows if person.role is Role.OFFICER)}


def _half_in(page: Page) -> None:
    """Somebody with an authenticator app has typed the right password."""
    email, password, at = "iris.vale@hospital.example", "nine blue lanterns hum", clock.now()
    try:
        accounts.staff_by_email(email)
    except NotFound:
        accounts_service.add_staff(email, "Iris Vale", Role.AUDITOR, password=password, by=machine("gallery"), at=at)
        entered = accounts_service.sign_in(accounts.weigh(email, password, "192.0.2.9", at=at), "Firefox on Windows", at=at)
        here = accounts.signed_in(entered.token or "", at=at)
        assert here is not None
        begun = accounts_service.begin_app(by=here.staff.actor, at=at)
        pending = accounts.pending_app(begun, here.staff.id, at=at)
        assert pending is not None
        code = pyotp.TOTP(pending.secret.replace(" ", "")).at(at)
        accounts_service.add_app(
            begun, code, accounts.draw_recovery_codes(), session_id=here.session_id, by=here.staff.actor, at=at)
    db.session.rollback()
    sign_in(page, email, password)


def _begin_app(page: Page) -> None:
    page.goto("/account/security")
    page.get_by_role("button", name="Set up an app").click()


def _bring_a_concern(page: Page) -> None:
    """The receipt is shown to whoever has just sent something."""
    page.goto("/concerns/new")
    page.get_by_label("Something went wrong").check()
    page.get_by_label("What happened?").fill("My mother waited four hours on a trolley and nobody brought her water.")
    page.get_by_label("I am the patient").check()
    page.get_by_label("Your name").fill("Jean Whitlow")
    page.get_by_label("Telephone number").fill("07700 900456")
    page.get_by_role("button", name="Send it to us").click()


def _bring_a_concern_and_go_on(page: Page) -> None:
    """The date that the receipt names, and why."""
    _bring_a_concern(page)
    page.get_by_role("link", name="Why this date?").first.click()


def _pack_draft(_actor: Actor | None) -> dict[str, Any]:
    return {"uid": packs.drafts()[0].uid}


def _calendar_draft(_actor: Actor | None) -> dict[str, Any]:
    return {"uid": calendars.drafts()[0].uid}


OFFICER, CLINICIAN, MANAGER, ADMINISTRATOR, AUDITOR = Role.OFFICER, Role.CLINICIAN, Role.MANAGER, Role.ADMINISTRATOR, Role.AUDITOR
WORKING = (Status.INVESTIGATION,)
STEPS_WITH_A_THING: dict[str, Find] = {
    "change_point": _about("change_point", lambda case: "1" if case.points and case.is_open else ""),
    "finding": _about("finding", lambda case: "1" if case.points and case.is_open else ""),
    "withdraw_statement": _about("withdraw_statement", lambda case: next((s.uid for s in case.statements if s.state.value == "open"), "")),
    "finish_task": _about("finish_task", lambda case: next((task.uid for task in case.tasks if not task.done_at), "")),
    "breach_reason": _about("breach_reason", _missed),
    "remove_pack": _about("remove_pack", lambda case: next((pack.code for pack in case.packs if not pack.is_main), "")),
    "decide_erasure": _about("decide_erasure", lambda case: case.waiting_erasure.uid if case.waiting_erasure else ""),
    "decide_correction": _about("decide_correction", lambda case: next((c.uid for c in case.corrections if c.state.value == "asked"), "")),
}
STEPS_AT: dict[str, tuple[Status, ...]] = {
    "triage": (Status.TRIAGE,), "acknowledge": (Status.TRIAGE,), "scope": (Status.ACKNOWLEDGED,),
    "write_response": (Status.RESPONSE_DRAFTING,), "submit_for_review": (Status.RESPONSE_DRAFTING,),
    "pass_review": (Status.QUALITY_REVIEW,), "return_draft": (Status.QUALITY_REVIEW,), "sign_and_send": (Status.AWAITING_SIGNOFF,),
    "close": (Status.RESPONSE_SENT,), "reopen": (Status.CLOSED,),
}
STEPS_PICTURED = {
    "triage", "acknowledge", "scope", "statement", "finding", "write_response", "sign_and_send", "close", "assign", "hold", "breach_reason",
    "correction", "contact", "acknowledge_stage", "count",
}


def _steps() -> list[Stop]:
    return [
        Stop(f"step-{name.replace('_', '-')}", MANAGER if name == "sign_and_send" else OFFICER, "cases.act",
             STEPS_WITH_A_THING.get(name) or _step(name, *STEPS_AT.get(name, WORKING)), is_pictured=name in STEPS_PICTURED)
        for name in STEPS]


def _simulated(_actor: Actor | None) -> dict[str, Any]:
    return {"uid": simulations.simulations()[0].uid}


def _file(actor: Actor | None) -> dict[str, Any]:
    """A file that can be opened, of a case this person may see."""
    assert actor is not None
    for reference in references(Status, actor):
        for item in cases.attachments_of(reference, actor):
            if item.can_be_opened:
                return {"reference": reference, "uid": item.uid}
    raise LookupError("no case has a file")


def _read(actor: Actor | None) -> dict[str, Any]:
    """A case that colleagues have opened."""
    found = _case(Status.INVESTIGATION)(actor)
    for email in db.session.scalars(sa.select(Staff.email).where(Staff.role.in_([Role.MANAGER, Role.AUDITOR])).limit(3)):
        audit.record_read(found["reference"], by=actor_at(email), at=clock.now())
    return found


def _query(**values: str) -> Find:
    return lambda _actor: values


STOPS: tuple[Stop, ...] = (
    Stop("concern", None, "portal.new"),
    Stop("concern-received", None, "portal.received", prepare=_bring_a_concern),
    Stop("concern-why", None, "portal.why", _query(target="acknowledge"), prepare=_bring_a_concern_and_go_on),
    Stop("sign-in", None, "accounts.sign_in"),
    Stop("forgotten", None, "accounts.forgotten"),
    Stop("forgotten-sent", None, "accounts.forgotten_sent"),
    Stop("choose-password", None, "accounts.password", _password_link),
    Stop("second-step", None, "accounts.second_step", prepare=_half_in),

    Stop("worklist", OFFICER, "cases.worklist", _query(view="team")),
    Stop("worklist-mine", OFFICER, "cases.worklist", _query(view="mine"), is_pictured=False),
    Stop("worklist-unassigned", OFFICER, "cases.worklist", _query(view="unassigned")),
    Stop("worklist-missed", OFFICER, "cases.worklist", _query(view="breached"), is_pictured=False),
    Stop("worklist-ended", OFFICER, "cases.worklist", _query(view="ended"), is_pictured=False),
    Stop("log-a-concern", OFFICER, "cases.new"),
    Stop("add-files", OFFICER, "cases.attach", _case(Status.INVESTIGATION)),
    Stop("delete-file", MANAGER, "cases.delete_file", _file),
    Stop("seal-file", MANAGER, "cases.seal_file", _file),
    Stop("quarantine", AUDITOR, "cases.quarantine"),
    Stop("find", OFFICER, "cases.find"),
    Stop("found", OFFICER, "cases.found", _searched),
    Stop("break-glass", ADMINISTRATOR, "cases.glass"),
    Stop("break-glass-uses", AUDITOR, "cases.glass_uses"),
    Stop("case-sealed", MANAGER, "cases.show", _sealed_case),
    Stop("case-confidential", AUDITOR, "cases.show", _confidential_case),
    Stop("tasks", OFFICER, "cases.tasks"),
    Stop("case-new", OFFICER, "cases.show", _case(Status.RECEIVED, Status.TRIAGE)),
    Stop("case", OFFICER, "cases.show", _case(Status.INVESTIGATION)),
    Stop("case-signoff", MANAGER, "cases.show", _case(Status.AWAITING_SIGNOFF), is_pictured=False),
    Stop("case-closed", AUDITOR, "cases.show", _case(Status.CLOSED)),
    Stop("case-trail", OFFICER, "cases.trail", _case(Status.CLOSED)),
    Stop("case-readers", OFFICER, "cases.readers", _read),
    Stop("why-this-date", OFFICER, "cases.explain", _explained),
    *_steps(),
    Stop("rebases", MANAGER, "cases.rebases"),
    Stop("rebase-new", MANAGER, "cases.new_rebase", _query(pack="england-nhs")),
    Stop("rebase", MANAGER, "cases.rebase", lambda actor: {"uid": rebasing.rebases(actor)[0].uid}),

    Stop("packs", MANAGER, "packs.index"),
    Stop("pack", MANAGER, "packs.show", _query(code="england-nhs")),
    Stop("pack-version", MANAGER, "packs.version", _query(code="england-nhs", version="2026.2")),
    Stop("pack-compare", MANAGER, "packs.compare", _query(code="england-nhs")),
    Stop("pack-draft", MANAGER, "packs.draft", _pack_draft),
    Stop("pack-numbers", MANAGER, "packs.numbers", _pack_draft),
    Stop("pack-publish", MANAGER, "packs.publish", _pack_draft),
    Stop("calendars", MANAGER, "calendars.index"),
    Stop("calendar", MANAGER, "calendars.show", _query(code="england_wales")),
    Stop("calendar-version", MANAGER, "calendars.version", _query(code="scotland", number=table_version())),
    Stop("calendar-new", MANAGER, "calendars.new"),
    Stop("calendar-draft", MANAGER, "calendars.draft", _calendar_draft),
    Stop("calendar-day", MANAGER, "calendars.day", _calendar_draft),
    Stop("calendar-import", MANAGER, "calendars.import_days", _calendar_draft),
    Stop("calendar-publish", MANAGER, "calendars.publish", _calendar_draft),

    Stop("questions", CLINICIAN, "cases.questions"),
    Stop("question", CLINICIAN, "cases.answer", _question(StatementState.OPEN)),
    Stop("question-why", CLINICIAN, "cases.why_question", _question(StatementState.OPEN)),
    Stop("question-answered", CLINICIAN, "cases.answer", _question(StatementState.GIVEN), is_pictured=False),

    Stop("reports", MANAGER, "reports.overview"),
    Stop("report-cases", MANAGER, "reports.cases", _query(figure="received")),
    Stop("escalations", MANAGER, "escalation.index"),
    Stop("escalations-planned", MANAGER, "escalation.index", _query(show="planned")),
    Stop("escalations-failed", MANAGER, "escalation.index", _query(show="failed"), is_pictured=False),
    Stop("forecast", MANAGER, "escalation.forecast"),
    Stop("rota", MANAGER, "escalation.show_rota"),
    Stop("acknowledge", MANAGER, "escalation.acknowledge", _notice),
    Stop("rules", MANAGER, "escalation.rules"),
    Stop("rule", MANAGER, "escalation.rule", lambda _actor: {"code": ladder.rules()[0].code}),
    Stop("rule-new", MANAGER, "escalation.new_rule"),
    Stop("simulations", MANAGER, "escalation.simulations"),
    Stop("simulation-new", MANAGER, "escalation.new_simulation"),
    Stop("simulation", MANAGER, "escalation.simulation", _simulated),
    Stop("simulation-cases", MANAGER, "escalation.simulation_cases", _simulated),
    Stop("shadow", MANAGER, "escalation.shadow", _simulated),
    Stop("health", ADMINISTRATOR, "operations.health", _beating),
    Stop("delivery", MANAGER, "reports.delivery"),
    Stop("mailbox", MANAGER, "reports.mailbox"),
    Stop("trail", AUDITOR, "reports.trail"),
    Stop("trail-reading", AUDITOR, "reports.trail", _query(reading="shown")),

    Stop("account", OFFICER, "accounts.account"),
    Stop("account-password", OFFICER, "accounts.change_password"),
    Stop("account-signing-in", OFFICER, "accounts.security"),
    Stop("account-app", OFFICER, "accounts.add_app", prepare=_begin_app),
    Stop("account-passkey", OFFICER, "accounts.add_passkey"),
    Stop("account-confirm", OFFICER, "accounts.confirm"),
    Stop("account-leave", OFFICER, "accounts.leave"),

    Stop("staff", ADMINISTRATOR, "accounts.staff"),
    Stop("staff-new", ADMINISTRATOR, "accounts.add"),
    Stop("person", ADMINISTRATOR, "accounts.person", _colleague),
    Stop("person-reach", ADMINISTRATOR, "accounts.reach", _colleague),
    Stop("person-change", ADMINISTRATOR, "accounts.change", _colleague),
    Stop("person-leave", ADMINISTRATOR, "accounts.leave_of_person", _colleague),
    Stop("person-second-step", ADMINISTRATOR, "accounts.reset_second_steps", _colleague),
    Stop("person-close", ADMINISTRATOR, "accounts.close", _colleague),
    Stop("teams", ADMINISTRATOR, "accounts.teams"),
    Stop("team-new", ADMINISTRATOR, "accounts.add_team"),
    Stop("team-change", ADMINISTRATOR, "accounts.change_team", lambda _actor: {"code": accounts.teams()[0].code}),
    Stop("places", ADMINISTRATOR, "codes.places"),
    Stop("site-new", ADMINISTRATOR, "codes.add_site"),
    Stop("site-change", ADMINISTRATOR, "codes.change_site", lambda _actor: {"code": codes.sites()[0].code}),
    Stop("unit-new", ADMINISTRATOR, "codes.add_unit"),
    Stop("unit-change", ADMINISTRATOR, "codes.change_unit", lambda _actor: {"code": codes.units()[0].code}),
)
PICTURED = tuple(stop for stop in STOPS if stop.is_pictured)
