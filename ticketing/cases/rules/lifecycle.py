"""The lifecycle as one table: what each status allows, to whom, under which guards; and how outcomes are derived."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ticketing.codes.rules import Code, ConsentStatus, Finding, Outcome, Severity
from ticketing.core.errors import Conflict, Forbidden
from ticketing.core.permissions import Actor, Permission


class Status(Code):
    """What is happening to the case (rules of practice; `awaiting consent` is an overlay, not a status)."""

    DRAFT = "draft", "Draft"
    RECEIVED = "received", "Received"
    TRIAGE = "triage", "Triage"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    SCOPING = "scoping", "Scoping"
    EARLY_RESOLUTION = "early_resolution", "Early resolution"
    INVESTIGATION = "investigation", "Investigation"
    RESPONSE_DRAFTING = "response_drafting", "Response drafting"
    QUALITY_REVIEW = "quality_review", "Quality review"
    AWAITING_SIGNOFF = "awaiting_signoff", "Awaiting sign-off"
    RESPONSE_SENT = "response_sent", "Response sent"
    MEETING_OFFERED = "meeting_offered", "Meeting offered"
    CLOSED = "closed", "Closed"
    REOPENED = "reopened", "Reopened"
    OMBUDSMAN_REVIEW = "ombudsman_review", "Ombudsman review"
    DISCARDED = "discarded", "Discarded draft"
    RESOLVED_INFORMAL = "resolved_informal", "Resolved informally"
    EXCLUDED = "excluded", "Excluded"
    WITHDRAWN = "withdrawn", "Withdrawn"
    TRANSFERRED = "transferred", "Transferred"
    DUPLICATE_MERGED = "duplicate_merged", "Merged as duplicate"
    CONSENT_NOT_RECEIVED = "consent_not_received", "Consent not received"
    NO_FURTHER_CONTACT = "no_further_contact", "No further contact"


SILENT = frozenset({  # nothing of such a case escalates; of one that is only closed, promises still do
    Status.DRAFT, Status.DISCARDED, Status.WITHDRAWN, Status.DUPLICATE_MERGED, Status.TRANSFERRED,
})
ENDED = frozenset({
    Status.CLOSED, Status.DISCARDED, Status.RESOLVED_INFORMAL, Status.EXCLUDED, Status.WITHDRAWN, Status.TRANSFERRED,
    Status.DUPLICATE_MERGED, Status.CONSENT_NOT_RECEIVED, Status.NO_FURTHER_CONTACT,
})
TERMINAL = ENDED - {Status.CLOSED, Status.DISCARDED}
IN_HAND = frozenset(Status) - ENDED - {Status.DRAFT, Status.OMBUDSMAN_REVIEW}
BEFORE_RESPONSE = IN_HAND - {Status.RESPONSE_SENT, Status.MEETING_OFFERED}


class Action(Code):
    """What a person may do to move a case on."""

    LOG = "log", "Log as received"
    DISCARD = "discard", "Discard draft"
    OPEN_TRIAGE = "open_triage", "Begin triage"
    SETTLE = "settle", "Settled on the spot"
    ACKNOWLEDGE = "acknowledge", "Record acknowledgement"
    SCOPE = "scope", "Agree points and response date"
    RESOLVE_EARLY = "resolve_early", "Try early resolution"
    INVESTIGATE = "investigate", "Begin investigation"
    CONFIRM_OUTCOME = "confirm_outcome", "Confirm the outcome in writing"
    DRAFT_RESPONSE = "draft_response", "Begin the response"
    SUBMIT_FOR_REVIEW = "submit_for_review", "Send for quality review"
    PASS_REVIEW = "pass_review", "Pass to sign-off"
    RETURN_DRAFT = "return_draft", "Return for changes"
    SIGN_AND_SEND = "sign_and_send", "Sign and send the response"
    OFFER_MEETING = "offer_meeting", "Offer a meeting"
    CLOSE = "close", "Close the case"
    REOPEN = "reopen", "Reopen"
    REFER_TO_OMBUDSMAN = "refer_to_ombudsman", "Ombudsman has asked for it"
    EXCLUDE = "exclude", "Not for this procedure"
    WITHDRAW = "withdraw", "Withdrawn by the complainant"
    TRANSFER = "transfer", "Transfer to another organisation"
    MERGE_AS_DUPLICATE = "merge_as_duplicate", "Merge as duplicate"
    END_WITHOUT_CONSENT = "end_without_consent", "Consent not received"
    END_CONTACT = "end_contact", "No further contact"


class NoteKind(Code):
    """What sort of entry a note is."""

    NOTE = "note", "Note"
    PHONE_CALL = "phone_call", "Phone call"
    CONTACT = "contact", "Update to the complainant"
    MEETING = "meeting", "Meeting"


class TaskKind(Code):
    """A thing to do, or a call-back somebody was promised."""

    TASK = "task", "Task"
    CALL_BACK = "call_back", "Call-back"


class StatementState(Code):
    """Where a statement request stands."""

    OPEN = "open", "Waiting for an answer"
    GIVEN = "given", "Answered"
    DECLINED = "declined", "Not for me"
    WITHDRAWN = "withdrawn", "No longer needed"


class AttachmentState(Code):
    """Where an attachment stands; only a clean one can be opened."""

    CLEAN = "clean", "Can be opened"
    WAITING = "waiting", "In quarantine until it is scanned"
    FOUND = "found", "In quarantine: the scanner found something"
    DELETED = "deleted", "Deleted"


class CorrectionState(Code):
    """Where a receipt correction stands."""

    ASKED = "asked", "Waiting for a second person"
    APPROVED = "approved", "Approved"
    REFUSED = "refused", "Refused"


@dataclass(frozen=True, slots=True)
class PointFacts:
    """What the guards need to know of one point."""

    position: int
    finding: Finding | None
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What the guards need to know of a case.  `drafter_id` wrote the latest version of the response, `drafter_ids` any version."""

    status: Status
    severity: Severity | None = None
    consent_status: ConsentStatus = ConsentStatus.UNKNOWN
    is_anonymous: bool = False
    is_risk_answered: bool = False
    is_pack_confirmed: bool = False
    has_acknowledgement: bool = False
    is_discussion_offered: bool = False
    is_period_agreed: bool = False
    points: tuple[PointFacts, ...] = ()
    is_outcome_asked: bool = False
    has_draft: bool = False
    is_reviewed: bool = False
    drafter_id: int | None = None
    drafter_ids: frozenset[int] = frozenset()
    subject_ids: frozenset[int] = frozenset()
    has_dispatch: bool = False
    open_statements: int = 0


