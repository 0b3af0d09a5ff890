"""Reading what the sweep and its page need: timers under lock, what fired, to whom, and whether it was delivered."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

import sqlalchemy as sa

from ticketing.accounts import queries as accounts
from ticketing.accounts.models import Leave, Staff
from ticketing.cases.models import Case, StatementRequest
from ticketing.cases.queries import FiringContext, may_read, visible_to
from ticketing.cases.queries.visibility import is_named, not_in_conflict
from ticketing.cases.rules import StatementState
from ticketing.codes import queries as codes
from ticketing.codes.models import Site
from ticketing.core.database import among, db
from ticketing.core.errors import NotFound
from ticketing.core.paging import COUNT_CAP, PAGE_SIZE, Count, Page, decode_moment_key, encode_key
from ticketing.core.permissions import Actor
from ticketing.core.references import is_uid
from ticketing.escalation.queries.reaching import Circle, Reached
from ticketing.escalation.rules import SOON, Shown, TimerFacts
from ticketing.escalation.rules.duty import next_level
from ticketing.firings import queries as ladder
from ticketing.firings.models import EscalationRule, Firing, Replanning, RuleVersion
from ticketing.firings.queries import DueRow, RuleRow, VersionRow
from ticketing.firings.rules import Actions, Cause, FiringState, RuleDraft, describe, key_of, target_noun
from ticketing.outbox import queries as outbox
from ticketing.outbox.models import OutboxMessage
from ticketing.outbox.queries import MessageRow
from ticketing.outbox.rules import MessageState
from ticketing.packs import queries as packs
from ticketing.packs.rules import TargetCode, Unit
from ticketing.sla.models import SlaPin, Timer
from ticketing.sla.rules import State, due_phrase

TimerKey = tuple[int, int, str]
COLUMNS: tuple[Any, ...] = (
    Firing.id, Firing.uid, Firing.fire_at, Firing.fired_at, Firing.due_at, Firing.state, Firing.cause, Firing.is_late, Firing.note,
    Firing.told, Firing.answer_by_at, Firing.acknowledged_at, Firing.acknowledged_by, Firing.timer_key, Firing.occurrence,
    RuleVersion.version, RuleVersion.level, EscalationRule.code, EscalationRule.name,
    Case.reference, Case.pack, Site.name.label("site_name"), Site.zone, Firing.cycle, SlaPin.pack.label("timer_pack"),
    SlaPin.pack_version,
)
OUTSIDE = frozenset({"escalation_outside", "webhook"})
STUCK = (MessageState.FAILED, MessageState.DEAD, MessageState.WITHHELD)


@dataclass(frozen=True, slots=True)
class Filters:
    """What the list is narrowed to; empty leaves everything in."""

    target: str = ""
    rule: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class TellingRow:
    """One person told by a step, and how their mail stands (None: nothing was queued)."""

    name: str
    message: MessageRow | None

    @property
    def is_delivered(self) -> bool:
        return self.message is not None and self.message.is_delivered


@dataclass(frozen=True, slots=True)
class FiringRow:
    """One step as the page shows it; moments are read in `zone`."""

    uid: str
    reference: str
    site_name: str
    zone: str
    rule_code: str
    rule_name: str
    version: int
    level: int
    target: str
    pack: str
    cycle: int
    subject: str
    occurrence: str
    due: str
    fire_at: datetime
    fired_at: datetime | None
    state: FiringState
    cause: Cause
    is_late: bool
    note: str
    can_be_tried: bool
    answer_by_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str
    told_uids: tuple[str, ...]
    tellings: tuple[TellingRow, ...]

    @property
    def about(self) -> str:
        """What it was about: "acknowledgement", or "the case" for rules without a timer."""
        return target_noun(self.target).capitalize() if self.target else "The case itself"

    @property
    def delivered(self) -> tuple[TellingRow, ...]:
        return tuple(item for item in self.tellings if item.is_delivered)

    @property
    def underway(self) -> tuple[TellingRow, ...]:
        """Those whose mail has not left, or never will."""
        return tuple(item for item in self.tellings if not item.is_delivered)

    @property
    def is_trouble(self) -> bool:
        return self.state is FiringState.FAILED or any(item.message is not None and item.message.is_stuck for item in self.tellings)


@dataclass(frozen=True, slots=True)
class VersionWords:
    """One version of a rule as a sentence."""

    version: int
    sentence: str
    effective_at: datetime
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class RuleWords:
    """A rule as people read it: its sentence, how many steps wait under it, and, on its own page, its history."""

    code: str
    name: str
    level: int
    is_active: bool
    sentence: str
    planned: int
    newest: VersionRow
    emails: tuple[str, ...] = ()
    versions: tuple[VersionWords, ...] = ()


def rules_in_words() -> tuple[RuleWords, ...]:
    """Every rule, those in force first, from the lowest rung up."""
    found = ladder.rules()
    names = _names_in([row.newest.draft for row in found])
    return tuple(_in_words(row, names) for row in found)


def rule_in_words(code: str) -> RuleWords:
    """One rule with its history, newest version first; raises NotFound."""
    row, versions = ladder.rule(code), ladder.versions(code)
    names = _names_in([item.draft for item in versions])
    uids = row.newest.draft.actions.staff_uids
    emails = db.session.scalars(sa.select(Staff.email).where(Staff.uid.in_(uids)).order_by(Staff.name)).all() if uids else ()
    told = tuple(VersionWords(item.version, describe(item.draft, names), item.effective_at, item.retired_at) for item in versions)
    return replace(_in_words(row, names), emails=tuple(emails), versions=told)


def _in_words(row: RuleRow, names: Mapping[str, str]) -> RuleWords:
    draft = row.newest.draft
    return RuleWords(row.code, row.name, draft.level, row.is_active, describe(draft, names), row.planned, row.newest)


def _names_in(drafts: Sequence[RuleDraft]) -> Mapping[str, str]:
    """The names of everything that these rules point at."""
    sites = {f"site:{row.id}": row.name for row in codes.sites(is_active=None)}
    teams = {f"team:{row.id}": row.name for row in accounts.teams(is_active=None)}
    staff = accounts.names_by_uid({uid for draft in drafts for uid in draft.actions.staff_uids})
    return {**sites, **teams, **{f"staff:{uid}": name for uid, name in staff.items()}}


def timers_of(case_ids: Collection[int]) -> Mapping[TimerKey, TimerFacts]:
    """Every stored timer of these cases by (case, cycle, key); one query."""
    rows = db.session.execute(
        sa.select(Timer.case_id, Timer.cycle, Timer.pack, Timer.target, Timer.subject, Timer.occurrence, Timer.state, Timer.due_at,
                  Timer.met_at)
        .where(among(Timer.case_id, case_ids)))
    return {(row.case_id, row.cycle, key_of(row.target, row.subject, row.occurrence, row.pack)):
            TimerFacts(row.state, row.due_at, row.met_at) for row in rows}


def is_anything_due(at: datetime) -> bool:
    """Whether a sweep at `at` would find anything to do; one statement, a look at the first entry of one index for each kind of work.

    The states are written into the statement: a plan made for any state could not use an index of one.
    """
    running: Any = sa.bindparam(None, State.RUNNING.value, literal_execute=True)
    planned: Any = sa.bindparam(None, FiringState.PLANNED.value, literal_execute=True)
    first = (
        sa.select(sa.func.min(Timer.due_at)).where(Timer.state == running, Timer.met_at.is_(None)),
        sa.select(sa.func.min(Firing.fire_at)).where(Firing.state == planned),
        sa.select(sa.func.min(Firing.answer_by_at)).where(Firing.answer_by_at.is_not(None)),
        sa.select(sa.func.min(Replanning.asked_at)).where(Replanning.finished_at.is_(None)))
    moments = db.session.execute(sa.select(*(each.scalar_subquery() for each in first))).one()
    return any(moment is not None and moment <= at for moment in moments)


def authors_of(uids: Collection[str]) -> Mapping[str, int]:
    """Who was asked for these statements, by the request's uid; those still open."""
    open_ones = sa.select(StatementRequest.uid, StatementRequest.staff_id).where(
        StatementRequest.uid.in_(uids), StatementRequest.state == StatementState.OPEN)
    return {row.uid: row.staff_id for row in db.session.execute(open_ones)} if uids else {}


