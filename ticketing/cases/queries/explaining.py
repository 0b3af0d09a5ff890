"""Why this date?  One timer with its account, the law and versions behind it, and who held or moved it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from ticketing.audit.models import AuditEntry
from ticketing.audit.queries import entries_where
from ticketing.audit.rules import Act, EntryRow, case_stream
from ticketing.calendars import queries as calendars
from ticketing.cases.models import Case
from ticketing.cases.queries.case import find_case, timer_view
from ticketing.cases.queries.case_rows import TimerView
from ticketing.codes import queries as codes
from ticketing.codes.rules import ContactMethod, HoldReason
from ticketing.core.database import db
from ticketing.core.errors import NotFound
from ticketing.core.permissions import Actor
from ticketing.packs import queries as packs
from ticketing.packs.rules.telling import amount_words, force_words
from ticketing.sla import queries as sla
from ticketing.sla.queries import PinRow
from ticketing.sla.rules import Reckoning, due_phrase

MOST = 400
TOLD: dict[Act, str] = {
    Act.CASE_HELD: "Put on hold", Act.CASE_RELEASED: "Hold ended", Act.CASE_PERIOD_AGREED: "Date agreed or told",
    Act.CASE_EXTENDED: "New date agreed or told", Act.CASE_INTERIM_SENT: "Holding letter sent",
    Act.CASE_RECEIPT_CORRECTED: "Receipt date corrected", Act.CASE_REOPENED: "Reopened", Act.CASE_REBASED: "Brought under other rules",
    Act.CASE_EVENT_RECORDED: "Recorded for the law", Act.CASE_PACK_ADDED: "Put under one more policy pack",
    Act.CASE_ACKNOWLEDGED: "Acknowledged", Act.CASE_RESPONSE_SENT: "Response sent",
}


@dataclass(frozen=True, slots=True)
class Said:
    """Something that moved, held or answered the clock: when, by whom, and in whose words."""

    at: datetime
    what: str
    who: str
    why: str
    detail: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything behind one due date, as an ombudsman would ask for it."""

    reference: str
    zone: str
    site: str
    timer: TimerView
    time: str
    force: str
    clause: str
    source: str
    is_verified: bool
    pack: str
    pack_name: str
    pack_version: str
    pack_effective_from: date
    calendar: str
    calendar_title: str
    calendar_version: str
    first_due: str
    agreed_on: date | None
    agreement: Said | None
    if_released: str
    occurrences: int
    said: tuple[Said, ...]


def explain_timer(
    reference: str, target: str, actor: Actor, *, at: datetime, cycle: int | None = None, subject: str = "", occurrence: int | None = None,
    pack: str = "",
) -> Explanation:
    """One timer explained; the main pack, the present cycle and the latest occurrence unless told.  NotFound where there is none."""
    case = find_case(reference, actor)
    return _explained(case, target, at=at, cycle=cycle or case.cycle, subject=subject, occurrence=occurrence, pack=pack)


def explain_statement(case_id: int, uid: str, *, at: datetime) -> Explanation:
    """The timer of one statement request, for whoever the request was put to; the caller has made sure that they may read it."""
    case = _case(case_id)
    target = next((item.target.value for item in sla.reckonings_of(case_id, at=at) if item.subject == uid), "")
    return _explained(case, target, at=at, cycle=None, subject=uid, occurrence=None, pack="", with_people=False)


def explain_for_complainant(case_id: int, target: str, pack: str, *, at: datetime) -> Explanation:
    """A timer for the complainant's own eyes: the days and the law, without the names and words of staff."""
    return _explained(_case(case_id), target, at=at, cycle=None, subject="", occurrence=None, pack=pack, with_people=False)


def _case(case_id: int) -> Case:
    return db.session.get_one(Case, case_id)


def _explained(
    case: Case, target: str, *, at: datetime, cycle: int | None, subject: str, occurrence: int | None, pack: str, with_people: bool = True,
) -> Explanation:
    cycle = cycle or case.cycle
    pins = {row.pinned.pack: row for row in sla.pins_of(case.id) if row.cycle == cycle}
    runs = [item for item in sla.reckonings_of(case.id, at=at)
            if item.target == target and item.subject == subject and item.cycle == cycle and item.pack in pins and pack in ("", item.pack)]
    wanted = [item for item in runs if item.pack == runs[0].pack and occurrence in (None, item.occurrence)]
    if not wanted:
        raise NotFound("This case has no such target.")
    said = _said(case) if with_people else ()
    return _told(case, wanted[-1], pins[wanted[-1].pack], said, len({item.occurrence for item in runs}), at)


def _told(case: Case, item: Reckoning, pin: PinRow, said: tuple[Said, ...], occurrences: int, at: datetime) -> Explanation:
    site, pinned, rule = codes.site_by_id(case.site_id), pin.pinned, item.rule
    calendar = calendars.version_or_public(pinned.calendar, pinned.calendar_version)
    moved = item.first_due_at is not None and item.first_due_at != item.due_at
    dated = [line for line in said if line.what in (TOLD[Act.CASE_PERIOD_AGREED], TOLD[Act.CASE_EXTENDED])]
    return Explanation(
        reference=case.reference, zone=pinned.zone, site=site.name, timer=timer_view(item, pinned.zone, at, None, with_account=True),
        time=amount_words(rule), force=force_words(rule.legal_force), clause=rule.clause, source=rule.source, is_verified=rule.verified,
        pack=pinned.pack, pack_name=pin.name, pack_version=pinned.pack_version,
        pack_effective_from=packs.pack(pinned.pack, pinned.pack_version).effective_from, calendar=pinned.calendar,
        calendar_title=calendar.title, calendar_version=pinned.calendar_version,
        first_due=due_phrase(item.first_due_at, item.unit, pinned.zone) if moved else "", agreed_on=item.agreed_on,
        agreement=dated[-1] if dated and item.agreed_on else None,
        if_released=due_phrase(item.due_if_released_at, item.unit, pinned.zone) if item.due_if_released_at else "",
        occurrences=occurrences, said=said)


def _said(case: Case) -> tuple[Said, ...]:
    """What the trail tells of holds, agreed dates, corrections and rebases, oldest first."""
    rows = entries_where([AuditEntry.stream == case_stream(case.reference), AuditEntry.act.in_([act.value for act in TOLD])], limit=MOST)
    return tuple(_line(row) for _, row in reversed(rows))


def _line(row: EntryRow) -> Said:
    return Said(row.occurred_at, TOLD[Act(row.act)], row.actor_name, row.why, _detail(row))


def _detail(row: EntryRow) -> str:
    facts, change = row.facts, row.change
    if "reason" in facts:
        reason = str(facts["reason"])
        return HoldReason(reason).label if reason in set(HoldReason) else reason.replace("_", " ")
    if "response_due" in change:
        method = str(facts.get("method") or "")
        parts = [f"by {date.fromisoformat(str(change['response_due'][1])):%a %d %b %Y}", row.private.get("agreed_with", ""),
                 ContactMethod(method).label.lower() if method in set(ContactMethod) else "",
                 "told, not agreed" if facts.get("is_agreed") is False else ""]
        return ", ".join(part for part in parts if part)
    if "follow_up_days" in facts:
        return f"an answer within {facts['follow_up_days']} days"
    versions = [f"{name.removesuffix('_version')} {pair[0]} to {pair[1]}" for name, pair in change.items() if name.endswith("_version")]
    return ", ".join(versions) or str(facts.get("pack") or "")