@dataclass(frozen=True, slots=True)
class Guard:
    """A condition for a move, and the sentence that says what is missing; a pending one waits for its room."""

    code: str
    sentence: str
    holds: Callable[[CaseFacts, Actor], bool] | None

    @property
    def is_pending(self) -> bool:
        return self.holds is None


def pending(code: str, sentence: str) -> Guard:
    """A guard of the lifecycle whose room comes later: in the table, shown as pending, never refuses."""
    return Guard(code, sentence, None)


TYPE_AND_SEVERITY = Guard("severity", "Set the severity.", lambda case, _by: case.severity is not None)
CONSENT_SETTLED = Guard(
    "consent", "Say how consent stands.", lambda case, _by: case.is_anonymous or case.consent_status is not ConsentStatus.UNKNOWN)
RISK_ANSWERED = Guard("risk", "Answer the risk questions.", lambda case, _by: case.is_risk_answered)
PACK_CONFIRMED = Guard("pack", "Confirm which policy pack applies.", lambda case, _by: case.is_pack_confirmed)
ACKNOWLEDGED = Guard(
    "acknowledgement", "Record when and how it was acknowledged.", lambda case, _by: case.is_anonymous or case.has_acknowledgement)
DISCUSSION_OFFERED = Guard(
    "discussion", "Offer to discuss how it will be handled and by when.", lambda case, _by: case.is_anonymous or case.is_discussion_offered)
ACKNOWLEDGEMENT_CHECKLIST = pending("acknowledgement_checklist", "The acknowledgement holds all that the policy pack asks for.")
HAS_POINTS = Guard("points", "Write down at least one point of complaint.", lambda case, _by: bool(case.points))
OUTCOME_SOUGHT = Guard(
    "outcome_sought", "Say what would put it right for them, or that they do not say.", lambda case, _by: case.is_outcome_asked)
PERIOD_AGREED = Guard(
    "period", "Agree a response date, or set one and tell them.", lambda case, _by: case.is_anonymous or case.is_period_agreed)
EVERY_FINDING = Guard("findings", "Give each point a finding and a reason.", lambda case, _by: bool(case.points) and all(
    point.finding is not None and point.reason for point in case.points))
NO_OPEN_STATEMENTS = Guard(
    "statements", "Statements are still out: wait for them or withdraw the requests.", lambda case, _by: case.open_statements == 0)
