"""Rows that tests need, made by the verbs themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import select

from tests.facts import MONDAY, TUESDAY
from ticketing.accounts import queries, service
from ticketing.accounts.queries import StaffRow
from ticketing.accounts.service import Reach
from ticketing.cases import service as cases
from ticketing.cases.models import Case
from ticketing.cases.rules import Action, Status
from ticketing.cases.service import Concern, Triage
from ticketing.codes import service as codes
from ticketing.codes.rules import CaseType, Channel, ConsentStatus, ContactMethod, Finding, Relationship, Severity, UnitKind
from ticketing.core.database import db
from ticketing.core.permissions import Actor, Compartment, Role, Scope, machine
from ticketing.firings import service as firings
from ticketing.people.rules import PersonDetails

PASSWORD = "seven green kettles sing"
FACTORY = machine("factory")


def make_staff(
    role: Role = Role.OFFICER, name: str = "Hana Novak", *, email: str = "", team_codes: Iterable[str] = (), unit_code: str | None = None,
    password: str | None = PASSWORD, scope: Scope = Scope.HOSPITAL, manager: str | None = None, compartments: Iterable[Compartment] = (),
    at: datetime = MONDAY,
) -> StaffRow:
    """An account that can sign in with PASSWORD; the address follows the name.  Sees the whole hospital unless told; `manager` is a uid."""
    address = email or f"{name.lower().replace(' ', '.')}@hospital.example"
    uid = service.add_staff(
        address, name, role, unit_code=unit_code, team_codes=team_codes, password=password, scope=scope, by=FACTORY, at=at)
    if manager or compartments:
        service.set_reach(uid, Reach(scope, manager, tuple(compartments)), by=FACTORY, at=at)
    return queries.staff_by_uid(uid)


def make_actor(
    role: Role = Role.OFFICER, name: str = "Hana Novak", *, team_codes: Iterable[str] = (), password: str | None = None,
) -> Actor:
    """Somebody who may act in a verb, and sign in if there is a password."""
    return make_staff(role, name, team_codes=team_codes, password=password).actor


def make_team(code: str = "CENTRAL", name: str = "", *, at: datetime = MONDAY) -> int:
    return service.add_team(code, name or f"Team {code.title()}", by=FACTORY, at=at)


def make_site(code: str = "MAIN", name: str = "Main site", *, at: datetime = MONDAY) -> int:
    return codes.add_site(code, name, by=FACTORY, at=at)


def make_unit(
    code: str = "WARD-7", name: str = "Ward 7", *, site_code: str = "MAIN", parent_code: str | None = None, at: datetime = MONDAY,
) -> int:
    return codes.add_unit(code, name, UnitKind.WARD, site_code, parent_code=parent_code, by=FACTORY, at=at)


@dataclass(frozen=True, slots=True)
class Hospital:
    """A small hospital: one site, one ward, one team, and somebody in each role."""

    officer: Actor
    second_officer: Actor
    clinician: Actor
    manager: Actor
    auditor: Actor
    administrator: Actor

    def actor(self, role: Role) -> Actor:
        return {
            Role.OFFICER: self.officer, Role.CLINICIAN: self.clinician, Role.MANAGER: self.manager, Role.AUDITOR: self.auditor,
            Role.ADMINISTRATOR: self.administrator,
        }[role]


def make_hospital(
    *, pack: str = "england-nhs", calendar: str = "england_wales", zone: str = "Europe/London", password: str | None = None,
) -> Hospital:
    """The small hospital; with a `password` its people can sign in."""
    codes.add_site("MAIN", "Main site", zone=zone, pack=pack, calendar=calendar, by=FACTORY, at=MONDAY)
    make_unit()
    make_team()
    firings.install_default_rules(by=FACTORY, at=MONDAY)
    officer = partial(make_actor, Role.OFFICER, team_codes=["CENTRAL"], password=password)
    return Hospital(
        officer("Hana Novak"), officer("Tom Reed"), make_actor(Role.CLINICIAN, "Priya Shah", password=password),
        make_actor(Role.MANAGER, "Ruth Okafor", team_codes=["CENTRAL"], password=password),
        make_actor(Role.AUDITOR, "Ivo Lang", password=password), make_actor(Role.ADMINISTRATOR, "Ada Bell", password=password))


def concern(**changes: Any) -> Concern:
    """What Mrs Khan told us on the phone about her child's nine hours in the emergency department."""
    plain = Concern(
        case_type=CaseType.COMPLAINT_FORMAL, channel=Channel.PHONE, site_code="MAIN", received_at=MONDAY, unit_code="WARD-7",
        narrative="My son waited nine hours in the emergency department and nobody told us why.",
        points=("He waited nine hours.", "Nobody told us why."), outcome_sought="An explanation", team_code="CENTRAL",
        complainant=PersonDetails(name="Amina Khan", phone="07700 900123", email="amina.khan@mail.example"),
        patient=PersonDetails(name="Yusuf Khan"), relationship=Relationship.PARENT)
    return replace(plain, **changes)


