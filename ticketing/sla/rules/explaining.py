"""explain: why a date is what it is, for events typed at a prompt; needs no case and no database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from ticketing.calendars.rules import find_zone, first_instant_of, named_calendar, table_version
from ticketing.core.errors import Invalid
from ticketing.packs.rules import EventKind, load
from ticketing.sla.rules.events import Event, Facts, numbered
from ticketing.sla.rules.phrases import due_phrase, left_phrase
from ticketing.sla.rules.reckoned import Reckoning
from ticketing.sla.rules.reckoning import reckon_all

UNPLACED = datetime(1, 1, 2, tzinfo=UTC)      # an agreed date given without the day it was agreed on
WITH_SUBJECT = frozenset({
    EventKind.STATEMENT_ASKED, EventKind.STATEMENT_GIVEN, EventKind.STATEMENT_ENDED, EventKind.REVIEW_ASKED, EventKind.REVIEW_ANSWERED,
    EventKind.REGULATOR_ASKED, EventKind.REGULATOR_ANSWERED})
YEARS = range(1900, 2201)
SPELLING = "Write it as kind=when, for example received=2026-12-24T10:00 or period_agreed=2026-12-01@2027-01-29."


def ask(pack_code: str, event_texts: Sequence[str], *, at_text: str | None, site_zone: str | None, now: datetime,
        facts: Facts = Facts()) -> dict[str, Any]:
    """The answer to `sla explain` as typed.  Without `at_text` the moment is `now`, or the last event if that is later."""
    pack = load(pack_code)
    zone = find_zone(site_zone or pack.timezone).key
    events = placed([parse_event(text, zone) for text in event_texts])
    for event in events:
        pack.event(event.kind)
    at = parse_moment(at_text, zone, "--at") if at_text else max([now, *(event.at for event in events)])
    return explain(pack_code, events, at=at, site_zone=zone, facts=facts)


def parse_event(text: str, zone: str) -> Event:
    """An event from `kind=when` or `kind=when@what`.

    `when` is an ISO date-time with an offset, one without (taken in `zone`), or a date (its first instant at the site).  `what` is
    the due day of an agreed period or an extension, the number of days of an interim notice, the reason of a hold or an end, or the
    name of a statement request.  `period_agreed=2027-01-29` alone is the due day itself.  Invalid says what cannot be read.
    """
    name, equals, value = text.partition("=")
    when, _, what = value.partition("@")
    if not equals or not when.strip():
        raise Invalid(f"“{text}” is not an event. {SPELLING}")
    kind = _kind(name.strip())
    if kind in (EventKind.PERIOD_AGREED, EventKind.EXTENDED):
        moment = parse_moment(when, zone, name) if what else UNPLACED
        due_on = _day(what or when, zone, name)
        return Event(kind, moment, data={"due_on": due_on.isoformat()})
    moment = parse_moment(when, zone, name)
    if kind in WITH_SUBJECT:
        return Event(kind, moment, subject=what.strip() or "1")
    return Event(kind, moment, data=_data(kind, what.strip(), text))


def parse_moment(text: str, zone: str, name: str) -> datetime:
    """An aware moment from an ISO date-time or date; a missing offset is the site's."""
    given = text.strip()
    try:
        day = date.fromisoformat(given[:10])
        if day.year not in YEARS:
            raise Invalid(f"“{text}” ({name}) is too far away. Use a year from {YEARS[0]} to {YEARS[-1]}.")
        if len(given) <= 10:
            return first_instant_of(day, zone)
        moment = datetime.fromisoformat(given)
        return (moment if moment.tzinfo else moment.replace(tzinfo=find_zone(zone))).astimezone(UTC)
    except ValueError:
        raise Invalid(f"“{text}” ({name}) is not a date or time. Use 2026-12-24, 2026-12-24T10:00 or 2026-12-24T10:00+00:00.") from None


def explain(pack_code: str, events: Sequence[Event], *, at: datetime, site_zone: str | None = None,
            facts: Facts = Facts()) -> dict[str, Any]:
    """Every target of a pack for these events at a moment, as plain data for JSON."""
    pack = load(pack_code)
    zone = find_zone(site_zone or pack.timezone).key
    ordered = numbered(events)
    for event in ordered:
        pack.event(event.kind)
    calendar = named_calendar(pack.holidays, zone)
    known = {kind.code for kind in pack.case_types}
    if facts.case_type and facts.case_type not in known:
        raise Invalid(f"The pack {pack.code} has no case type “{facts.case_type}”. It has: {', '.join(sorted(known))}.")
    return {
        "pack": pack.code,
        "version": pack.version,
        "site_zone": zone,
        "holidays": f"{pack.holidays} {table_version()}",
        "at": at.astimezone(UTC).isoformat(),
        "events": {word.code.value: word.sentence for word in pack.events},
        "targets": [_as_data(each, zone) for each in reckon_all(pack, ordered, calendar, at=at, zone=zone, facts=facts)],
    }