HAS_DRAFT = Guard("draft", "Write the response first.", lambda case, _by: case.has_draft)
REVIEWER_IS_ANOTHER = Guard(
    "second_pair", "Somebody other than the drafter reviews it.", lambda case, by: by.staff_id != case.drafter_id)
SIGNATORY_IS_ANOTHER = Guard(
    "signatory", "Somebody other than the drafter signs it: nobody who wrote a version of it.",
    lambda case, by: by.staff_id not in case.drafter_ids)
SIGNATORY_NOT_NAMED = Guard(
    "not_named", "Somebody named in the concern cannot sign the response.", lambda case, by: by.staff_id not in case.subject_ids)
DISPATCHED = Guard("dispatch", "Say how and when the response was sent.", lambda case, _by: case.is_anonymous or case.has_dispatch)
REMEDY_FOR_UPHELD = Guard(
    "remedy", "Say what was done about each upheld point, or why nothing was.",
    lambda case, _by: all(point.remedy for point in case.points if point.finding in (Finding.UPHELD, Finding.PARTLY_UPHELD)))
DISCLOSURE_GATE = pending("disclosure", "Consent covers what is disclosed.")
FORMAT_AND_LANGUAGE = pending("format", "The response is in the format and language they need.")
RESPONSE_CHECKLIST = pending("response_checklist", "The response holds all that the policy pack asks for.")
HCAT_CODED = pending("hcat", "Every point is coded (HCAT).")
CANDOUR_ANSWERED = pending("candour", "The duty of candour check is answered where harm is 3 or more.")
SURVEY_DECIDED = pending("survey", "It is decided whether the survey goes out.")
MERGE_IS_REVERSIBLE = pending("merge", "The other case is named; merging can be undone.")

TRIAGED = (TYPE_AND_SEVERITY, CONSENT_SETTLED, RISK_ANSWERED, PACK_CONFIRMED, HAS_POINTS, OUTCOME_SOUGHT)


@dataclass(frozen=True, slots=True)
class Move:
    """One row of the lifecycle: from any of `sources` by `action` to `target`, for those who hold `needs`, if `guards` hold."""

    action: Action
    sources: frozenset[Status]
    target: Status
    needs: Permission = Permission.WORK_CASES
    guards: tuple[Guard, ...] = ()
    needs_why: bool = False
    is_backward: bool = False


def _from(*statuses: Status) -> frozenset[Status]:
    return frozenset(statuses)