def make_case(by: Actor, *, at: datetime = MONDAY, **changes: Any) -> str:
    """A case just received; returns its reference."""
    return cases.receive(concern(**changes), by=by, at=at)


def version_of(reference: str) -> int:
    return db.session.scalars(select(Case.version).where(Case.reference == reference)).one()


def drive(reference: str, target: Status, hospital: Hospital, *, at: datetime = TUESDAY) -> None:
    """Bring a received case to `target` by the usual way, through the verbs, each by whoever would do it."""
    officer, manager = hospital.officer, hospital.manager
    steps: list[tuple[Status, Callable[[int], object]]] = [
        (Status.TRIAGE, lambda seen: cases.triage(reference, Triage(
            CaseType.COMPLAINT_FORMAL, Severity.MODERATE, ConsentStatus.RECEIVED, "england-nhs"), seen=seen, by=officer, at=at)),
        (Status.ACKNOWLEDGED, lambda seen: cases.acknowledge(reference, ContactMethod.PHONE, True, "", seen=seen, by=officer, at=at)),
        (Status.SCOPING, lambda seen: cases.scope(
            reference, (at + timedelta(days=40)).date(), "On the phone", seen=seen, by=officer, at=at)),
        (Status.INVESTIGATION, lambda seen: _investigate(reference, seen, by=officer, at=at)),
        (Status.RESPONSE_DRAFTING, lambda seen: _begin_response(reference, seen, by=officer, at=at)),
        (Status.QUALITY_REVIEW, lambda seen: cases.apply_transition(reference, Action.SUBMIT_FOR_REVIEW, seen=seen, by=officer, at=at)),
        (Status.AWAITING_SIGNOFF, lambda seen: cases.apply_transition(
            reference, Action.PASS_REVIEW, seen=seen, by=hospital.second_officer, at=at)),
        (Status.RESPONSE_SENT, lambda seen: cases.sign_and_send(reference, ContactMethod.LETTER, seen=seen, by=manager, at=at)),
        (Status.CLOSED, lambda seen: cases.close(reference, "Done", seen=seen, by=officer, at=at)),
    ]
    for status, step in steps:
        step(version_of(reference))
        if status is target:
            return
    raise AssertionError(f"no usual way to {target}")


def _investigate(reference: str, seen: int, *, by: Actor, at: datetime) -> None:
    cases.apply_transition(reference, Action.INVESTIGATE, seen=seen, by=by, at=at)
    for position in (1, 2):
        cases.record_finding(reference, position, Finding.UPHELD, "The log shows it.", "We changed the rota.", by=by, at=at)


def _begin_response(reference: str, seen: int, *, by: Actor, at: datetime) -> None:
    cases.apply_transition(reference, Action.DRAFT_RESPONSE, seen=seen, by=by, at=at)
    cases.draft_response(reference, "Dear Mrs Khan, I am sorry.", seen=version_of(reference), by=by, at=at)


def enter(client: Any, role: Role = Role.OFFICER, name: str = "Nadia Frost", *, team_codes: Iterable[str] = (),
          compartments: Iterable[Compartment] = ()) -> Actor:
    """Sign a browser in as somebody new of this role; returns who acts."""
    staff = make_staff(role, name, team_codes=team_codes, compartments=compartments)
    answer = client.post("/sign-in", data={"email": staff.email, "password": PASSWORD})
    assert answer.status_code == 303, answer.text
    return staff.actor
