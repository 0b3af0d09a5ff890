"""What holds for cases whatever the database says: the lifecycle, and how a spreadsheet becomes concerns."""

from ticketing.cases.rules.gaps import CAN_BE_UNKNOWN, GAPS, Gap, Known, gaps_of
from ticketing.cases.rules.history import HistoryMapping, read_history_mapping
from ticketing.cases.rules.laws import HAS_A_STEP, Countable, Request, answering, countables, type_fault, types_of
from ticketing.cases.rules.lifecycle import (
    ACKNOWLEDGED,
    ACKNOWLEDGEMENT_CHECKLIST,
    BEFORE_RESPONSE,
    CANDOUR_ANSWERED,
    CONSENT_SETTLED,
    DISCLOSURE_GATE,
    DISCUSSION_OFFERED,
    DISPATCHED,
    ENDED,
    EVERY_FINDING,
    FORMAT_AND_LANGUAGE,
    HAS_DRAFT,
    HAS_POINTS,
    HCAT_CODED,
    IN_HAND,
    LIFECYCLE,
    MERGE_IS_REVERSIBLE,
    NO_OPEN_STATEMENTS,
    OUTCOME_SOUGHT,
    PACK_CONFIRMED,
    PERIOD_AGREED,
    REMEDY_FOR_UPHELD,
    RESPONSE_CHECKLIST,
    REVIEWER_IS_ANOTHER,
    RISK_ANSWERED,
    SIGNATORY_IS_ANOTHER,
    SIGNATORY_NOT_NAMED,
    SILENT,
    SURVEY_DECIDED,
    TERMINAL,
    TRIAGED,
    TYPE_AND_SEVERITY,
    Action,
    AttachmentState,
    CaseFacts,
    CorrectionState,
    Guard,
    Move,
    NoteKind,
    PointFacts,
    StatementState,
    Status,
    TaskKind,
    check_move,
    derive_outcome,
    find_move,
    missing_for,
    moves_from,
    pending,
)
from ticketing.cases.rules.mapping import ImportMapping, NewSite, read_mapping
from ticketing.cases.rules.past import Past, PastCase, Step, held_seconds, read_past, travelled
from ticketing.cases.rules.rows import BadRow, Checked, GoodRow, Manifest, Places, Problem, check_sheet
from ticketing.cases.rules.sealing import first_position, mask_names, number_within
from ticketing.cases.rules.sheets import Cell, Row, Sheet, read_csv, rejects_csv, sheet_of

__all__ = [
    "ACKNOWLEDGED", "ACKNOWLEDGEMENT_CHECKLIST", "BEFORE_RESPONSE", "CANDOUR_ANSWERED", "CAN_BE_UNKNOWN", "CONSENT_SETTLED",
    "DISCLOSURE_GATE", "DISCUSSION_OFFERED", "DISPATCHED", "ENDED", "EVERY_FINDING", "FORMAT_AND_LANGUAGE", "GAPS", "HAS_A_STEP",
    "HAS_DRAFT", "HAS_POINTS", "HCAT_CODED", "IN_HAND", "LIFECYCLE", "MERGE_IS_REVERSIBLE", "NO_OPEN_STATEMENTS", "OUTCOME_SOUGHT",
    "PACK_CONFIRMED", "PERIOD_AGREED", "REMEDY_FOR_UPHELD", "RESPONSE_CHECKLIST", "REVIEWER_IS_ANOTHER", "RISK_ANSWERED",
    "SIGNATORY_IS_ANOTHER", "SIGNATORY_NOT_NAMED", "SILENT", "SURVEY_DECIDED", "TERMINAL", "TRIAGED", "TYPE_AND_SEVERITY", "Action",
    "AttachmentState", "BadRow", "CaseFacts", "Cell", "Checked", "CorrectionState", "Countable", "Gap", "GoodRow", "Guard",
    "HistoryMapping", "ImportMapping", "Known", "Manifest", "Move", "NewSite", "NoteKind", "Past", "PastCase", "Places", "PointFacts",
    "Problem", "Request", "Row", "Sheet", "StatementState", "Status", "Step", "TaskKind", "answering", "check_move", "check_sheet",
    "countables", "derive_outcome", "find_move", "first_position", "gaps_of", "held_seconds", "mask_names", "missing_for", "moves_from",
    "number_within", "pending", "read_csv", "read_history_mapping", "read_mapping", "read_past", "rejects_csv", "sheet_of", "travelled",
    "type_fault", "types_of",
]
