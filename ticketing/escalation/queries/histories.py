"""Histories of cases in bulk, for replaying: few columns, a keyset batch at a time; and the policies that they are replayed under."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from ticketing.audit.models import AuditEntry
from ticketing.audit.rules import Act, case_stream
from ticketing.calendars import queries as calendars
from ticketing.calendars.models import CalendarVersion
from ticketing.calendars.queries import CalendarRow
from ticketing.calendars.rules import PUBLIC_CALENDARS, find_zone, table_version
from ticketing.cases.models import Assignment, Case, RebaseItem
from ticketing.codes.models import Site
from ticketing.core.database import db
from ticketing.core.errors import NotFound
from ticketing.escalation.rules.drafting import Draft, read_pack_text, with_changes
from ticketing.escalation.rules.playing import CalendarSpec, KeptDays, PolicySpec
from ticketing.escalation.rules.simulating import Given, History, Pinned, Recorded, RuleInForce, Triaged
from ticketing.firings.models import EscalationRule, RuleVersion
from ticketing.firings.rules import Actions, Conditions, Flag, Trigger, TriggerKind, VersionFacts
from ticketing.packs import queries as packs
from ticketing.packs.rules import EventKind, Pack
from ticketing.sla.models import SlaEvent, SlaPin

DRAFTED = -1_000_000  # ids of drafted rules: below every real one
HUMAN = "job:"


@dataclass(frozen=True, slots=True)
class Range:
    """Cases received on these local days, both included, in this zone."""

    first_on: date
    last_on: date
    zone: str

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        zone = find_zone(self.zone)
        first, last = (datetime.combine(day, time(), zone) for day in (self.first_on, self.last_on + timedelta(days=1)))
        return first.astimezone(UTC), last.astimezone(UTC)


def number_of_cases(wanted: Range) -> int:
    """How many cases a replay of this range plays."""
    return db.session.scalar(sa.select(sa.func.count()).select_from(Case).where(*_in(wanted))) or 0


def case_ids(wanted: Range, after: int, limit: int) -> tuple[int, ...]:
    """The next cases of a range, by id."""
    return tuple(db.session.scalars(sa.select(Case.id).where(*_in(wanted), Case.id > after).order_by(Case.id).limit(limit)))


def histories(ids: Sequence[int], *, with_activity: bool = False, with_triage: bool = False) -> tuple[History, ...]:
    """What happened to these cases; five statements however many they are (seven with what the trail alone knows)."""
    if not ids:
        return ()
    wanted = Case.id.in_(ids)
    rows = db.session.execute(
        sa.select(Case.id, Case.reference, Case.site_id, Case.pack, Case.case_type, Case.severity, Case.is_danger_now, Case.source_key,
                  Case.received_at, Case.unit_id, Case.is_safeguarding, Case.is_inpatient, Case.is_anonymous, Site.calendar, Site.zone,
                  Case.handler_id, Case.team_id)
        .join(Site, Site.id == Case.site_id).where(wanted).order_by(Case.id)).all()
    pins, events, given = _pins(ids), _events(ids), _given(ids)
    streams = {case_stream(row.reference): row.id for row in rows} if with_activity or with_triage else {}
    triaged, activity = _triaged(streams) if with_triage else {}, _activity(streams) if with_activity else {}
    return tuple(_history(row, pins, events, given, triaged, activity) for row in rows if row.id in events)


def _history(row: Any, pins: Mapping[int, list[Pinned]], events: Mapping[int, list[Recorded]], given: Mapping[int, list[Given]],
             triaged: Mapping[int, list[tuple[Triaged, Mapping[str, Any]]]], activity: Mapping[int, list[datetime]]) -> History:
    moves = triaged.get(row.id, [])
    first: Mapping[str, Any] = moves[0][1] if moves else {}
    severity = row.severity.value if row.severity else None
    return History(
        case_id=row.id, site_id=row.site_id, pack=row.pack, calendar=row.calendar, zone=row.zone,
        case_type=str(first.get("case_type", [row.case_type.value])[0]), severity=first["severity"][0] if "severity" in first else severity,
        is_danger_now=row.is_danger_now, is_quiet=row.source_key is not None,
        pins=tuple(pins.get(row.id, ())), events=tuple(events[row.id]),
        given=_from_the_start(row, given.get(row.id, [])),
        triaged=tuple(move for move, _ in moves), activity=tuple(activity.get(row.id, ())), unit_id=row.unit_id,
        received_at=row.received_at, flags=frozenset(flag.value for flag, is_set in (
            (Flag.SAFEGUARDING, row.is_safeguarding), (Flag.INPATIENT, row.is_inpatient), (Flag.ANONYMOUS, row.is_anonymous)) if is_set))


def _from_the_start(row: Any, given: list[Given]) -> tuple[Given, ...]:
    """Before the first hand-over nobody had the case, and it lay with the team that it was first given in."""
    if not given:
        return (Given(row.received_at, row.handler_id, row.team_id),)
    return (Given(row.received_at, None, given[0].team_id), *given)


def _in(wanted: Range) -> tuple[sa.ColumnElement[bool], ...]:
    first, last = wanted.bounds
    return (Case.received_at >= first, Case.received_at < last)


def _pins(ids: Sequence[int]) -> Mapping[int, list[Pinned]]:
    found: dict[int, list[Pinned]] = defaultdict(list)
    for case_id, *values in db.session.execute(
            sa.select(SlaPin.case_id, SlaPin.cycle, SlaPin.pack, SlaPin.pack_version, SlaPin.calendar, SlaPin.calendar_version,
                      SlaPin.zone, SlaPin.case_type, SlaPin.is_anonymous, SlaPin.is_oral, SlaPin.is_main)
            .where(SlaPin.case_id.in_(ids)).order_by(SlaPin.case_id, SlaPin.cycle, SlaPin.is_main.desc(), SlaPin.id)):
        found[case_id].append(Pinned(*values))
    for case_id, pins in _rebased(ids, found).items():
        found[case_id] += pins
    return found


def _rebased(ids: Sequence[int], now: Mapping[int, Sequence[Pinned]]) -> Mapping[int, list[Pinned]]:
    """What cases ran under before each rebase, told back from what they run under now; of the cycle that was open then."""
    query = (
        sa.select(RebaseItem.case_id, RebaseItem.done_at, RebaseItem.pack, RebaseItem.pack_from, RebaseItem.calendar,
                  RebaseItem.calendar_from, sa.select(sa.func.max(SlaEvent.cycle)).where(
                      SlaEvent.case_id == RebaseItem.case_id, SlaEvent.recorded_at <= RebaseItem.done_at).scalar_subquery())
        .where(RebaseItem.case_id.in_(ids), RebaseItem.done_at.is_not(None), RebaseItem.note == "")
        .order_by(RebaseItem.done_at.desc(), RebaseItem.id.desc()))
    found: dict[int, list[Pinned]] = defaultdict(list)
    at_work: dict[tuple[int, int, str], Pinned] = {(case_id, pin.cycle, pin.pack): pin for case_id, pins in now.items() for pin in pins}
    for case_id, done_at, pack, pack_from, calendar, calendar_from, cycle in db.session.execute(query):
        for key, pin in [pair for pair in at_work.items() if pair[0][:2] == (case_id, cycle)]:
            was = replace(pin, pack_version=pack_from if pack == pin.pack else pin.pack_version,
                          calendar_version=calendar_from if calendar == pin.calendar else pin.calendar_version)
            if was != pin:
                at_work[key] = was
                found[case_id].append(replace(was, until=done_at))
    return found


def _events(ids: Sequence[int]) -> Mapping[int, list[Recorded]]:
    found: dict[int, list[Recorded]] = defaultdict(list)
    for case_id, cycle, kind, subject, actor_kind, occurred_at, recorded_at, data, is_void in db.session.execute(
            sa.select(SlaEvent.case_id, SlaEvent.cycle, SlaEvent.kind, SlaEvent.subject, SlaEvent.actor_kind, SlaEvent.occurred_at,
                      SlaEvent.recorded_at, SlaEvent.data, SlaEvent.is_void)
            .where(SlaEvent.case_id.in_(ids)).order_by(SlaEvent.case_id, SlaEvent.recorded_at, SlaEvent.id)):
        found[case_id].append(Recorded(cycle, EventKind(kind), subject, actor_kind, occurred_at, recorded_at, data, is_void))
    return found


def _given(ids: Sequence[int]) -> Mapping[int, list[Given]]:
    found: dict[int, list[Given]] = defaultdict(list)
    for case_id, at, staff_id, team_id in db.session.execute(
            sa.select(Assignment.case_id, Assignment.assigned_at, Assignment.staff_id, Assignment.team_id)
            .where(Assignment.case_id.in_(ids)).order_by(Assignment.case_id, Assignment.assigned_at, Assignment.id)):
        found[case_id].append(Given(at, staff_id, team_id))
    return found


SORTED = (Act.CASE_TRIAGED.value, Act.CASE_TYPE_CHANGED.value)  # what may make a case another sort of case


def _triaged(streams: Mapping[str, int]) -> Mapping[int, list[tuple[Triaged, Mapping[str, Any]]]]:
    """What each triage, and each change of mind after it, changed, as the trail tells it: no other place knows what a case was before."""
    found: dict[int, list[tuple[Triaged, Mapping[str, Any]]]] = defaultdict(list)
    for stream, recorded_at, body in db.session.execute(
            sa.select(AuditEntry.stream, AuditEntry.recorded_at, AuditEntry.body)
            .where(AuditEntry.stream.in_(list(streams)), AuditEntry.act.in_(SORTED)).order_by(AuditEntry.id)):
        said = json.loads(body)
        change, facts = said.get("change", {}), said.get("facts", {})
        after = {name: pair[1] for name, pair in change.items()}
        found[streams[stream]].append(
            (Triaged(recorded_at, after.get("case_type"), after.get("severity"), facts.get("is_danger_now")), change))
    return found


def _activity(streams: Mapping[str, int]) -> Mapping[int, list[datetime]]:
    """When people did something on a case: what a machine did breaks no silence."""
    found: dict[int, list[datetime]] = defaultdict(list)
    for stream, recorded_at in db.session.execute(
            sa.select(AuditEntry.stream, AuditEntry.recorded_at)
            .where(AuditEntry.stream.in_(list(streams)), AuditEntry.actor_uid.not_like(f"{HUMAN}%")).order_by(AuditEntry.id)):
        found[streams[stream]].append(recorded_at)
    return found


# --- the policies ---


def rules_as_they_were() -> tuple[RuleInForce, ...]:
    """Every version of every rule, with the time in which it planned."""
    return tuple(replace(_rule(row), since=row.effective_at, until=row.retired_at)
                 for row in db.session.scalars(sa.select(RuleVersion).join(RuleVersion.rule).order_by(RuleVersion.id)))


def rules_today() -> tuple[RuleInForce, ...]:
    """The versions that plan now, as if they always had."""
    query = sa.select(RuleVersion).join(RuleVersion.rule).where(RuleVersion.retired_at.is_(None), EscalationRule.is_active)
    return tuple(_rule(row) for row in db.session.scalars(query.order_by(RuleVersion.id)))


def rules_by_id(ids: Iterable[int]) -> tuple[RuleInForce, ...]:
    """These versions, as if they always had been in force."""
    query = sa.select(RuleVersion).where(RuleVersion.id.in_(set(ids))).order_by(RuleVersion.id)
    return tuple(_rule(row) for row in db.session.scalars(query))


def policy_today() -> PolicySpec:
    """What is in force: each case under what it is pinned to, the rules as they are now."""
    return PolicySpec(_pinned_packs(), _pinned_calendars(), rules_today())


def policy_as_it_was() -> PolicySpec:
    """What was in force at each moment: replaying it gives what happened."""
    return replace(policy_today(), rules=rules_as_they_were())


def policy_drafted(draft: Draft, today: PolicySpec) -> PolicySpec:
    """Today's policy with what the draft changes; a drafted pack takes the place of every version of it."""
    found = dict(today.packs)
    if draft.pack_text.strip():
        text = read_pack_text(draft.pack_text)
        found |= {key: text for key in found if key[0] == text.code}
    changed: dict[int, Pack] = {}
    for key, pack in found.items():
        changed.setdefault(id(pack), with_changes(pack, draft.targets))
        found[key] = changed[id(pack)]
    return PolicySpec(found, _drafted_calendars(draft, today), _drafted_rules(draft, today.rules))


