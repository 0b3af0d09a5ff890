"""What the case page shows, as frozen rows: the case whole, and each thing that hangs on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from ticketing.audit.rules import EntryRow
from ticketing.cases.rules import CorrectionState, Countable, Gap, Move, NoteKind, StatementState, Status, TaskKind, number_within
from ticketing.cases.rules.erasing import ErasureGround, ErasureState
from ticketing.codes.rules import (
    BreachReason,
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
from ticketing.core.permissions import Compartment
from ticketing.packs.rules import Question
from ticketing.sla.rules import DayLine, State


@dataclass(frozen=True, slots=True)
class PersonView:
    """Somebody the case is about, or who brings it."""

    name: str
    preferred_name: str
    date_of_birth: date | None
    record_number: str
    email: str
    phone: str
    address: str
    language: str
    is_interpreter_needed: bool
    format_needs: str
    safe_contact: str
    has_died: bool

    @property
    def called(self) -> str:
        return self.preferred_name or self.name


@dataclass(frozen=True, slots=True)
class PointView:
    """A point of complaint."""

    position: int
    text: str
    unit: str
    unit_code: str
    finding: Finding | None
    reason: str
    remedy: str
    compartment: Compartment | None = None

    @property
    def number(self) -> int:
        """As people read it: sealed points count by themselves."""
        return number_within(self.position)


@dataclass(frozen=True, slots=True)
class TimerView:
    """A timer as the server reckons it now.  `share` is the part of its time that is used, 0 to 1, None without a due moment."""

    pack: str
    target: str
    title: str
    cycle: int
    subject: str
    occurrence: int
    state: State
    started_at: datetime | None
    due_at: datetime | None
    due: str
    left: str
    share: float | None
    clause: str
    force: str
    why: str
    met_at: datetime | None
    held_since: datetime | None
    if_released: str
    first_due: str
    is_day_unit: bool
    on_breach: str
    breach_reason: BreachReason | None
    account: tuple[DayLine, ...] = ()


@dataclass(frozen=True, slots=True)
class PackView:
    """A policy pack that the case runs under."""

    code: str
    name: str
    version: str
    is_main: bool


@dataclass(frozen=True, slots=True)
class NoteView:
    """A note, call or contact."""

    kind: NoteKind
    text: str
    written_at: datetime
    author: str
    compartment: Compartment | None = None


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task or call-back of the case."""

    uid: str
    kind: TaskKind
    title: str
    about: str
    due_at: datetime
    assignee: str
    done_at: datetime | None
    outcome: str
    compartment: Compartment | None = None


@dataclass(frozen=True, slots=True)
class StatementView:
    """A statement request of the case, with its answer once given."""

    uid: str
    staff: str
    staff_uid: str
    points: tuple[int, ...]
    questions: str
    records: str
    minutes: int
    state: StatementState
    asked_at: datetime
    asked_by: str
    answer: str
    answered_at: datetime | None
    is_identified: bool = False
    compartment: Compartment | None = None


@dataclass(frozen=True, slots=True)
class HoldView:
    """A hold, running or past."""

    reason: HoldReason
    note: str
    from_at: datetime
    until_at: datetime | None


@dataclass(frozen=True, slots=True)
class ResponseView:
    """One version of the response."""

    cycle: int
    number: int
    text: str
    drafted_at: datetime
    drafter: str
    drafter_id: int | None
    reviewer: str
    reviewed_at: datetime | None
    signatory: str
    signed_at: datetime | None
    sent_at: datetime | None
    sent_by: ContactMethod | None


@dataclass(frozen=True, slots=True)
class AssignmentView:
    """Who had it from when."""

    staff: str
    team: str
    note: str
    assigned_at: datetime
    assigned_by: str


@dataclass(frozen=True, slots=True)
class DeclarationView:
    """Whether somebody said they have a conflict of interest, and which."""

    staff: str
    has_conflict: bool
    words: str
    declared_at: datetime


@dataclass(frozen=True, slots=True)
class CorrectionView:
    """A receipt correction, asked or decided."""

    uid: str
    old_at: datetime
    new_at: datetime
    reason: str
    state: CorrectionState
    asked_at: datetime
    asked_by: str
    is_mine: bool
    decided_by: str
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReaderView:
    """Somebody on the list of a confidential case."""

    uid: str
    name: str


