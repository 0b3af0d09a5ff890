"""One function for each deed of the scripts: it finds what the verb needs and calls it, as whoever would do it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import timedelta

from ticketing.cases import service as cases
from ticketing.cases.rules import Action, TaskKind
from ticketing.cases.service import Concern, Triage
from ticketing.codes.rules import BreachReason, CaseType
from ticketing.core.permissions import Actor
from ticketing.demo import queries
from ticketing.demo.rules import Step
from ticketing.demo.rules.hospital import PACK, unit

Act = Callable[[str, Step, Actor], None]


def _receive(step: Step, by: Actor, *, is_draft: bool = False) -> str:
    """The case's reference."""
    told = step.values
    concern = Concern(
        case_type=told["case_type"], channel=told["channel"], site_code=unit(told["unit"]).site, received_at=told["received_at"],
        narrative=told["narrative"], team_received_at=step.at if told["received_at"] < step.at else None, unit_code=told["unit"],
        happened_on=told["happened_on"], outcome_sought=told["sought"], points=told["points"], complainant=told["caller"].complainant,
        patient=told["caller"].patient, relationship=told["caller"].relationship, is_anonymous=told["is_anonymous"],
        has_agreed_to_email=told["has_agreed_to_email"], is_risk_answered=True, is_safeguarding=told["is_safeguarding"],
        received_by_uid=by.uid,
        team_code=told["team"], takes_it=told["takes_it"])
    return cases.keep_draft(concern, by=by, at=step.at) if is_draft else cases.receive(concern, by=by, at=step.at)


def _take(reference: str, step: Step, by: Actor) -> None:
    cases.take(reference, by=by, at=step.at)


def _assign(reference: str, step: Step, by: Actor) -> None:
    cases.assign(reference, step.values["to"], None, step.values["note"], seen=None, by=by, at=step.at, accept_absence=True)


def _name_subject(reference: str, step: Step, by: Actor) -> None:
    cases.name_subject(reference, step.values["staff"], by=by, at=step.at)


SPOKEN = {"is_several_bodies": False, "alleges_harm": False, "asks_formal": False, "is_information_only": False, "is_written": False}
ANSWERS: Mapping[CaseType, Mapping[str, bool]] = {  # what the pack's table asks, so that it proposes what triage then chooses
    CaseType.COMPLAINT_FORMAL: {**SPOKEN, "asks_formal": True}, CaseType.CONCERN_PALS: {**SPOKEN, "settled_next_day": True},
    CaseType.ENQUIRY: {**SPOKEN, "is_information_only": True}, CaseType.JOINT_COMPLAINT: {**SPOKEN, "is_several_bodies": True},
}


def _triage(reference: str, step: Step, by: Actor) -> None:
    if step.values["case_type"] in ANSWERS:
        cases.classify(reference, ANSWERS[step.values["case_type"]], seen=queries.version_of(reference), by=by, at=step.at)
    found = Triage(
        step.values["case_type"], step.values["severity"], step.values["consent"], PACK, is_safeguarding=step.values["is_safeguarding"],
        is_outcome_unsaid=True)
    cases.triage(reference, found, seen=queries.version_of(reference), by=by, at=step.at)


def _acknowledge(reference: str, step: Step, by: Actor) -> None:
    seen = queries.version_of(reference)
    if step.values["is_anonymous"]:
        cases.apply_transition(reference, Action.ACKNOWLEDGE, "Nobody to acknowledge it to.", seen=seen, by=by, at=step.at)
    else:
        cases.acknowledge(reference, step.values["method"], True, step.values["note"], seen=seen, by=by, at=step.at)


def _scope(reference: str, step: Step, by: Actor) -> None:
    cases.scope(reference, step.values["due_on"], step.values["how"], seen=queries.version_of(reference), by=by, at=step.at)


def _agree(reference: str, step: Step, by: Actor) -> None:
    cases.agree_period(reference, step.values["due_on"], step.values["how"], seen=queries.version_of(reference), by=by, at=step.at)


def _note(reference: str, step: Step, by: Actor) -> None:
    cases.add_note(reference, step.values["kind"], step.values["text"], by=by, at=step.at)
    _explain_missed(reference, step, by)


def _move(reference: str, step: Step, by: Actor) -> None:
    cases.apply_transition(reference, step.values["action"], step.values["why"], seen=queries.version_of(reference), by=by, at=step.at)
    if step.values["action"] in ENDINGS:
        _finish_tasks(reference, step, by)


def _settle(reference: str, step: Step, by: Actor) -> None:
    cases.apply_transition(reference, Action.SETTLE, step.values["why"], seen=queries.version_of(reference), by=by, at=step.at)
    _finish_tasks(reference, step, by)


def _ask_statement(reference: str, step: Step, by: Actor) -> None:
    told = step.values
    cases.ask_statement(
        reference, told["clinician"], told["points"], told["questions"], told["records"], told["minutes"], by=by, at=step.at)


def _draft_statement(reference: str, step: Step, by: Actor) -> None:
    cases.save_statement_draft(queries.open_requests(reference)[0], step.values["text"], by=by, at=step.at)


def _give_statement(reference: str, step: Step, by: Actor) -> None:
    cases.give_statement(queries.open_requests(reference)[0], step.values["text"], by=by, at=step.at)


def _withdraw_statements(reference: str, step: Step, by: Actor) -> None:
    for uid in queries.open_requests(reference):
        cases.withdraw_statement(uid, step.values["why"], by=by, at=step.at)