def _drafted_calendars(draft: Draft, today: PolicySpec) -> Mapping[tuple[str, str, str], CalendarSpec]:
    found = dict(today.calendars)
    if draft.calendar_uid:
        row = _drafted_calendar(draft.calendar_uid)
        found |= {key: _spec_of(row, key[2]) for key in found if key[0] == row.code}
    if draft.closed:
        found |= {key: spec.closed_on(draft.closed.days, is_public=draft.closed.is_public) for key, spec in found.items()
                  if key[0] == draft.closed.calendar}
    return found


def asks_the_trail(*specs: PolicySpec) -> tuple[bool, bool]:
    """Whether a rule looks at what only the trail remembers: silence (when people did something), and what triage changed."""
    versions = [rule.version for spec in specs for rule in spec.rules]
    return (any(version.trigger.kind is TriggerKind.NO_ACTIVITY for version in versions),
            any(version.conditions != Conditions(targets=version.conditions.targets) for version in versions))


def _drafted_rules(draft: Draft, rules: tuple[RuleInForce, ...]) -> tuple[RuleInForce, ...]:
    known = {rule.code: rule for rule in rules}
    for number, change in enumerate(draft.rules):
        was = known.pop(change.code, None)
        if change.draft is not None:
            wanted = change.draft
            version = VersionFacts(DRAFTED - number, was.version.rule_id if was else DRAFTED - number, wanted.level, wanted.trigger,
                                   wanted.conditions)
            known[change.code or f"draft-{number}"] = RuleInForce(version, change.code or f"draft-{number}", wanted.name, wanted.actions)
    return rules if not draft.rules else tuple(known.values())