S, A = Status, Action
LIFECYCLE: tuple[Move, ...] = (
    Move(A.LOG, _from(S.DRAFT), S.RECEIVED, Permission.RECORD_CONCERNS),
    Move(A.DISCARD, _from(S.DRAFT), S.DISCARDED, Permission.RECORD_CONCERNS, needs_why=True),
    Move(A.OPEN_TRIAGE, _from(S.RECEIVED), S.TRIAGE),
    Move(A.SETTLE, _from(S.RECEIVED, S.TRIAGE), S.RESOLVED_INFORMAL, needs_why=True),
    Move(A.ACKNOWLEDGE, _from(S.TRIAGE), S.ACKNOWLEDGED,
         guards=(*TRIAGED, ACKNOWLEDGED, DISCUSSION_OFFERED, ACKNOWLEDGEMENT_CHECKLIST)),
    Move(A.SCOPE, _from(S.ACKNOWLEDGED), S.SCOPING, guards=(HAS_POINTS, PERIOD_AGREED)),
    Move(A.RESOLVE_EARLY, _from(S.SCOPING), S.EARLY_RESOLUTION),
    Move(A.INVESTIGATE, _from(S.SCOPING, S.EARLY_RESOLUTION, S.REOPENED), S.INVESTIGATION),
    Move(A.CONFIRM_OUTCOME, _from(S.EARLY_RESOLUTION), S.RESPONSE_SENT,
         guards=(EVERY_FINDING, DISPATCHED, DISCLOSURE_GATE, FORMAT_AND_LANGUAGE)),
    Move(A.DRAFT_RESPONSE, _from(S.INVESTIGATION, S.REOPENED), S.RESPONSE_DRAFTING, guards=(NO_OPEN_STATEMENTS, EVERY_FINDING)),
    Move(A.SUBMIT_FOR_REVIEW, _from(S.RESPONSE_DRAFTING), S.QUALITY_REVIEW, guards=(HAS_DRAFT,)),
    Move(A.PASS_REVIEW, _from(S.QUALITY_REVIEW), S.AWAITING_SIGNOFF, guards=(HAS_DRAFT, REVIEWER_IS_ANOTHER, RESPONSE_CHECKLIST)),
    Move(A.RETURN_DRAFT, _from(S.QUALITY_REVIEW, S.AWAITING_SIGNOFF), S.RESPONSE_DRAFTING, needs_why=True, is_backward=True),
    Move(A.SIGN_AND_SEND, _from(S.AWAITING_SIGNOFF), S.RESPONSE_SENT, Permission.SIGN_RESPONSES,
         guards=(EVERY_FINDING, HAS_DRAFT, SIGNATORY_IS_ANOTHER, SIGNATORY_NOT_NAMED, DISPATCHED, DISCLOSURE_GATE, FORMAT_AND_LANGUAGE,
                 RESPONSE_CHECKLIST)),
    Move(A.OFFER_MEETING, _from(S.RESPONSE_SENT), S.MEETING_OFFERED, needs_why=True),
    Move(A.CLOSE, _from(S.RESPONSE_SENT, S.MEETING_OFFERED, S.REOPENED, S.OMBUDSMAN_REVIEW), S.CLOSED,
         guards=(EVERY_FINDING, REMEDY_FOR_UPHELD, HCAT_CODED, CANDOUR_ANSWERED, SURVEY_DECIDED)),
    Move(A.REOPEN, _from(S.RESPONSE_SENT, S.MEETING_OFFERED, S.CLOSED, S.OMBUDSMAN_REVIEW, *TERMINAL), S.REOPENED, needs_why=True),
    Move(A.REFER_TO_OMBUDSMAN, _from(S.CLOSED), S.OMBUDSMAN_REVIEW, needs_why=True),
    Move(A.EXCLUDE, _from(S.TRIAGE), S.EXCLUDED, needs_why=True),
    Move(A.WITHDRAW, BEFORE_RESPONSE, S.WITHDRAWN, needs_why=True),
    Move(A.TRANSFER, _from(S.RECEIVED, S.TRIAGE), S.TRANSFERRED, needs_why=True),
    Move(A.MERGE_AS_DUPLICATE, _from(S.RECEIVED), S.DUPLICATE_MERGED, guards=(MERGE_IS_REVERSIBLE,), needs_why=True),
    Move(A.END_WITHOUT_CONSENT, BEFORE_RESPONSE - {S.RECEIVED, S.REOPENED}, S.CONSENT_NOT_RECEIVED, needs_why=True),
    Move(A.END_CONTACT, BEFORE_RESPONSE - {S.RECEIVED}, S.NO_FURTHER_CONTACT, Permission.SIGN_RESPONSES, needs_why=True),
)


def find_move(status: Status, action: Action) -> Move:
    """The row for `action` from `status`; raises Conflict with what is possible instead."""
    for move in LIFECYCLE:
        if move.action is action and status in move.sources:
            return move
    raise Conflict(f"“{action.label}” is not possible while the case is in {status.label.lower()}. Reload the page to see what is.")


def moves_from(status: Status) -> tuple[Move, ...]:
    """Every row that starts at `status`, in the table's order."""
    return tuple(move for move in LIFECYCLE if status in move.sources)


def missing_for(move: Move, case: CaseFacts, by: Actor) -> tuple[str, ...]:
    """The sentences of the guards that do not hold; empty when the move may be made."""
    return tuple(guard.sentence for guard in move.guards if guard.holds is not None and not guard.holds(case, by))


def check_move(move: Move, case: CaseFacts, why: str, by: Actor) -> None:
    """Raise Forbidden or Conflict, with every missing thing at once, unless `by` may make `move` now."""
    by.must(move.needs)
    if by.staff_id in case.subject_ids:
        raise Forbidden("You are named in this concern, so you cannot act on it.")
    missing = list(missing_for(move, case, by))
    if move.needs_why and not why:
        missing.append("Say why.")
    if missing:
        raise Conflict(f"“{move.action.label}” needs more first. " + " ".join(missing))


def derive_outcome(findings: Iterable[Finding | None]) -> Outcome | None:
    """The case's outcome from its points, as KO41a counts: upheld if all are, not upheld if none has support, else partly.

    Points not investigated or not determinable lend no support; with no finding at all there is no outcome.
    """
    given = [finding for finding in findings if finding is not None]
    if not given:
        return None
    if all(finding is Finding.UPHELD for finding in given):
        return Outcome.UPHELD
    if any(finding in (Finding.UPHELD, Finding.PARTLY_UPHELD) for finding in given):
        return Outcome.PARTLY_UPHELD
    return Outcome.NOT_UPHELD