def _finding(reference: str, step: Step, by: Actor) -> None:
    told = step.values
    cases.record_finding(reference, told["position"], told["finding"], told["reason"], told["remedy"], by=by, at=step.at)
    _explain_missed(reference, step, by)


def _hold(reference: str, step: Step, by: Actor) -> None:
    cases.hold(reference, step.values["reason"], step.values["note"], seen=queries.version_of(reference), by=by, at=step.at)


def _release(reference: str, step: Step, by: Actor) -> None:
    cases.release(reference, step.values["note"], seen=queries.version_of(reference), by=by, at=step.at)


def _draft(reference: str, step: Step, by: Actor) -> None:
    cases.draft_response(reference, step.values["text"], seen=queries.version_of(reference), by=by, at=step.at)


def _sign(reference: str, step: Step, by: Actor) -> None:
    cases.sign_and_send(reference, step.values["method"], seen=queries.version_of(reference), by=by, at=step.at)


def _confirm_outcome(reference: str, step: Step, by: Actor) -> None:
    seen = queries.version_of(reference)
    cases.confirm_outcome(reference, step.values["text"], step.values["method"], seen=seen, by=by, at=step.at)


def _close(reference: str, step: Step, by: Actor) -> None:
    cases.close(reference, step.values["note"], seen=queries.version_of(reference), by=by, at=step.at)
    _explain_missed(reference, step, by)
    _finish_tasks(reference, step, by)


def _reopen(reference: str, step: Step, by: Actor) -> None:
    cases.reopen(reference, step.values["why"], seen=queries.version_of(reference), by=by, at=step.at)


def _explain_breach(reference: str, step: Step, by: Actor) -> None:
    told = step.values
    if (told["target"], "") in queries.unexplained(reference):
        cases.give_breach_reason(reference, told["target"], "", told["reason"], told["note"], by=by, at=step.at)
    _finish_tasks(reference, step, by, "Say why")


def _explain_missed(reference: str, step: Step, by: Actor) -> None:
    """Whoever next works on the case says why a target was missed meanwhile."""
    for number, (target, subject) in enumerate(queries.unexplained(reference)):
        reason, note = WHY_MISSED[target][(step.case + number) % len(WHY_MISSED[target])]
        cases.give_breach_reason(reference, target, subject, reason, note, by=by, at=step.at)
        _finish_tasks(reference, step, by, "Say why")


def _call_back(reference: str, step: Step, by: Actor) -> None:
    cases.add_task(reference, TaskKind.CALL_BACK, step.values["title"], step.values["due_at"], None, None, by=by, at=step.at)


def _task(reference: str, step: Step, by: Actor) -> None:
    cases.add_task(reference, TaskKind.TASK, step.values["title"], step.values["due_at"], None, None, by=by, at=step.at)


def _priority(reference: str, step: Step, by: Actor) -> None:
    cases.raise_priority(reference, 1, step.values["why"], by=by, at=step.at)


def _ask_correction(reference: str, step: Step, by: Actor) -> None:
    earlier = step.values["received_at"] - timedelta(days=2)
    cases.ask_receipt_correction(reference, earlier, step.values["reason"], by=by, at=step.at)


def _finish_tasks(reference: str, step: Step, by: Actor, prefix: str = "") -> None:
    for uid in queries.open_tasks(reference, prefix):
        cases.finish_task(uid, "Done." if prefix else "The case has ended.", by=by, at=step.at)


EVERYDAY = ((BreachReason.WORKLOAD, "Two officers were covering for three."),)
WHY_MISSED: Mapping[str, tuple[tuple[BreachReason, str], ...]] = defaultdict(lambda: EVERYDAY, {
    "statement": ((BreachReason.STATEMENT_LATE, "Reminded twice. They had been covering two wards."),
                  (BreachReason.STAFF_ABSENCE, "They were on leave and nobody had been named to answer for them.")),
    "progress": ((BreachReason.WORKLOAD, "The call was planned and did not happen that week."),
                 (BreachReason.STAFF_ABSENCE, "The officer was away and the call was not handed over."),
                 (BreachReason.COMPLAINANT_ASKED, "They had asked not to be rung before the holidays were over.")),
    "respond": ((BreachReason.COMPLEX, "Three departments had to answer and the answers did not agree at first."),
                (BreachReason.STATEMENT_LATE, "The statement came after the date that we had agreed.")),
})
ENDINGS = frozenset({
    Action.EXCLUDE, Action.WITHDRAW, Action.TRANSFER, Action.MERGE_AS_DUPLICATE, Action.END_WITHOUT_CONSENT, Action.END_CONTACT})
ACTS: Mapping[str, Act] = {
    "take": _take, "assign": _assign, "name_subject": _name_subject, "triage": _triage, "acknowledge": _acknowledge, "scope": _scope,
    "extend": _agree, "agree": _agree, "note": _note, "move": _move, "settle": _settle, "ask_statement": _ask_statement,
    "draft_statement": _draft_statement, "give_statement": _give_statement, "withdraw_statements": _withdraw_statements,
    "finding": _finding, "hold": _hold,
    "release": _release, "draft": _draft, "sign": _sign, "confirm_outcome": _confirm_outcome, "close": _close,
    "reopen": _reopen, "explain_breach": _explain_breach, "call_back": _call_back, "task": _task, "priority": _priority,
    "ask_correction": _ask_correction,
}
