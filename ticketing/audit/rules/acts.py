"""The trail's whole vocabulary on one page: one word per deed, and the sentence in which people read it.

In a sentence `{name}` is a fact, a private value, `{field_from}` and `{field_to}` of a change, `{fields}` the names of the changed
fields, or `{actor}`.  A part in square brackets is left out when one of its values is missing.  Where the actor is not named in
the sentence, "by <actor>" is added at its end.
"""

from __future__ import annotations

from enum import StrEnum


class Act(StrEnum):
    """What was done.  A new deed gets a new line here and a sentence below; a word once used is never renamed."""

    CASE_DRAFTED = "case.drafted"
    CASE_RECEIVED = "case.received"
    CASE_IMPORTED = "case.imported"
    CASE_TRIAGED = "case.triaged"
    CASE_CLASSIFIED = "case.classified"
    CASE_TYPE_CHANGED = "case.type_changed"
    CASE_ACKNOWLEDGED = "case.acknowledged"
    CASE_STATUS_MOVED = "case.status_moved"
    CASE_ASSIGNED = "case.assigned"
    CASE_TAKEN = "case.taken"
    CASE_HANDED_OVER = "case.handed_over"
    CASE_NOTE_ADDED = "case.note_added"
    CASE_TASK_ADDED = "case.task_added"
    CASE_TASK_DONE = "case.task_done"
    CASE_CALL_BACK_ADDED = "case.call_back_added"
    CASE_POINT_ADDED = "case.point_added"
    CASE_POINT_CHANGED = "case.point_changed"
    CASE_FINDING_RECORDED = "case.finding_recorded"
    CASE_STATEMENT_ASKED = "case.statement_asked"
    CASE_STATEMENT_DRAFTED = "case.statement_drafted"
    CASE_STATEMENT_GIVEN = "case.statement_given"
    CASE_STATEMENT_DECLINED = "case.statement_declined"
    CASE_STATEMENT_WITHDRAWN = "case.statement_withdrawn"
    CASE_HELD = "case.held"
    CASE_RELEASED = "case.released"
    CASE_PERIOD_AGREED = "case.period_agreed"
    CASE_EXTENDED = "case.extended"
    CASE_PROGRESS_SENT = "case.progress_sent"
    CASE_INTERIM_SENT = "case.interim_sent"
    CASE_RESPONSE_DRAFTED = "case.response_drafted"
    CASE_RESPONSE_REVIEWED = "case.response_reviewed"
    CASE_RESPONSE_SIGNED = "case.response_signed"
    CASE_RESPONSE_SENT = "case.response_sent"
    CASE_REOPENED = "case.reopened"
    CASE_CLOSED = "case.closed"
    CASE_RECEIPT_CORRECTION_ASKED = "case.receipt_correction_asked"
    CASE_RECEIPT_CORRECTED = "case.receipt_corrected"
    CASE_RECEIPT_CORRECTION_REFUSED = "case.receipt_correction_refused"
    CASE_PACK_CONFIRMED = "case.pack_confirmed"
    CASE_PRIORITY_RAISED = "case.priority_raised"
    CASE_BREACHED = "case.breached"
    CASE_BREACH_REASON_GIVEN = "case.breach_reason_given"
    CASE_ESCALATED = "case.escalated"
    CASE_ESCALATION_FAILED = "case.escalation_failed"
    CASE_ESCALATION_MOVED_UP = "case.escalation_moved_up"
    CASE_ESCALATION_ACKNOWLEDGED = "case.escalation_acknowledged"
    CASE_SUBJECT_NAMED = "case.subject_named"
    CASE_FILE_ADDED = "case.file_added"
    CASE_FILE_SCANNED = "case.file_scanned"
    CASE_FILE_DELETED = "case.file_deleted"
    CASE_FILE_OPENED = "case.file_opened"
    CASE_FILE_SEALED = "case.file_sealed"
    CASE_FILE_UNSEALED = "case.file_unsealed"
    CASE_CONFLICT_DECLARED = "case.conflict_declared"
    CASE_NO_CONFLICT_DECLARED = "case.no_conflict_declared"
    CASE_READERS_SET = "case.readers_set"
    CASE_RECUSED = "case.recused"
    GLASS_BROKEN = "case.glass_broken"
    GLASS_ENDED = "case.glass_ended"
    CASE_AMENDED = "case.amended"
    CASE_VIEWED = "case.viewed"
    CASE_PRINTED = "case.printed"
    CASE_ERASED = "case.erased"
    CASE_FILES_FORGOTTEN = "case.files_forgotten"
    CASE_LEGAL_HOLD_PLACED = "case.legal_hold_placed"
    CASE_LEGAL_HOLD_LIFTED = "case.legal_hold_lifted"
    CASE_ERASURE_ASKED = "case.erasure_asked"
    CASE_ERASURE_REFUSED = "case.erasure_refused"
    VALUES_ERASED = "values.erased"

    PERSON_RECORDED = "person.recorded"
    PERSON_CHANGED = "person.changed"
    PERSON_VIEWED = "person.viewed"
    PERSON_ERASED = "person.erased"

    PAGE_VIEWED = "page.viewed"
    LIST_VIEWED = "list.viewed"
    SEARCH_MADE = "search.made"
    REPORT_VIEWED = "report.viewed"
    ATTACHMENT_VIEWED = "attachment.viewed"
    TRAIL_VIEWED = "trail.viewed"

    STAFF_INVITED = "staff.invited"
    STAFF_ADDED = "staff.added"
    STAFF_CHANGED = "staff.changed"
    STAFF_DEACTIVATED = "staff.deactivated"
    STAFF_PASSWORD_SET = "staff.password_set"  # noqa: S105 - a deed, not a secret
    STAFF_SIGNED_IN = "staff.signed_in"
    STAFF_SIGNED_OUT = "staff.signed_out"
    STAFF_SIGN_IN_REFUSED = "staff.sign_in_refused"
    STAFF_LOCKED_OUT = "staff.locked_out"
    STAFF_SESSIONS_REVOKED = "staff.sessions_revoked"
    STAFF_SECOND_STEP_ASKED = "staff.second_step_asked"
    STAFF_CONFIRMED = "staff.confirmed"
    STAFF_STEP_ADDED = "staff.step_added"
    STAFF_STEP_REMOVED = "staff.step_removed"
    STAFF_STEPS_RESET = "staff.steps_reset"
    STAFF_RECOVERY_CODES_MADE = "staff.recovery_codes_made"
    STAFF_IDENTITY_LINKED = "staff.identity_linked"
    STAFF_REACH_SET = "staff.reach_set"
    STAFF_LEAVE_SET = "staff.leave_set"
    TEAM_CHANGED = "team.changed"
    CASES_HANDED_OVER = "cases.handed_over"

    RULE_CREATED = "rule.created"
    RULE_CHANGED = "rule.changed"
    RULE_SWITCHED_OFF = "rule.switched_off"
    SIMULATION_ASKED = "simulation.asked"
    SIMULATION_FINISHED = "simulation.finished"
    SIMULATION_STOPPED = "simulation.stopped"
    SHADOW_BEGUN = "shadow.begun"
    SHADOW_ENDED = "shadow.ended"
    RULES_REPLANNED = "rules.replanned"
    ROTA_CHANGED = "rota.changed"
    FIRING_DONE = "firing.done"
    FIRING_SUPERSEDED = "firing.superseded"
    FIRING_FAILED = "firing.failed"
    FIRING_RETRIED = "firing.retried"

    PACK_DRAFTED = "pack.drafted"
    PACK_DRAFT_SAVED = "pack.draft_saved"
    PACK_DISCARDED = "pack.discarded"
    PACK_PUBLISHED = "pack.published"
    CALENDAR_DRAFTED = "calendar.drafted"
    CALENDAR_DRAFT_SAVED = "calendar.draft_saved"
    CALENDAR_DISCARDED = "calendar.discarded"
    CALENDAR_PUBLISHED = "calendar.published"
    CALENDAR_KEPT = "calendar.kept"
    REBASE_ASKED = "rebase.asked"
    REBASE_FINISHED = "rebase.finished"
    CASE_REBASED = "case.rebased"
    CASE_PACK_ADDED = "case.pack_added"
    CASE_PACK_REMOVED = "case.pack_removed"
    CASE_EVENT_RECORDED = "case.event_recorded"

    ORGANISATION_CHANGED = "organisation.changed"
    IMPORT_STARTED = "import.started"
    IMPORT_FINISHED = "import.finished"
    EXPORT_MADE = "export.made"
    MESSAGE_REQUEUED = "message.requeued"
    ACCESS_REFUSED = "access.refused"
    SEAL_KEY_NAMED = "trail.seal_key_named"
    TRAIL_KEY_ROTATED = "trail.key_rotated"
    TRAIL_VALUES_LOCKED = "trail.values_locked"