@dataclass(frozen=True, slots=True)
class ClassificationView:
    """The newest answers of the present cycle and the row of the table they met; `proposed` is empty while it cannot decide."""

    pack_name: str
    answers: tuple[tuple[str, bool], ...]
    to_ask: tuple[str, ...]
    proposed: str
    proposed_label: str
    sentence: str
    evidence: str
    source: str
    is_verified: bool
    classified_at: datetime
    classified_by: str
    decided_label: str
    why: str

    @property
    def is_overridden(self) -> bool:
        return bool(self.decided_label) and self.decided_label != self.proposed_label


@dataclass(frozen=True, slots=True)
class ErasureView:
    """An erasure, asked or decided."""

    uid: str
    ground: ErasureGround
    why: str
    state: ErasureState
    asked_at: datetime
    asked_by: str
    is_mine: bool
    decided_at: datetime | None
    decided_by: str
    decided_why: str
    value_count: int
    person_count: int
    has_files_left: bool


@dataclass(frozen=True, slots=True)
class SealedView:
    """A compartment of which the reader is a member, with the trail of what it holds of this case."""

    compartment: Compartment
    entries: tuple[EntryRow, ...]


@dataclass(frozen=True, slots=True)
class MoveView:
    """An action as the page offers it: possible now, or what is missing first; pending guards wait for later rooms."""

    move: Move
    missing: tuple[str, ...]
    pending: tuple[str, ...]

    @property
    def is_possible(self) -> bool:
        return not self.missing


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case, whole; of its trail the newest 50 entries."""

    reference: str
    version: int
    status: Status
    is_open: bool
    cycle: int
    case_type: CaseType
    channel: Channel
    site: str
    site_code: str
    zone: str
    unit: str
    unit_code: str
    pack: str
    is_pack_confirmed: bool
    received_at: datetime
    team_received_at: datetime
    logged_at: datetime
    happened_on: date | None
    received_by: str
    not_known: frozenset[str]
    gaps: tuple[Gap, ...]
    declarations: tuple[DeclarationView, ...]
    my_declaration: bool | None
    complainant: PersonView | None
    patient: PersonView | None
    is_patient_speaking: bool
    relationship: Relationship
    is_anonymous: bool
    consent_status: ConsentStatus
    has_agreed_to_email: bool
    narrative: str
    outcome_sought: str
    severity: Severity | None
    priority: int
    is_risk_answered: bool
    is_danger_now: bool
    is_safeguarding: bool
    is_inpatient: bool
    handler: str
    handler_uid: str
    is_mine: bool
    team: str
    team_code: str
    acknowledged_at: datetime | None
    acknowledgement_method: ContactMethod | None
    is_discussion_offered: bool
    response_due_on: date | None
    response_sent_at: datetime | None
    closed_at: datetime | None
    outcome: Outcome | None
    closing_note: str
    hold_reason: HoldReason | None
    held_since: datetime | None
    open_statements: int
    points: tuple[PointView, ...]
    packs: tuple[PackView, ...]
    timers: tuple[TimerView, ...]
    notes: tuple[NoteView, ...]
    tasks: tuple[TaskView, ...]
    statements: tuple[StatementView, ...]
    holds: tuple[HoldView, ...]
    responses: tuple[ResponseView, ...]
    assignments: tuple[AssignmentView, ...]
    corrections: tuple[CorrectionView, ...]
    subjects: tuple[str, ...]
    entries: tuple[EntryRow, ...]
    moves: tuple[MoveView, ...]
    is_confidential: bool = False
    readers: tuple[ReaderView, ...] = ()
    sealed: tuple[SealedView, ...] = ()
    is_behind_glass: bool = False
    erased_at: datetime | None = None
    has_legal_hold: bool = False
    erasures: tuple[ErasureView, ...] = ()
    questions: tuple[Question, ...] = ()  # what its main pack asks to tell what sort of case it is; a draft has no pack yet
    classification: ClassificationView | None = None
    countables: tuple[Countable, ...] = ()  # what its laws count and no step of its own records

    @property
    def waiting_erasure(self) -> ErasureView | None:
        return next((item for item in self.erasures if item.state is ErasureState.ASKED), None)

    @property
    def response(self) -> ResponseView | None:
        """The latest version of the present cycle."""
        return next((item for item in reversed(self.responses) if item.cycle == self.cycle), None)

    @property
    def current_timers(self) -> tuple[TimerView, ...]:
        return tuple(timer for timer in self.timers if timer.cycle == self.cycle and timer.state is not State.NOT_APPLICABLE)

    @property
    def lapsed_timers(self) -> tuple[TimerView, ...]:
        """Missed targets that nobody has explained yet."""
        return tuple(timer for timer in self.timers if timer.state is State.BREACHED and timer.breach_reason is None)