def why_withhold(message: MessageRow, *, at: datetime) -> str | None:
    """Why a mail may not go to this member of staff now; None if it may.  Of others, what the ladder sends outside is judged."""
    if message.staff_uid is None:
        return _why_not_outside(message, at) if message.kind in OUTSIDE else None
    try:
        staff = accounts.staff_by_uid(message.staff_uid)
    except NotFound:
        return "The account is gone."
    if not staff.is_active:
        return "The account was closed."
    is_outside = message.compartment is not None and message.compartment not in staff.compartments
    if message.case_reference is None:
        return None
    if not is_outside and may_read(message.case_reference, accounts.actor_now(staff, at=at, has_glass=False)):
        return None
    return None if _is_asked(message.case_reference, staff.id) else "They may not see this case."


def _why_not_outside(message: MessageRow, at: datetime) -> str | None:
    """Nothing about a confidential case leaves the hospital, and an address that is of a member of staff is judged as theirs."""
    reference = message.case_reference or ""
    if db.session.scalar(sa.select(Case.is_confidential).where(Case.reference == reference)):
        return "The case is confidential: nothing about it is told outside."
    try:
        staff = accounts.staff_by_email(message.recipient_email) if message.recipient_email else None
    except NotFound:
        staff = None
    is_seen = staff is None or may_read(reference, accounts.actor_now(staff, at=at, has_glass=False))
    return None if is_seen else "They may not see this case."


