"""A case and what hangs on it: points of complaint, notes, tasks, statements, holds, responses and corrections."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ticketing.cases.rules import AttachmentState, CorrectionState, NoteKind, StatementState, Status, TaskKind
from ticketing.cases.rules.erasing import ErasureGround, ErasureState
from ticketing.codes.rules import (
    CaseType,
    Channel,
    ConsentStatus,
    ContactMethod,
    Finding,
    HoldReason,
    Outcome,
    Relationship,
    Severity,
)
from ticketing.core.database import Model
from ticketing.core.permissions import Compartment


class Case(Model):
    """One concern on its way to resolution.

    `received_at` is receipt by anyone in the organisation (starts the clocks), `team_received_at` by the team.  `queue_at` sorts the
    worklist: the next due moment, or the far future where none runs; with `next_due_at`, `next_target` and `is_breached` it is kept
    by the verbs from the timers.
    """

    __tablename__ = "cases"
    __table_args__ = (
        CheckConstraint("is_anonymous OR complainant_id IS NOT NULL", name="someone_or_anonymous"),
        Index("ix_cases_open_handler", "handler_id", "queue_at", "id", sqlite_where=text("is_open"), postgresql_where=text("is_open")),
        Index("ix_cases_open_team", "team_id", "queue_at", "id", sqlite_where=text("is_open"), postgresql_where=text("is_open")),
        Index("ix_cases_open_queue", "queue_at", "id", sqlite_where=text("is_open"), postgresql_where=text("is_open")),
        Index("ix_cases_open_unit", "unit_id", "queue_at", "id", sqlite_where=text("is_open"), postgresql_where=text("is_open")),
        Index("ix_cases_open_recorder", "recorded_by_id", sqlite_where=text("is_open"), postgresql_where=text("is_open")),
        Index("ix_cases_ended", "closed_at", "id", sqlite_where=text("NOT is_open"), postgresql_where=text("NOT is_open")),
        Index("ix_cases_received_at", "received_at", "id"),
        Index("ix_cases_response_sent_at", "response_sent_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(String(20), unique=True)
    source_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    version: Mapped[int] = mapped_column(default=1)
    status: Mapped[Status]
    is_open: Mapped[bool] = mapped_column(default=True)
    cycle: Mapped[int] = mapped_column(default=1)
    case_type: Mapped[CaseType]
    channel: Mapped[Channel]
    site_id: Mapped[int] = mapped_column(ForeignKey("sites.id"))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    pack: Mapped[str] = mapped_column(String(40))
    is_pack_confirmed: Mapped[bool] = mapped_column(default=False)

    received_at: Mapped[datetime]
    team_received_at: Mapped[datetime]
    logged_at: Mapped[datetime]
    last_activity_at: Mapped[datetime]
    happened_on: Mapped[date | None]
    received_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    received_by: Mapped[str] = mapped_column(default="")  # where it was nobody with an account
    not_known: Mapped[list[str]] = mapped_column(default=list)  # gaps (rules/gaps.py) that were asked about, and nobody knows

    complainant_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    patient_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"), index=True)
    relationship_to_patient: Mapped[Relationship] = mapped_column(default=Relationship.UNKNOWN)
    is_anonymous: Mapped[bool] = mapped_column(default=False)
    consent_status: Mapped[ConsentStatus] = mapped_column(default=ConsentStatus.UNKNOWN)
    has_agreed_to_email: Mapped[bool] = mapped_column(default=False)

    narrative: Mapped[str]
    outcome_sought: Mapped[str] = mapped_column(default="")
    severity: Mapped[Severity | None]
    priority: Mapped[int] = mapped_column(default=0)  # 0 usual, 1 raised, 2 urgent
    is_risk_answered: Mapped[bool] = mapped_column(default=False)
    is_danger_now: Mapped[bool] = mapped_column(default=False)
    is_safeguarding: Mapped[bool] = mapped_column(default=False)
    is_inpatient: Mapped[bool] = mapped_column(default=False)

    handler_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id"))
    recorded_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    is_confidential: Mapped[bool] = mapped_column(default=False)
    has_legal_hold: Mapped[bool] = mapped_column(default=False)  # nothing of it may be erased
    erased_at: Mapped[datetime | None]

    acknowledged_at: Mapped[datetime | None]
    acknowledgement_method: Mapped[ContactMethod | None]
    is_discussion_offered: Mapped[bool] = mapped_column(default=False)
    response_due_on: Mapped[date | None]
    response_sent_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    outcome: Mapped[Outcome | None]
    closing_note: Mapped[str] = mapped_column(default="")

    hold_reason: Mapped[HoldReason | None]
    held_since: Mapped[datetime | None]
    open_statements: Mapped[int] = mapped_column(default=0)
    next_target: Mapped[str | None] = mapped_column(String(40))
    next_pack: Mapped[str | None] = mapped_column(String(40))
    next_subject: Mapped[str | None] = mapped_column(String(32))
    next_occurrence: Mapped[int | None]
    next_due_at: Mapped[datetime | None]
    queue_at: Mapped[datetime]
    is_breached: Mapped[bool] = mapped_column(default=False)

    points: Mapped[list[Point]] = relationship(order_by="Point.position", lazy="select")


class Point(Model):
    """One point of complaint, in the complainant's words, with its own finding."""

    __tablename__ = "points"
    __table_args__ = (UniqueConstraint("case_id", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    position: Mapped[int]
    text: Mapped[str]
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    compartment: Mapped[Compartment | None]
    finding: Mapped[Finding | None]
    reason: Mapped[str] = mapped_column(default="")
    remedy: Mapped[str] = mapped_column(default="")


class CaseReader(Model):
    """Somebody on the list of a confidential case: nobody else sees it."""

    __tablename__ = "case_readers"
    __table_args__ = (UniqueConstraint("case_id", "staff_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)


class CaseCompartment(Model):
    """A compartment that holds something of this case: its members see the case as well as that."""

    __tablename__ = "case_compartments"
    __table_args__ = (UniqueConstraint("case_id", "compartment"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    compartment: Mapped[Compartment] = mapped_column(index=True)


class CaseSubject(Model):
    """A member of staff the concern is about: kept out of the case but for the points put to them."""

    __tablename__ = "case_subjects"
    __table_args__ = (UniqueConstraint("case_id", "staff_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)


class Attachment(Model):
    """A file on a case.  `stored_as` is its key in the store, None once it is deleted; `name` is only ever shown."""

    __tablename__ = "attachments"
    __table_args__ = (
        Index("ix_attachments_state", "state", sqlite_where=text("state <> 'clean'"), postgresql_where=text("state <> 'clean'")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    compartment: Mapped[Compartment | None]
    name: Mapped[str]
    media_type: Mapped[str] = mapped_column(String(120))
    size: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    stored_as: Mapped[str | None] = mapped_column(String(32), unique=True)
    state: Mapped[AttachmentState]
    finding: Mapped[str] = mapped_column(default="")
    about: Mapped[str] = mapped_column(default="")
    added_at: Mapped[datetime]
    added_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    is_from_complainant: Mapped[bool] = mapped_column(default=False)


class Declaration(Model):
    """Whether somebody has a conflict of interest in a case, as they said when they took it or were asked; the latest counts."""

    __tablename__ = "declarations"
    __table_args__ = (Index("ix_declarations_case_id_staff_id", "case_id", "staff_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    has_conflict: Mapped[bool]
    words: Mapped[str] = mapped_column(default="")
    declared_at: Mapped[datetime]


class Classification(Model):
    """What the policy pack's table made of a concern on which answers, and what a person decided; the latest of a cycle counts."""

    __tablename__ = "classifications"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    cycle: Mapped[int]
    pack: Mapped[str] = mapped_column(String(40))
    pack_version: Mapped[str] = mapped_column(String(40))
    answers: Mapped[dict[str, Any]]
    ruling: Mapped[str] = mapped_column(String(60))
    proposed: Mapped[str] = mapped_column(String(40))
    classified_at: Mapped[datetime]
    classified_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    decided: Mapped[CaseType | None]
    why: Mapped[str] = mapped_column(default="")
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))


class Assignment(Model):
    """Who had the case from when, given by whom, with the hand-over note."""

    __tablename__ = "assignments"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id"))
    note: Mapped[str] = mapped_column(default="")
    assigned_at: Mapped[datetime]
    assigned_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))


class Note(Model):
    """What an officer wrote down: a note, a call, a contact with the complainant."""

    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    compartment: Mapped[Compartment | None]
    kind: Mapped[NoteKind]
    text: Mapped[str]
    written_at: Mapped[datetime]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))


class Task(Model):
    """Something to do, or a call-back promised, by a moment, by a person or a team."""

    __tablename__ = "tasks"
    __table_args__ = (
        Index("ix_tasks_open_assignee", "assignee_id", "due_at", sqlite_where=text("done_at IS NULL"),
              postgresql_where=text("done_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    compartment: Mapped[Compartment | None]
    kind: Mapped[TaskKind]
    title: Mapped[str]
    about: Mapped[str] = mapped_column(default="")  # "target:subject" of a breached target whose reason is asked for
    due_at: Mapped[datetime]
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id"))
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    done_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    outcome: Mapped[str] = mapped_column(default="")


class StatementRequest(Model):
    """Named points put to a clinician, with the questions and where to look; has its own timer (subject = `uid`)."""

    __tablename__ = "statement_requests"
    __table_args__ = (Index("ix_statement_requests_staff_id_state", "staff_id", "state"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    cycle: Mapped[int]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    compartment: Mapped[Compartment | None]
    is_identified: Mapped[bool] = mapped_column(default=False)
    questions: Mapped[str]
    records: Mapped[str] = mapped_column(default="")
    minutes: Mapped[int] = mapped_column(default=15)
    state: Mapped[StatementState] = mapped_column(default=StatementState.OPEN)
    asked_at: Mapped[datetime]
    draft: Mapped[str] = mapped_column(default="")
    answer: Mapped[str] = mapped_column(default="")
    answered_at: Mapped[datetime | None]

    points: Mapped[list[Point]] = relationship(secondary="statement_points", order_by="Point.position", lazy="select")


class StatementPoint(Model):
    """Which points a statement request is about."""

    __tablename__ = "statement_points"

    request_id: Mapped[int] = mapped_column(ForeignKey("statement_requests.id"), primary_key=True)
    point_id: Mapped[int] = mapped_column(ForeignKey("points.id"), primary_key=True)


class Hold(Model):
    """The case waited from `from_at` to `until_at` for a reason; each timer reads it under its own rule."""

    __tablename__ = "holds"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    cycle: Mapped[int]
    reason: Mapped[HoldReason]
    note: Mapped[str] = mapped_column(default="")
    from_at: Mapped[datetime]
    until_at: Mapped[datetime | None]


class ResponseVersion(Model):
    """One version of the written response of one cycle; the last one is reviewed, signed and sent.

    `set_aside_at`: its writer turned out to be named in the concern, or to manage somebody who is; it is kept and never sent.
    """

    __tablename__ = "response_versions"
    __table_args__ = (UniqueConstraint("case_id", "cycle", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    cycle: Mapped[int]
    number: Mapped[int]
    text: Mapped[str]
    drafted_at: Mapped[datetime]
    drafter_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    reviewed_at: Mapped[datetime | None]
    reviewer_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    signed_at: Mapped[datetime | None]
    signatory_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    sent_at: Mapped[datetime | None]
    sent_by: Mapped[ContactMethod | None]
    set_aside_at: Mapped[datetime | None]


class ReceiptCorrection(Model):
    """A receipt date to be moved: one person asks and says why, another decides; the old moment is kept."""

    __tablename__ = "receipt_corrections"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    old_at: Mapped[datetime]
    new_at: Mapped[datetime]
    reason: Mapped[str]
    state: Mapped[CorrectionState] = mapped_column(default=CorrectionState.ASKED)
    asked_at: Mapped[datetime]
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))


class Erasure(Model):
    """What a case holds of people, to be destroyed: one person asks, another decides; `files_left` still lie in the store."""

    __tablename__ = "erasures"
    __table_args__ = (Index("ix_erasures_files_left", "id", sqlite_where=text("has_files_left"), postgresql_where=text("has_files_left")),)

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), index=True)
    ground: Mapped[ErasureGround]
    why: Mapped[str]
    state: Mapped[ErasureState] = mapped_column(default=ErasureState.ASKED)
    asked_at: Mapped[datetime]
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    decided_why: Mapped[str] = mapped_column(default="")
    value_count: Mapped[int] = mapped_column(default=0)
    person_count: Mapped[int] = mapped_column(default=0)
    files_left: Mapped[list[str]] = mapped_column(default=list)
    has_files_left: Mapped[bool] = mapped_column(default=False)


class Rebase(Model):
    """Bringing open cases under other versions of their pack or calendar: asked once with a reason, worked in batches."""

    __tablename__ = "rebases"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    reason: Mapped[str]
    asked_at: Mapped[datetime]
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    finished_at: Mapped[datetime | None]


class RebaseItem(Model):
    """One case of a rebase: from which versions to which.  An empty code means that the pack, or the calendar, stays as it is."""

    __tablename__ = "rebase_items"
    __table_args__ = (
        UniqueConstraint("rebase_id", "case_id"),
        Index("ix_rebase_items_waiting", "rebase_id", "id", sqlite_where=text("done_at IS NULL"), postgresql_where=text("done_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    rebase_id: Mapped[int] = mapped_column(ForeignKey("rebases.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    pack: Mapped[str] = mapped_column(String(40), default="")
    pack_from: Mapped[str] = mapped_column(String(40), default="")
    pack_to: Mapped[str] = mapped_column(String(40), default="")
    calendar: Mapped[str] = mapped_column(String(40), default="")
    calendar_from: Mapped[str] = mapped_column(String(60), default="")
    calendar_to: Mapped[str] = mapped_column(String(60), default="")
    done_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(default="")  # why nothing was changed, where nothing was


class History(Model):
    """An old system that cases were brought in from: its zone, and the figures that its mapping asks for."""

    __tablename__ = "histories"

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(120), unique=True)
    zone: Mapped[str] = mapped_column(String(64))
    figures: Mapped[dict[str, Any]]  # {"asked": [...]}, as the mapping has them
    imported_at: Mapped[datetime]


class PastRecord(Model):
    """What an old system said of a case: its moments exactly as told, and what was kept of its rows."""

    __tablename__ = "past_records"

    id: Mapped[int] = mapped_column(primary_key=True)
    history_id: Mapped[int] = mapped_column(ForeignKey("histories.id"), index=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), unique=True)
    opened_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    held_seconds: Mapped[int] = mapped_column(default=0)
    said: Mapped[dict[str, Any]]
