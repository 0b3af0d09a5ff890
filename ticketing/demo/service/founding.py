"""Sites, wards, teams, staff and rules of the demo hospital."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from ticketing.accounts import queries as accounts_read
from ticketing.accounts import service as accounts
from ticketing.codes import service as codes
from ticketing.core.permissions import Actor, machine
from ticketing.demo.rules.hospital import CALENDAR, PACK, PASSWORD, ROTA, SITES, STAFF, TEAMS, UNITS, ZONE
from ticketing.escalation import service as escalation
from ticketing.escalation.rules.duty import Shift
from ticketing.firings import service as firings
from ticketing.firings.rules import Actions, Conditions, Recipient, RuleDraft, Trigger, TriggerKind

SETUP = machine("demo seed")
DANGER_RULE = RuleDraft(
    "Somebody may be in danger and half the time is used", 4, Trigger(TriggerKind.PERCENT, 50), Conditions(only_danger=True),
    Actions(notify=(Recipient.HANDLER, Recipient.ON_DUTY, Recipient.TEAM_LEADS, Recipient.MANAGERS), acknowledge_within=2,
            task="Ring them today and make sure that they are safe"))


def _found(at: datetime) -> dict[str, Actor]:
    """Everything a hospital needs before its first concern; returns its people by key."""
    for code, name in SITES:
        codes.add_site(code, name, zone=ZONE, pack=PACK, calendar=CALENDAR, by=SETUP, at=at)
    for unit in UNITS:
        codes.add_unit(unit.code, unit.name, unit.kind, unit.site, by=SETUP, at=at)
    for code, name in TEAMS:
        accounts.add_team(code, name, by=SETUP, at=at)
    uids = {person.key: accounts.add_staff(
        person.email, person.name, person.role, job_title=person.job_title, unit_code=person.unit or None, team_codes=person.teams,
        password=PASSWORD, scope=person.scope, by=SETUP, at=at) for person in STAFF}
    for person in STAFF:
        reach = accounts.Reach(person.scope, uids.get(person.manager), person.compartments)
        accounts.set_reach(uids[person.key], reach, by=SETUP, at=at)
        if person.leads:
            accounts.set_leads(person.leads, [uids[person.key]], by=SETUP, at=at)
    people = _people(uids)
    firings.install_default_rules(by=SETUP, at=at)
    _draw_up_rota(people, at)
    firings.create_rule(DANGER_RULE, by=people["administrator"], at=at)
    return people


def _draw_up_rota(people: Mapping[str, Actor], at: datetime) -> None:
    teams = {team.code: team.id for team in accounts_read.teams()}
    for team, key, days, starts, ends in ROTA:
        for day in days:
            shift = Shift(people[key].staff_id or 0, day, starts, ends)
            escalation.add_shift(teams[team], shift, by=people["administrator"], at=at)


def _people(uids: Mapping[str, str]) -> dict[str, Actor]:
    return {key: accounts_read.staff_by_uid(uid).actor for key, uid in uids.items()}


def _set_leave(people: Mapping[str, Actor], starts_on: date, ends_on: date, at: datetime) -> None:
    """One of the leads is away this week, and her deputy gets what would have come."""
    accounts.set_leave(people["lead-family"].uid, starts_on, ends_on, people["family-2"].uid, by=people["lead-family"], at=at)