def firings(shown: Shown, filters: Filters, actor: Actor, at: datetime, *, after: str | None = None) -> Page[FiringRow]:
    """A page of steps on cases that `actor` may see.  Raises Invalid for a broken key."""
    is_ahead = shown is Shown.PLANNED
    moment = Firing.fire_at if is_ahead else Firing.fired_at
    query = _narrowed(shown, filters, actor, at)
    if after is not None:
        last_at, last_id = decode_moment_key(after)
        beyond = moment > last_at if is_ahead else moment < last_at
        next_id = Firing.id > last_id if is_ahead else Firing.id < last_id
        query = query.where(sa.or_(beyond, sa.and_(moment == last_at, next_id)))
    order = (moment, Firing.id) if is_ahead else (moment.desc(), Firing.id.desc())
    found = db.session.execute(query.order_by(*order).limit(PAGE_SIZE + 1)).all()
    page = found[:PAGE_SIZE]
    last = page[-1] if page else None
    key = encode_key(last.fire_at if is_ahead else last.fired_at, last.id) if last is not None and len(found) > PAGE_SIZE else None
    return Page(_rows(page), next=key)


def counts(filters: Filters, actor: Actor, at: datetime) -> Mapping[Shown, Count]:
    """How many steps each tab holds."""
    parts = [_narrowed(shown, filters, actor, at).with_only_columns(Firing.id).limit(COUNT_CAP + 1).subquery() for shown in Shown]
    row = db.session.execute(sa.select(*(sa.select(sa.func.count()).select_from(part).scalar_subquery() for part in parts))).one()
    return {shown: Count.of(number) for shown, number in zip(Shown, row, strict=True)}


def firings_of(reference: str, actor: Actor) -> tuple[FiringRow, ...]:
    """Every step of one case, the next or latest first."""
    query = _joined().where(Case.reference == reference, visible_to(actor)).order_by(Firing.fire_at.desc(), Firing.id.desc())
    return _rows(db.session.execute(query.limit(COUNT_CAP)).all())


def _is_asked(reference: str, staff_id: int) -> bool:
    query = sa.select(Case.id).where(Case.reference == reference, Case.id.in_(_asked_of(staff_id)))
    return db.session.scalar(query) is not None


def _asked_of(staff_id: int) -> sa.Select[Any]:
    """Cases on which a statement was asked of them, or of somebody for whom they stand in (whenever: the mail is theirs).

    Not those in which somebody who reports to them is named, unless they are named themselves and asked.
    """
    covered = sa.select(Leave.staff_id).where(Leave.deputy_id == staff_id)
    own = sa.and_(StatementRequest.staff_id == staff_id, sa.or_(is_named(staff_id), not_in_conflict(staff_id)))
    query: Any = sa.select(StatementRequest.case_id).join(Case, Case.id == StatementRequest.case_id).where(
        StatementRequest.state != StatementState.WITHDRAWN,
        sa.or_(own, sa.and_(StatementRequest.staff_id.in_(covered), not_in_conflict(staff_id))))
    return cast(sa.Select[Any], query)


def _joined() -> sa.Select[Any]:
    query: Any = sa.select(*COLUMNS).select_from(Firing).join(RuleVersion, RuleVersion.id == Firing.rule_version_id)
    query = query.join(EscalationRule, EscalationRule.id == RuleVersion.rule_id).join(Case, Case.id == Firing.case_id)
    query = query.join(Site, Site.id == Case.site_id).outerjoin(SlaPin, sa.and_(
        SlaPin.case_id == Firing.case_id, SlaPin.cycle == Firing.cycle, Firing.timer_key.endswith(sa.literal("@") + SlaPin.pack)))
    return cast(sa.Select[Any], query)


def _narrowed(shown: Shown, filters: Filters, actor: Actor, at: datetime) -> sa.Select[Any]:
    query = _joined().where(visible_to(actor), *_condition(shown, at))
    if filters.target:
        query = query.where(Firing.timer_key.startswith(f"{filters.target}/", autoescape=True))
    if filters.rule:
        query = query.where(EscalationRule.code == filters.rule)
    if filters.reference:
        query = query.where(Case.reference == filters.reference)
    return query