READS = (  # what only looked
    Act.CASE_VIEWED.value, Act.CASE_PRINTED.value, Act.PERSON_VIEWED.value, Act.PAGE_VIEWED.value, Act.LIST_VIEWED.value,
    Act.CASE_FILE_OPENED.value, Act.SEARCH_MADE.value, Act.REPORT_VIEWED.value, Act.ATTACHMENT_VIEWED.value, Act.TRAIL_VIEWED.value,
)

SENTENCES: dict[Act, str] = {
    Act.CASE_DRAFTED: "Draft kept[, entered by {actor}]",
    Act.CASE_RECEIVED: "Received[ by {channel}][, recorded by {actor}]",
    Act.CASE_IMPORTED: "Imported[ from {source}][, row {row}]",
    Act.CASE_CLASSIFIED: "Questions of the policy pack answered[: it proposes {proposed}]",
    Act.CASE_TYPE_CHANGED: "Sort of case changed[ from {case_type_from}][ to {case_type_to}]",
    Act.CASE_TRIAGED: "Triaged[ as {case_type}][, severity {severity}][, declaring {conflict}]",
    Act.CASE_ACKNOWLEDGED: "Acknowledged[ by {method}] by {actor}",
    Act.CASE_STATUS_MOVED: "Status moved[ from {status_from}][ to {status_to}]",
    Act.CASE_ASSIGNED: "Assigned[ to {to}]",
    Act.CASE_TAKEN: "Taken[, declaring {conflict}]",
    Act.CASE_HANDED_OVER: "Handed over[ to {to}]",
    Act.CASE_NOTE_ADDED: "Note added",
    Act.CASE_TASK_ADDED: "Task added[ for {to}]",
    Act.CASE_TASK_DONE: "Task done",
    Act.CASE_CALL_BACK_ADDED: "Call-back promised[ for {due}]",
    Act.CASE_POINT_ADDED: "Point {number} added",
    Act.CASE_POINT_CHANGED: "Point {number} changed[: {fields}]",
    Act.CASE_FINDING_RECORDED: "Finding recorded[ on point {number}][: {finding}]",
    Act.CASE_STATEMENT_ASKED: "Statement asked[ of {to}]",
    Act.CASE_STATEMENT_GIVEN: "Statement given",
    Act.CASE_STATEMENT_DECLINED: "Statement declined",
    Act.CASE_STATEMENT_WITHDRAWN: "Statement request withdrawn",
    Act.CASE_STATEMENT_DRAFTED: "Statement draft kept",
    Act.CASE_HELD: "Put on hold[: {reason}]",
    Act.CASE_RELEASED: "Hold ended",
    Act.CASE_PERIOD_AGREED: "Response date agreed[: {response_due_to}]",
    Act.CASE_EXTENDED: "Response date extended[ to {response_due_to}]",
    Act.CASE_PROGRESS_SENT: "Progress report sent",
    Act.CASE_INTERIM_SENT: "Interim notice sent",
    Act.CASE_RESPONSE_DRAFTED: "Response drafted[, version {version}]",
    Act.CASE_RESPONSE_REVIEWED: "Response reviewed[: {verdict}]",
    Act.CASE_RESPONSE_SIGNED: "Response signed",
    Act.CASE_RESPONSE_SENT: "Response sent[ by {method}][, recorded by {actor}]",
    Act.CASE_REOPENED: "Reopened[ as cycle {cycle}]",
    Act.CASE_CLOSED: "Closed[ with outcome {outcome}]",
    Act.CASE_RECEIPT_CORRECTION_ASKED: "Correction of the receipt date asked[: {received_from} to {received_to}]",
    Act.CASE_RECEIPT_CORRECTED: "Receipt date corrected[ from {received_from} to {received_to}]",
    Act.CASE_RECEIPT_CORRECTION_REFUSED: "Correction of the receipt date refused",
    Act.CASE_PACK_CONFIRMED: "Policy confirmed[: {pack}]",
    Act.CASE_PRIORITY_RAISED: "Priority raised[ from {priority_from}][ to {priority_to}]",
    Act.CASE_BREACHED: "Target breached[: {target}], noted by {actor}",
    Act.CASE_BREACH_REASON_GIVEN: "Reason given for the breached target[: {target}]",
    Act.CASE_ESCALATED: "Escalated[ to {to}] by {actor}[: {rule}]",
    Act.CASE_ESCALATION_FAILED: "Escalation could not be delivered[ to {to}]",
    Act.CASE_ESCALATION_MOVED_UP: "Nobody acknowledged an escalation: it moved up[ to {to}]",
    Act.CASE_ESCALATION_ACKNOWLEDGED: "Escalation acknowledged",
    Act.CASE_SUBJECT_NAMED: "Member of staff named in the complaint[: {subject}][, recorded by {actor}]",
    Act.CASE_FILE_ADDED: "File added[: {name}]",
    Act.CASE_FILE_SCANNED: "File scanned[: {verdict}]",
    Act.CASE_FILE_DELETED: "File deleted[: {name}]",
    Act.CASE_FILE_OPENED: "File of case[ {case}] opened",
    Act.CASE_FILE_SEALED: "File sealed[: {name}]",
    Act.CASE_FILE_UNSEALED: "File opened again to everybody who sees the case[: {name}]",
    Act.CASE_CONFLICT_DECLARED: "Conflict of interest declared",
    Act.CASE_NO_CONFLICT_DECLARED: "No conflict of interest declared",
    Act.CASE_READERS_SET: "Readers changed[: {state}][, {readers}]",
    Act.CASE_RECUSED: "Kept out of this case[: {subject}][, {what} taken from them]",
    Act.GLASS_BROKEN: "Opened in an emergency by {actor}[, until {until}]",
    Act.GLASS_ENDED: "Emergency reading ended",
    Act.CASE_AMENDED: "Details changed[: {fields}]",
    Act.CASE_VIEWED: "Case[ {case}] opened",
    Act.CASE_PRINTED: "Case[ {case}] printed",
    Act.CASE_ERASED: "What the case held of people erased by {actor}[: {count} values]",
    Act.CASE_FILES_FORGOTTEN: "Files of the erased case removed from the store[: {count}]",
    Act.CASE_LEGAL_HOLD_PLACED: "Legal hold placed: nothing may be erased",
    Act.CASE_LEGAL_HOLD_LIFTED: "Legal hold lifted",
    Act.CASE_ERASURE_ASKED: "Erasure of personal details asked",
    Act.CASE_ERASURE_REFUSED: "Erasure of personal details refused",
    Act.VALUES_ERASED: "Personal details erased from the trail[: {count} values]",
    Act.PERSON_RECORDED: "Person recorded",
    Act.PERSON_CHANGED: "Person's details changed[: {fields}]",
    Act.PERSON_VIEWED: "Person's details opened",
    Act.PERSON_ERASED: "Person's details erased",
    Act.PAGE_VIEWED: "Page opened[: {page}]",
    Act.LIST_VIEWED: "List opened[: {page}]",
    Act.SEARCH_MADE: "Searched[ in {page}]",
    Act.REPORT_VIEWED: "Report opened[: {page}]",
    Act.ATTACHMENT_VIEWED: "Attachment opened",
    Act.TRAIL_VIEWED: "Trail read[: {page}]",
    Act.STAFF_INVITED: "Invited[ as {role}]",
    Act.STAFF_ADDED: "Staff account added[ as {role}]",
    Act.STAFF_CHANGED: "Staff account changed[: {fields}]",
    Act.STAFF_DEACTIVATED: "Staff account closed",
    Act.STAFF_PASSWORD_SET: "Password set",
    Act.STAFF_SIGNED_IN: "{actor} signed in[ by {method}]",
    Act.STAFF_SIGNED_OUT: "{actor} signed out",
    Act.STAFF_SIGN_IN_REFUSED: "Sign-in refused[: {reason}]",
    Act.STAFF_LOCKED_OUT: "Account locked after failed sign-ins[ until {until}]",
    Act.STAFF_SESSIONS_REVOKED: "Signed out everywhere",
    Act.STAFF_SECOND_STEP_ASKED: "Second step asked[ after {after}]",
    Act.STAFF_CONFIRMED: "{actor} confirmed who they are[ by {method}]",
    Act.STAFF_STEP_ADDED: "Second step added[: {step}]",
    Act.STAFF_STEP_REMOVED: "Second step removed[: {step}]",
    Act.STAFF_STEPS_RESET: "Every second step taken off",
    Act.STAFF_RECOVERY_CODES_MADE: "New recovery codes made",
    Act.STAFF_IDENTITY_LINKED: "Account linked to single sign-on",
    Act.STAFF_REACH_SET: "What they may see changed[: {fields}]",
    Act.STAFF_LEAVE_SET: "Leave set[ from {starts} to {ends}][, deputy {deputy}]",
    Act.TEAM_CHANGED: "Team changed[: {fields}]",
    Act.CASES_HANDED_OVER: "Open cases handed over[ to {to}][, {count} in all]",
    Act.RULE_CREATED: "Escalation rule created[: {rule}]",
    Act.RULE_CHANGED: "Escalation rule changed[: {rule}]",
    Act.RULE_SWITCHED_OFF: "Escalation rule switched off[: {rule}]",
    Act.SIMULATION_ASKED: "Simulation asked for[: {name}][, cases received from {first_on}][ to {last_on}]",
    Act.SIMULATION_FINISHED: "Simulation finished[: {name}][, {cases} cases]",
    Act.SIMULATION_STOPPED: "Simulation stopped[: {name}]",
    Act.SHADOW_BEGUN: "Shadow begun[: {name}]",
    Act.SHADOW_ENDED: "Shadow ended[: {name}]",
    Act.RULES_REPLANNED: "Open cases planned anew under the rule[ {rule}][, {cases} cases]",
    Act.ROTA_CHANGED: "Rota changed[ for the team {team}]",
    Act.FIRING_DONE: "Escalation step carried out[: {rule}]",
    Act.FIRING_SUPERSEDED: "Escalation step gave way to a later one[: {rule}]",
    Act.FIRING_FAILED: "Escalation step failed[: {rule}]",
    Act.FIRING_RETRIED: "Escalation step tried again[: {rule}]",
    Act.PACK_DRAFTED: "Policy pack[ {pack}] drafted[, version {version}][ from {base}]",
    Act.PACK_DRAFT_SAVED: "Draft[ {version}] of the policy pack[ {pack}] saved",
    Act.PACK_DISCARDED: "Draft[ {version}] of the policy pack[ {pack}] thrown away",
    Act.PACK_PUBLISHED: "Policy pack[ {pack}] published[, version {version}][, in force from {effective_from}]",
    Act.CALENDAR_DRAFTED: "Calendar[ {calendar}] drafted[, version {version}][ from {base}]",
    Act.CALENDAR_DRAFT_SAVED: "Draft[ {version}] of the calendar[ {calendar}] changed[: {what}]",
    Act.CALENDAR_DISCARDED: "Draft[ {version}] of the calendar[ {calendar}] thrown away",
    Act.CALENDAR_PUBLISHED: "Calendar[ {calendar}] published[, version {version}]",
    Act.CALENDAR_KEPT: "Public holidays[ of {calendar}] kept as they are[ in {version}]",
    Act.REBASE_ASKED: "Rebase asked for[ of {count} cases][ by {actor}][: {target}]",
    Act.REBASE_FINISHED: "Rebase finished[: {count} cases changed]",
    Act.CASE_REBASED: "Brought under other rules[: {pack} version {pack_version_to} instead of {pack_version_from}]"
                      "[; calendar {calendar} version {calendar_version_to} instead of {calendar_version_from}]",
    Act.CASE_PACK_ADDED: "Policy pack[ {pack}] added",
    Act.CASE_PACK_REMOVED: "Policy pack[ {pack}] removed",
    Act.CASE_EVENT_RECORDED: "Recorded for the law[: {event}]",
    Act.ORGANISATION_CHANGED: "Organisation changed[: {fields}]",
    Act.IMPORT_STARTED: "Import started[ from {source}]",
    Act.IMPORT_FINISHED: "Import finished[ from {source}][, {count} cases]",
    Act.EXPORT_MADE: "Export made[: {export}]",
    Act.MESSAGE_REQUEUED: "Message put back in the queue",
    Act.ACCESS_REFUSED: "Access refused[: {reason}]",
    Act.SEAL_KEY_NAMED: "Key that signs checkpoints named[: {key}]",
    Act.TRAIL_KEY_ROTATED: "Keys of the trail rotated[, {count} data keys wrapped anew]",
    Act.TRAIL_VALUES_LOCKED: "Private values of before encrypted[: {count}]",
}
