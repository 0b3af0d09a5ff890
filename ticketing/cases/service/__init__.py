"""Every verb on a case, by its plain name."""

from ticketing.cases.service.assignment import assign, hand_over_all, take
from ticketing.cases.service.attachments import attach, attach_as_received, delete_attachment, note_opened, scan_waiting, seal_file
from ticketing.cases.service.breaches import record_breaches, replan
from ticketing.cases.service.casework import (
    add_note,
    add_point,
    add_task,
    change_point,
    finish_task,
    give_breach_reason,
    hold,
    raise_priority,
    record_finding,
    release,
    send_interim,
)
from ticketing.cases.service.classifying import change_type, classify
from ticketing.cases.service.completing import Answers, complete, declare_conflict, declare_no_conflict
from ticketing.cases.service.confidence import break_glass, lift_confidence, make_confidential, mend_glass
from ticketing.cases.service.conflict import name_subject, recuse_manager
from ticketing.cases.service.corrections import ask_receipt_correction, decide_receipt_correction
from ticketing.cases.service.counting import Counted, record_counted
from ticketing.cases.service.erasing import ask_erasure, decide_erasure, forget_files, lift_legal_hold, place_legal_hold
from ticketing.cases.service.history import begin_history, import_past
from ticketing.cases.service.importing import begin_import, finish_import, import_batch
from ticketing.cases.service.intake import Concern, keep_draft, receive, receive_many
from ticketing.cases.service.lifecycle import (
    Triage,
    acknowledge,
    acknowledge_stage,
    agree_period,
    apply_transition,
    close,
    reopen,
    scope,
    triage,
)
from ticketing.cases.service.policies import add_pack, remove_pack
from ticketing.cases.service.rebasing import begin_rebase, rebase_batch, undo_rebase
from ticketing.cases.service.responses import confirm_outcome, draft_response, sign_and_send
from ticketing.cases.service.statements import (
    ask_statement,
    decline_statement,
    give_statement,
    save_statement_draft,
    withdraw_statement,
)

__all__ = [
    "Answers",
    "Concern",
    "Counted",
    "Triage",
    "acknowledge",
    "acknowledge_stage",
    "add_note",
    "add_pack",
    "add_point",
    "add_task",
    "agree_period",
    "apply_transition",
    "ask_erasure",
    "ask_receipt_correction",
    "ask_statement",
    "assign",
    "attach",
    "attach_as_received",
    "begin_history",
    "begin_import",
    "begin_rebase",
    "break_glass",
    "change_point",
    "change_type",
    "classify",
    "close",
    "complete",
    "confirm_outcome",
    "decide_erasure",
    "decide_receipt_correction",
    "declare_conflict",
    "declare_no_conflict",
    "decline_statement",
    "delete_attachment",
    "draft_response",
    "finish_import",
    "finish_task",
    "forget_files",
    "give_breach_reason",
    "give_statement",
    "hand_over_all",
    "hold",
    "import_batch",
    "import_past",
    "keep_draft",
    "lift_confidence",
    "lift_legal_hold",
    "make_confidential",
    "mend_glass",
    "name_subject",
    "note_opened",
    "place_legal_hold",
    "raise_priority",
    "rebase_batch",
    "receive",
    "receive_many",
    "record_breaches",
    "record_counted",
    "record_finding",
    "recuse_manager",
    "release",
    "remove_pack",
    "reopen",
    "replan",
    "save_statement_draft",
    "scan_waiting",
    "scope",
    "seal_file",
    "send_interim",
    "sign_and_send",
    "take",
    "triage",
    "undo_rebase",
    "withdraw_statement",
]