def _condition(shown: Shown, at: datetime) -> Sequence[sa.ColumnElement[bool]]:
    if shown is Shown.PLANNED:
        return (Firing.state == FiringState.PLANNED, Firing.fire_at <= at + SOON)
    if shown is Shown.FAILED:
        return (Firing.state == FiringState.FAILED,)
    if shown is Shown.UNDELIVERED:
        stuck = sa.exists().where(
            OutboxMessage.case_reference == Case.reference, OutboxMessage.state.in_(STUCK),
            OutboxMessage.dedup_key.startswith(sa.literal("firing:") + Firing.uid))
        return (Firing.state == FiringState.FIRED, stuck)
    return (Firing.state == FiringState.FIRED,)


def _rows(found: Sequence[Any]) -> tuple[FiringRow, ...]:
    names = accounts.names_by_uid([uid for row in found for uid in row.told])
    messages = outbox.deliveries_of([dedup_key(row.uid, uid) for row in found for uid in row.told])
    return tuple(_row(row, names, messages) for row in found)


def _row(row: Any, names: Mapping[str, str], messages: Mapping[str, MessageRow]) -> FiringRow:
    target, subject, occurrence = row.timer_key.partition("@")[0].split("/") if row.timer_key.count("/") == 2 else ("", "", "")
    tellings = tuple(TellingRow(_name(told, names), messages.get(dedup_key(row.uid, told))) for told in row.told)
    return FiringRow(
        uid=row.uid, reference=row.reference, site_name=row.site_name, zone=row.zone, rule_code=row.code, rule_name=row.name,
        version=row.version, level=row.level, target=target, cycle=row.cycle, subject=subject, occurrence=occurrence,
        pack=row.timer_pack or "",
        due=due_words(row.timer_pack or row.pack, target, row.due_at, row.zone, row.pack_version or "") if target else "",
        fire_at=row.fire_at, fired_at=row.fired_at, state=row.state, cause=row.cause, is_late=row.is_late, note=row.note,
        can_be_tried=row.state is FiringState.FAILED, answer_by_at=row.answer_by_at, acknowledged_at=row.acknowledged_at,
        acknowledged_by=names.get(row.acknowledged_by or "", "Somebody who has left"), told_uids=tuple(row.told), tellings=tellings)


def _name(told: str, names: Mapping[str, str]) -> str:
    """Of a member of staff; an address outside is its own name."""
    return names.get(told) or (told if "@" in told or "/" in told else "Somebody who has left")


def notice_for(uid: str, actor: Actor) -> FiringRow:
    """A step that told `actor`, on a case they may still see or were asked about; NotFound for everybody else."""
    mine = sa.or_(visible_to(actor), Case.id.in_(_asked_of(actor.staff_id or 0)))
    row = db.session.execute(_joined().where(Firing.uid == uid, mine)).first() if is_uid(uid) else None
    if row is None or actor.uid not in row.told:
        raise NotFound("There is nothing here for you to acknowledge.")
    return _rows([row])[0]


def is_seen(uid: str, actor: Actor) -> bool:
    """Whether there is such a step on a case that `actor` may see."""
    query = sa.select(Firing.id).join(Case, Case.id == Firing.case_id).where(Firing.uid == uid, visible_to(actor))
    return is_uid(uid) and db.session.scalar(query) is not None


def next_to_tell(row: DueRow, case: FiringContext, circle: Circle, *, at: datetime) -> tuple[int, tuple[Reached, ...]]:
    """Whom a notice rises to that nobody acknowledged, and how many levels that makes; nobody above the top.

    A level where everybody was told already is passed over.
    """
    level = row.moved_up
    while (part := next_level(row.actions, level)) is not None:
        level += 1
        found = circle.reached(Actions(notify=(part,)), case, None, at=at)
        fresh = tuple(one for one in found if one.person.uid not in row.told)
        if fresh:
            return level, fresh
    return level, ()


@lru_cache(maxsize=500)
def is_statutory(pack: str, target: str) -> bool:
    """Whether law set the date of a target; False for what has none."""
    found = [item for item in packs.pack(pack, "").targets if item.code.value == target] if target else []
    return bool(found) and found[0].legal_force.is_statutory


def dedup_key(firing_uid: str, staff_uid: str) -> str:
    """At most one mail a person for each step."""
    return f"firing:{firing_uid}:{staff_uid}"


def due_words(pack: str, target: str, due_at: datetime, zone: str, version: str = "") -> str:
    """ "by the end of Wed 30 Dec 2026", in the unit of the pack's version (the shipped one unless told)."""
    units = {item.code: item.unit for item in packs.pack(pack, version).targets}
    return due_phrase(due_at, units.get(TargetCode(target), Unit.HOURS), zone)
