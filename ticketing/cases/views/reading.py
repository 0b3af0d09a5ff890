"""How a case reads on its page: the stages it passes and its trail day by day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import groupby

from ticketing.audit.rules import Act, EntryRow, summary
from ticketing.cases.queries import CaseView
from ticketing.cases.rules import Status
from ticketing.core import clock
from ticketing.web.filters import clock_time, day, iso, moment, plural

STAGES: tuple[tuple[str, frozenset[Status]], ...] = (
    ("Received", frozenset({Status.DRAFT, Status.RECEIVED})),
    ("Triage", frozenset({Status.TRIAGE})),
    ("Acknowledged", frozenset({Status.ACKNOWLEDGED, Status.SCOPING})),
    ("Investigation", frozenset({Status.EARLY_RESOLUTION, Status.INVESTIGATION, Status.REOPENED})),
    ("Response", frozenset({Status.RESPONSE_DRAFTING, Status.QUALITY_REVIEW, Status.AWAITING_SIGNOFF})),
    ("Sent", frozenset({Status.RESPONSE_SENT, Status.MEETING_OFFERED, Status.OMBUDSMAN_REVIEW})),
    ("Closed", frozenset({Status.CLOSED})),
)
LOOKS: dict[Act, tuple[str, str]] = {
    Act.CASE_RECEIVED: ("inbox", "info"),
    Act.CASE_IMPORTED: ("upload", "info"),
    Act.CASE_TRIAGED: ("funnel", "info"),
    Act.CASE_CLASSIFIED: ("clipboard-check", "info"),
    Act.CASE_TYPE_CHANGED: ("funnel", "warn"),
    Act.CASE_ACKNOWLEDGED: ("envelope", "good"),
    Act.CASE_STATUS_MOVED: ("arrow-right", "brand"),
    Act.CASE_ASSIGNED: ("person-check", "neutral"),
    Act.CASE_TAKEN: ("person-check", "neutral"),
    Act.CASE_HANDED_OVER: ("people", "neutral"),
    Act.CASE_NOTE_ADDED: ("journal-text", "neutral"),
    Act.CASE_TASK_ADDED: ("clipboard-check", "neutral"),
    Act.CASE_TASK_DONE: ("check-lg", "good"),
    Act.CASE_CALL_BACK_ADDED: ("telephone", "neutral"),
    Act.CASE_FINDING_RECORDED: ("search", "brand"),
    Act.CASE_STATEMENT_ASKED: ("question-circle", "brand"),
    Act.CASE_STATEMENT_GIVEN: ("chat-left-text", "good"),
    Act.CASE_STATEMENT_DECLINED: ("slash-circle", "warn"),
    Act.CASE_HELD: ("pause-circle", "held"),
    Act.CASE_RELEASED: ("play-circle", "held"),
    Act.CASE_PERIOD_AGREED: ("calendar-event", "info"),
    Act.CASE_EXTENDED: ("calendar-event", "warn"),
    Act.CASE_PROGRESS_SENT: ("send", "good"),
    Act.CASE_INTERIM_SENT: ("send", "info"),
    Act.CASE_EVENT_RECORDED: ("journal-text", "info"),
    Act.CASE_RESPONSE_DRAFTED: ("pencil", "brand"),
    Act.CASE_RESPONSE_REVIEWED: ("clipboard-check", "brand"),
    Act.CASE_RESPONSE_SIGNED: ("pencil", "good"),
    Act.CASE_RESPONSE_SENT: ("send", "good"),
    Act.CASE_REOPENED: ("arrow-counterclockwise", "warn"),
    Act.CASE_CLOSED: ("check-circle", "good"),
    Act.CASE_ERASED: ("slash-circle", "held"),
    Act.CASE_LEGAL_HOLD_PLACED: ("lock", "held"),
    Act.CASE_BREACHED: ("exclamation-triangle", "bad"),
    Act.CASE_ESCALATED: ("bell", "warn"),
    Act.CASE_ESCALATION_FAILED: ("bell", "bad"),
    Act.CASE_PRIORITY_RAISED: ("flag", "warn"),
    Act.CASE_SUBJECT_NAMED: ("lock", "warn"),
    Act.CASE_RECUSED: ("lock", "warn"),
    Act.CASE_READERS_SET: ("lock", "warn"),
    Act.GLASS_BROKEN: ("exclamation-octagon", "bad"),
    Act.GLASS_ENDED: ("check-circle", "neutral"),
}
# What somebody typed that reads well under its entry; longer things have a place of their own on the page.
SPOKEN = ("text", "questions", "outcome", "title", "remedy")


@dataclass(frozen=True, slots=True)
class EntryLine:
    """One entry of the trail as a person reads it."""

    summary: str
    time: str
    iso: str
    icon: str
    tone: str
    late: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the trail, newest entry first."""

    words: str
    entries: tuple[EntryLine, ...]


def stages_of(case: CaseView) -> tuple[tuple[str, str], ...]:
    """The stages with where this case stands: done, current, ahead; or skipped where it ended another way."""
    place = next((number for number, (_, statuses) in enumerate(STAGES) if case.status in statuses), None)
    if place is None:
        passed = tuple((words, "skipped" if number else "done") for number, (words, _) in enumerate(STAGES[:-1]))
        return (*passed, (case.status.label, "current"))
    return tuple(
        (words, "done" if number < place else "current" if number == place else "ahead") for number, (words, _) in enumerate(STAGES))


def days_of(entries: Iterable[EntryRow], zone: str) -> tuple[Day, ...]:
    """A stretch of the trail, day by day at the site, newest first."""
    days = groupby(entries, lambda entry: day(entry.recorded_at, zone))
    return tuple(Day(words, tuple(_line(entry, zone) for entry in group)) for words, group in days)


def lines_since(case: CaseView, seen: int) -> tuple[EntryLine, ...]:
    """What happened after the entry somebody saw last."""
    return tuple(_line(entry, case.zone) for entry in case.entries if entry.seq > seen)


def left_until(due_at: datetime, at: datetime, zone: str) -> str:
    """How far off a due moment is, as people say it: "in 2 h 5 min", "today", "tomorrow", "in 3 days", "2 days overdue"."""
    last = clock.local(due_at - timedelta(microseconds=1), zone)  # a day's target ends with the midnight after it
    days = (last.date() - clock.day_of(at, zone)).days
    if due_at <= at:
        return "overdue today" if days == 0 else f"{plural(-days, 'day')} overdue"
    is_end_of_day = clock.local(due_at, zone).time() == time()
    if days == 0 and not is_end_of_day:
        hours, minutes = divmod((due_at - at) // timedelta(minutes=1), 60)
        return f"in {hours} h {minutes} min" if hours else f"in {minutes} min"
    return ("today", "tomorrow")[days] if days < 2 else f"in {days} days"


def _line(entry: EntryRow, zone: str) -> EntryLine:
    icon, tone = LOOKS.get(Act(entry.act), ("journal-text", "neutral"))
    happened = moment(entry.occurred_at, zone)
    late = f"It happened {happened}" if happened != moment(entry.recorded_at, zone) else ""
    said = (entry.why, *(entry.private.get(name, "") for name in SPOKEN))
    words = tuple(dict.fromkeys(text for text in said if text))
    return EntryLine(summary(entry), clock_time(entry.recorded_at, zone), iso(entry.recorded_at), icon, tone, late, words)
