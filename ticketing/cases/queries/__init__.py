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
from ticketing.cases.queries.case import find_case, get_case, timers_of
from ticketing.cases.queries.case_rows import CaseView, MoveView, PersonView, TimerView
from ticketing.cases.queries.desk import (
    MOST,
    LookalikeRow,
    QuestionRow,
    QuestionView,
    TaskRow,
    case_of_question,
    lookalikes,
    question,
    questions_for,
    tasks_of,
)
from ticketing.cases.queries.explaining import explain_for_complainant, explain_statement, explain_timer
from ticketing.cases.queries.glass import GlassUse, glass_uses, open_glass, own_glass
from ticketing.cases.queries.importing import ImportPlan, import_plan, known_source_keys, missing_sites, places_for
from ticketing.cases.queries.spreadsheets import mapping_from, sheet_from
from ticketing.cases.queries.sweeping import FiringContext, firing_context
from ticketing.cases.queries.visibility import (
    barred_from,
    escalation_chain,
    may_read,
    not_in_conflict,
    open_to,
    readers_of,
    visible_among,
    visible_to,
)
from ticketing.cases.queries.worklist import CaseRow, Facet, Filters, WorklistView, facets, found, worklist

__all__ = [
    "MOST",
    "AttachmentRow",
    "CaseRow",
    "CaseView",
    "Facet",
    "Filters",
    "FiringContext",
    "GlassUse",
    "ImportPlan",
    "LookalikeRow",
    "Mismatch",
    "MoveView",
    "PersonView",
    "QuestionRow",
    "QuestionView",
    "TaskRow",
    "TimerView",
    "WorklistView",
    "attachment",
    "attachments_of",
    "barred_from",
    "case_of_question",
    "escalation_chain",
    "explain_for_complainant",
    "explain_statement",
    "explain_timer",
    "facets",
    "find_case",
    "firing_context",
    "found",
    "get_case",
    "glass_uses",
    "import_plan",
    "in_quarantine",
    "known_source_keys",
    "lookalikes",
    "mapping_from",
    "may_read",
    "mismatch",
    "missing_sites",
    "not_in_conflict",
    "open_glass",
    "open_to",
    "own_glass",
    "places_for",
    "question",
    "questions_for",
    "readers_of",
    "sheet_from",
    "tasks_of",
    "timers_of",
    "visible_among",
    "visible_to",
    "waiting_for_scan",
    "worklist",
]
