"""Every read of cases, by its plain name; each is told who asks."""

from ticketing.cases.queries.attachments import (
    AttachmentRow,
    Mismatch,
    attachment,
    attachments_of,
    in_quarantine,
    mismatch,
    waiting_for_scan,
)
from ticketing.cases.queries.case import explain_timer, find_case, get_case, timers_of
from ticketing.cases.queries.case_rows import CaseView, MoveView, PersonView, TimerView
from ticketing.cases.queries.desk import (
    MOST,
    LookalikeRow,
    QuestionRow,
    QuestionView,
    TaskRow,
    lookalikes,
    question,
    questions_for,
    tasks_of,
)
from ticketing.cases.queries.importing import ImportPlan, import_plan, known_source_keys, missing_sites, places_for
from ticketing.cases.queries.spreadsheets import mapping_from, sheet_from
from ticketing.cases.queries.sweeping import FiringContext, firing_context, may_read
from ticketing.cases.queries.visibility import visible_to
from ticketing.cases.queries.worklist import CaseRow, Facet, Filters, WorklistView, facets, worklist

__all__ = [
    "MOST", "AttachmentRow", "CaseRow", "CaseView", "Facet", "Filters", "FiringContext", "ImportPlan", "LookalikeRow", "Mismatch",
    "MoveView", "PersonView", "QuestionRow", "QuestionView", "TaskRow", "TimerView", "WorklistView", "attachment", "attachments_of",
    "explain_timer", "facets", "find_case", "firing_context", "get_case", "import_plan", "in_quarantine", "known_source_keys",
    "lookalikes", "mapping_from", "may_read", "mismatch", "missing_sites", "places_for", "question", "questions_for", "sheet_from",
    "tasks_of", "timers_of", "visible_to", "waiting_for_scan", "worklist",
]