def as_text(answer: Mapping[str, Any]) -> str:
    """The answer of `explain` for people."""
    lines = [f"{answer['pack']} {answer['version']}, {answer['site_zone']}, at {answer['at']}", f"Holidays: {answer['holidays']}"]
    for target in answer["targets"]:
        due = f", {target['due']}" if target["due_at"] else ""
        moved = target["due_at"] and target["first_due_at"] not in (None, target["due_at"])
        lines += ["", f"{target['target']}: {target['state']}{due}", f"  {target['clause']}"]
        lines += [f"  before it was moved: {target['first_due']}"] if moved else []
        lines += [f"  {sentence}" for sentence in (target["left_in_words"], target["why"]) if sentence]
        lines += [f"  {line['on']}  {'+' if line['counted'] else ' '}  {line['why']}" for line in target["account"]]
    return "\n".join(lines) + "\n"


def _as_data(reckoning: Reckoning, zone: str) -> dict[str, Any]:
    return {
        "target": reckoning.target.value,
        "pack": reckoning.pack,
        "title": reckoning.rule.title,
        "cycle": reckoning.cycle,
        "subject": reckoning.subject,
        "occurrence": reckoning.occurrence,
        "state": reckoning.state.value,
        "started_at": _iso(reckoning.started_at),
        "due_at": _iso(reckoning.due_at),
        "due": due_phrase(reckoning.due_at, reckoning.unit, zone),
        "first_due_at": _iso(reckoning.first_due_at),
        "first_due": due_phrase(reckoning.first_due_at, reckoning.unit, zone),
        "agreed_on": reckoning.agreed_on.isoformat() if reckoning.agreed_on else None,
        "duty_if_missed": reckoning.rule.on_breach,
        "met_at": _iso(reckoning.met_at),
        "breached_at": _iso(reckoning.breached_at),
        "held_since": _iso(reckoning.held_since),
        "due_if_released_at": _iso(reckoning.due_if_released_at),
        "unit": reckoning.unit.value,
        "amount": reckoning.rule.amount,
        "left_in_words": left_phrase(reckoning, zone),
        "why": reckoning.why_null or reckoning.why,
        "legal_force": reckoning.rule.legal_force.value,
        "clause": reckoning.clause,
        "verified": reckoning.rule.verified,
        "account": [{"on": line.on.isoformat(), "counted": line.counted, "why": line.why} for line in reckoning.account],
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None


def _kind(name: str) -> EventKind:
    try:
        return EventKind(name)
    except ValueError:
        raise Invalid(f"There is no event called “{name}”. Known events: {', '.join(EventKind)}.") from None


def _day(text: str, zone: str, name: str) -> date:
    return parse_moment(text, zone, name).astimezone(find_zone(zone)).date()


def _data(kind: EventKind, what: str, text: str) -> dict[str, Any]:
    if not what:
        return {"names_days": True} if kind is EventKind.INTERIM_SENT else {}
    if kind is EventKind.INTERIM_SENT:
        if not (what.isascii() and what.isdigit() and len(what) <= 4 and int(what) > 0):
            raise Invalid(f"“{text}”: after the @ an interim notice names a number of days, for example interim_sent=2026-12-30@14.")
        return {"follow_up_days": int(what)}
    if kind in (EventKind.HELD, EventKind.RELEASED, EventKind.ENDED):
        return {"reason": what}
    raise Invalid(f"“{text}”: {kind} takes nothing after an @. {SPELLING}")


def placed(events: list[Event]) -> list[Event]:
    """Agreed dates given alone happened with the event before them on the line, else with the first that has a moment."""
    known = [event.at for event in events if event.at != UNPLACED]
    if not known and events:
        raise Invalid("Say when the concern was received, for example received=2026-12-24T10:00.")
    before, placed = min(known, default=UNPLACED), []
    for event in events:
        before = before if event.at == UNPLACED else event.at
        placed.append(replace(event, at=before))
    return placed