def _rule(row: RuleVersion) -> RuleInForce:
    version = VersionFacts(row.id, row.rule_id, row.level, Trigger.from_json(row.trigger), Conditions.from_json(row.conditions))
    return RuleInForce(version, row.rule.code, row.rule.name, Actions.from_json(row.actions), is_active=row.rule.is_active)


def _pinned_packs() -> Mapping[tuple[str, str], Pack]:
    before = sa.select(RebaseItem.pack, RebaseItem.pack_from).where(RebaseItem.pack != "", RebaseItem.note == "")
    keys: Iterable[Any] = db.session.execute(sa.select(SlaPin.pack, SlaPin.pack_version).union(before))
    return {(code, version): packs.pack(code, version) for code, version in keys}


def _pinned_calendars() -> Mapping[tuple[str, str, str], CalendarSpec]:
    before = sa.select(RebaseItem.calendar, RebaseItem.calendar_from, SlaPin.zone).join(
        SlaPin, sa.and_(SlaPin.case_id == RebaseItem.case_id, SlaPin.calendar == RebaseItem.calendar)).where(RebaseItem.note == "")
    keys: Iterable[Any] = db.session.execute(sa.select(SlaPin.calendar, SlaPin.calendar_version, SlaPin.zone).union(before))
    return {(code, version, zone): _calendar_spec(code, version, zone) for code, version, zone in keys}


def _calendar_spec(code: str, version: str, zone: str) -> CalendarSpec:
    if code in PUBLIC_CALENDARS and version in ("", table_version()):
        return CalendarSpec(code, zone)
    try:
        return _spec_of(calendars.version(code, version), zone)
    except NotFound:
        return CalendarSpec(code, zone)  # of an earlier library, never kept: as the library has it now


def _spec_of(row: CalendarRow, zone: str) -> CalendarSpec:
    kept = KeptDays(row.base, *row.years, tuple(sorted(row.days)))
    return CalendarSpec(row.code, zone, tuple(sorted(row.hours.items())), kept, closures=frozenset(row.closures))


def _drafted_calendar(uid: str) -> CalendarRow:
    row = db.session.scalar(sa.select(CalendarVersion).where(CalendarVersion.uid == uid))
    if row is None:
        raise NotFound("The drafted calendar is not here any more: it was thrown away.", field="calendar_uid")
    return calendars.row_of(row)
