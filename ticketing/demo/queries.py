"""What the demo hospital's commands ask: its stories, whether it is there, and what is due next."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import sqlalchemy as sa

from ticketing.accounts.models import Staff
from ticketing.cases.models import Case, StatementRequest, Task
from ticketing.cases.rules import StatementState, Status
from ticketing.codes.models import Site, Unit
from ticketing.core.database import db
from ticketing.demo.rules import Library, read_library
from ticketing.demo.rules.hospital import FIRST_SITE, SIGN_INS, STAFF
from ticketing.firings.models import Firing
from ticketing.firings.rules import FiringState
from ticketing.outbox.models import OutboxMessage
from ticketing.sla.models import Timer
from ticketing.sla.rules import State

STORIES = Path(__file__).parent / "data" / "stories.toml"


@dataclass(frozen=True, slots=True)
class SignIn:
    """Somebody to try the demo as."""

    role: str
    name: str
    email: str


@lru_cache(maxsize=1)
def library() -> Library:
    """The stories, read once."""
    return read_library(tomllib.loads(STORIES.read_text(encoding="utf-8")))


def is_here() -> bool:
    """Whether this database holds the demo hospital."""
    return db.session.scalar(sa.select(Site.id).where(Site.code == FIRST_SITE)) is not None


def is_empty() -> bool:
    """Whether nobody has used this database yet."""
    return not any(db.session.scalar(sa.select(table.id).limit(1)) for table in (Site, Staff, Case))


def case_count() -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(Case)) or 0


@dataclass(frozen=True, slots=True)
class InHand:
    """An open case that somebody has."""

    reference: str
    handler_id: int


def case_in_hand(unit_code: str) -> InHand | None:
    """The case of a unit that came last and is being looked into."""
    row = db.session.execute(
        sa.select(Case.reference, Case.handler_id).join(Unit, Unit.id == Case.unit_id)
        .where(Unit.code == unit_code, Case.handler_id.is_not(None), Case.status == Status.INVESTIGATION)
        .order_by(Case.received_at.desc(), Case.id.desc()).limit(1)).first()
    return InHand(row.reference, row.handler_id) if row is not None else None


def sign_ins() -> tuple[SignIn, ...]:
    by_key = {person.key: person for person in STAFF}
    return tuple(SignIn(key, by_key[key].name, by_key[key].email) for key in SIGN_INS)


def version_of(reference: str) -> int:
    """The version of a case as it is now."""
    return db.session.scalars(sa.select(Case.version).where(Case.reference == reference)).one()


def next_wake() -> datetime | None:
    """The earliest moment at which a planned step or a waiting message is due."""
    firing = db.session.scalar(sa.select(sa.func.min(Firing.fire_at)).where(Firing.state == FiringState.PLANNED))
    message = db.session.scalar(sa.select(sa.func.min(OutboxMessage.next_attempt_at)))
    return min((moment for moment in (firing, message) if moment is not None), default=None)


def open_requests(reference: str) -> tuple[str, ...]:
    """Uids of the statement requests of a case that wait for an answer, oldest first."""
    return tuple(db.session.scalars(
        sa.select(StatementRequest.uid).join(Case, Case.id == StatementRequest.case_id)
        .where(Case.reference == reference, StatementRequest.state == StatementState.OPEN).order_by(StatementRequest.id)))


def unexplained(reference: str) -> tuple[tuple[str, str], ...]:
    """(target, subject) of the missed targets of a case that nobody has given a reason for."""
    return tuple((row.target, row.subject) for row in db.session.execute(
        sa.select(Timer.target, Timer.subject).join(Case, Case.id == Timer.case_id)
        .where(Case.reference == reference, Timer.state == State.BREACHED, Timer.breach_reason.is_(None)).distinct()
        .order_by(Timer.target, Timer.subject)))


def open_tasks(reference: str, prefix: str = "") -> tuple[str, ...]:
    """Uids of the tasks of a case that are not done and whose title begins so."""
    return tuple(db.session.scalars(
        sa.select(Task.uid).join(Case, Case.id == Task.case_id)
        .where(Case.reference == reference, Task.done_at.is_(None), Task.title.startswith(prefix, autoescape=True)).order_by(Task.id)))
