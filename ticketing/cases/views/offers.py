"""Everything that can be done with a case, as one table: its form, its verb and its words; and what a case offers to whom now."""

from __future__ import annotations

from dataclasses import dataclass

from ticketing.cases import rules
from ticketing.cases.forms import records, statements, steps
from ticketing.cases.forms.classifying import ChangeTypeForm, ClassifyForm
from ticketing.cases.forms.erasing import AskErasureForm, DecideErasureForm
from ticketing.cases.forms.steps import StepForm
from ticketing.cases.queries import CaseView, MoveView
from ticketing.cases.rules import Action, Status
from ticketing.cases.views import running
from ticketing.cases.views.running import Run
from ticketing.core.permissions import Actor, Permission
from ticketing.packs.rules import TargetCode
from ticketing.sla.rules import State


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do.  `action` is the move it makes, if it makes one; `section` the part of the case page it belongs to."""

    name: str
    heading: str
    lead: str
    button: str
    done: str
    form: type[StepForm]
    run: Run
    action: Action | None = None
    section: str = ""
    icon: str = "arrow-right"
    tone: str = "primary"


def _step_of(action: Action, lead: str, done: str, form: type[StepForm], *, icon: str = "arrow-right", tone: str = "primary") -> Step:
    """A plain move of the lifecycle."""
    return Step(action.value, action.label, lead, action.label, done, form, running.move(action), action, icon=icon, tone=tone)


A = Action
_ALL = (
    _step_of(A.LOG, "Everything is entered. From its receipt on the clocks run.", "Logged as received.", steps.NoteForm, icon="check-lg"),
    _step_of(A.DISCARD, "It was entered by mistake. The trail keeps that it was here, and why it went.", "Draft discarded.",
             steps.ReasonForm, icon="x-circle", tone="danger"),
    Step("triage", "Triage", "Settle what sort of concern this is, how serious, and whether anyone is at risk.", "Save the triage",
         "Triage saved.", steps.TriageForm, running.triage, A.OPEN_TRIAGE, icon="funnel"),
    Step("classify", "What sort of case is it?", "Answer what the policy pack asks. Its table proposes, with its evidence; triage decides.",
         "Save the answers", "Answers saved. Triage shows what the policy pack makes of them.", ClassifyForm, running.classify,
         section="concern", icon="clipboard-check"),
    Step("change_type", "Change what sort of case it is", "Its clocks are reckoned anew, from the same receipt. The trail keeps what it "
         "was, who changed it and why.", "Change it", "Changed.", ChangeTypeForm, running.change_type, section="concern", icon="funnel"),
    Step("acknowledge", A.ACKNOWLEDGE.label, "Say how and when they learnt that we have it. A receipt sent by the system does not count.",
         "Record the acknowledgement", "Acknowledgement recorded.", steps.AcknowledgeForm, running.acknowledge,
         A.ACKNOWLEDGE, icon="envelope"),
    Step("scope", A.SCOPE.label, "Agree with them what is looked into and by when they will hear. The date can be set and told if they do "
         "not want to talk.", "Save and go on", "Response date agreed.", steps.PeriodForm, running.scope, A.SCOPE, icon="calendar-event"),
    _step_of(A.RESOLVE_EARLY, "For what can be put right quickly, without an investigation.", "In early resolution.", steps.NoteForm,
             icon="telephone"),
    _step_of(A.INVESTIGATE, "From here on statements are asked and findings are recorded.", "Investigation begun.", steps.NoteForm,
             icon="search"),
    Step("confirm_outcome", A.CONFIRM_OUTCOME.label, "Early resolution ends with a short letter that says what was settled.",
         "Record as sent", "Outcome confirmed in writing.", steps.ConfirmForm, running.confirm, A.CONFIRM_OUTCOME, icon="send"),
    _step_of(A.DRAFT_RESPONSE, "Every point has its finding; now write to them.", "Write the response next.", steps.NoteForm,
             icon="pencil"),
    _step_of(A.SUBMIT_FOR_REVIEW, "Somebody else reads it before it is signed.", "Sent for quality review.", steps.ReviewForm,
             icon="clipboard-check"),
    _step_of(A.PASS_REVIEW, "You have read it: every point is answered, in plain words, with no blame.", "Passed to sign-off.",
             steps.ReviewForm, icon="check-lg"),
    _step_of(A.RETURN_DRAFT, "Say what should change.", "Returned for changes.", steps.ReturnForm, icon="arrow-left", tone="outline"),
    Step("sign_and_send", A.SIGN_AND_SEND.label, "Your name goes under it. Read it once more, then say how it is sent.", "Sign and send",
         "Response signed and sent.", steps.SendForm, running.sign_and_send, A.SIGN_AND_SEND, icon="send"),
    _step_of(A.OFFER_MEETING, "Say who offered it, and what they answered.", "Meeting offered.", steps.ReasonForm, icon="people",
             tone="outline"),
    Step("close", A.CLOSE.label, "The outcome follows from the findings on its points. A closed case can be reopened.", "Close the case",
         "Case closed.", steps.CloseForm, running.close, A.CLOSE, icon="check-circle"),
    Step("reopen", A.REOPEN.label, "The same case goes on as its next cycle; the earlier one stays as it was.", "Reopen the case",
         "Case reopened.", steps.ReasonForm, running.reopen, A.REOPEN, icon="arrow-counterclockwise", tone="outline"),
    _step_of(A.REFER_TO_OMBUDSMAN, "Say which body asked, when, and for what.", "With the ombudsman.", steps.ReasonForm, icon="building",
             tone="outline"),
    _step_of(A.SETTLE, "Settled at once, to their satisfaction. It counts, but no formal complaint is opened.", "Settled.",
             steps.SettleForm, icon="check-circle", tone="outline"),
    _step_of(A.EXCLUDE, "Say which rule takes it out of this procedure, and what they were told.", "Recorded as not for this procedure.",
             steps.DatedReasonForm, icon="slash-circle", tone="danger"),
    _step_of(A.WITHDRAW, "Only they can withdraw it. Say how they told us.", "Withdrawn.", steps.DatedReasonForm, icon="x-circle",
             tone="danger"),
    _step_of(A.TRANSFER, "Say to whom, and that they agreed.", "Transferred.", steps.DatedReasonForm, icon="arrow-right", tone="danger"),
    _step_of(A.MERGE_AS_DUPLICATE, "Name the case it belongs to. Nothing is deleted.", "Merged.", steps.ReasonForm, icon="diagram-3",
             tone="danger"),
    _step_of(A.END_WITHOUT_CONSENT, "Say when consent was asked for, and what was said.", "Ended: consent not received.",
             steps.DatedReasonForm, icon="lock", tone="danger"),
    _step_of(A.END_CONTACT, "A manager’s decision, with its reason and what they were told.", "Ended: no further contact.",
             steps.DatedReasonForm, icon="dash-circle", tone="danger"),

    Step("note", "Add a note", "For the file: a note, a call or a meeting.", "Save the note", "Note saved.", records.NoteForm,
         running.add_note,
         section="notes", icon="journal-text"),
    Step("contact", "Record an update to them", "Keeping them informed is a duty: this is what counts for it.", "Save the update",
         "Update recorded.", records.ContactForm, running.contact, section="notes", icon="send"),
    Step("acknowledge_stage", "Acknowledge this stage", "Say how and when they learnt that the next stage has begun.",
         "Record the acknowledgement", "Acknowledgement recorded.", steps.AcknowledgeForm, running.acknowledge_stage, section="timers",
         icon="envelope"),
    Step("count", "Record what this law counts", "What the law of this case has a timer for, and no other step records.",
         "Record it", "Recorded.", records.CountForm, running.record_counted, section="timers", icon="journal-text"),
    Step("interim", "Record a holding letter", "They were told that the answer is still to come, and within how many days.", "Save",
         "Holding letter recorded.", records.InterimForm, running.interim, section="notes", icon="hourglass-split"),
    Step("point", "Add a point", "One point at a time, in their words: each gets its own finding.", "Add the point", "Point added.",
         records.PointForm, running.add_point, section="points", icon="plus-lg"),
    Step("change_point", "Change a point", "As agreed with them.", "Save the point", "Point changed.", records.ChangePointForm,
         running.change_point, section="points", icon="pencil"),
    Step("finding", "Record a finding", "What was found about this point, what that rests on, and what is done about it.",
         "Save the finding", "Finding recorded.", records.FindingForm, running.record_finding, section="points", icon="search"),
    Step("write_response", "Write the response", "Each saving keeps a version.", "Save this version", "Version saved.", steps.WriteForm,
         running.write, section="response", icon="pencil"),
    Step("statement", "Ask for a statement", "They get a mail, and a page on which they answer. They see the points you choose, your "
         "questions and where to look; the names are left out unless you say that they need them.", "Send the questions", "Questions sent.",
         statements.AskForm, running.ask,
         section="statements", icon="question-circle"),
    Step("withdraw_statement", "Withdraw a request", "They need not answer any more.", "Withdraw the request", "Request withdrawn.",
         statements.WithdrawForm, running.withdraw_statement, section="statements", icon="x-circle"),
    Step("task", "Add a task or call-back", "It appears under “My tasks” of whoever does it.", "Add it", "Added.", records.TaskForm,
         running.add_task,
         section="tasks", icon="clipboard-check"),
    Step("finish_task", "Done", "", "Mark as done", "Done.", records.FinishTaskForm, running.finish_task, section="tasks", icon="check-lg"),
    Step("assign", "Give it to somebody", "Whoever has it is told by the worklist. Write a hand-over note if somebody had it before.",
         "Hand it over", "Handed over.", records.AssignForm, running.assign, section="assignment", icon="people"),
    Step("period", "Change the response date", "Agree the new day with them, or tell them, before the old one runs out.", "Save the date",
         "Response date saved.", steps.PeriodForm, running.agree_period, section="timers", icon="calendar-event"),
    Step("hold", "Put on hold", "The case waits. Statutory timers go on: only those whose law allows it stop.", "Put on hold", "On hold.",
         records.HoldForm, running.hold, section="timers", icon="pause-circle"),
    Step("release", "End the hold", "The wait is over.", "End the hold", "Hold ended.", records.ReleaseForm, running.release,
         section="timers",
         icon="play-circle"),
    Step("breach_reason", "Say why it was breached", "A breached target needs its reason: it is counted and learnt from.",
         "Save the reason", "Reason saved.", records.BreachForm, running.explain_breach, section="timers", icon="exclamation-triangle"),
    Step("complete", "Fill in what is missing", "Ask them when you next speak. What nobody knows can be ticked off.",
         "Save the answers", "Saved.", records.CompleteForm, running.complete, section="gaps", icon="pencil"),
    Step("no_conflict", "Declare no conflict of interest", "Whoever has a case says once that they have none in it.",
         "Save the declaration", "Declared.", records.NoConflictForm, running.declare_no_conflict, section="assignment",
         icon="person-check"),
    Step("conflict", "Declare a conflict of interest", "You will not have this case; if you have it now, it goes back to the team. "
         "A manager is told.", "Save the declaration", "Declared. A manager is told.", records.ConflictForm,
         running.declare_conflict, section="assignment", icon="slash-circle", tone="danger"),
    Step("add_pack", "Add a second policy pack", "For a concern that falls under two laws, such as a complaint about care that is also "
         "about personal data. Its timers run beside the others, from receipt.", "Add the pack", "Policy pack added.", records.AddPackForm,
         running.add_pack, section="timers", icon="plus-lg"),
    Step("remove_pack", "Remove the policy pack", "Its timers no longer apply. The trail keeps that it was here.", "Remove the pack",
         "Policy pack removed.", records.RemovePackForm, running.remove_pack, section="timers", icon="x-circle"),
    Step("priority", "Raise the priority", "It is shown first to everybody.", "Raise it", "Priority raised.", records.PriorityForm,
         running.raise_priority, icon="flag"),
    Step("subject", "Name a member of staff in it", "The concern is about somebody who works here.", "Save the name", "Name saved.",
         records.SubjectForm, running.name_subject, section="people", icon="lock"),
    Step("confidential", "Say who may see it", "A confidential case is seen by those on its list alone. The auditors read it too.",
         "Save the list", "Saved. Only those on the list see this case.", records.ReadersForm, running.make_confidential,
         section="access", icon="lock"),
    Step("lift", "End the confidence", "Everybody whose work it is sees the case again.", "End the confidence",
         "The case is no longer confidential.", steps.ReasonForm, running.lift_confidence, section="access", icon="lock"),
    Step("erasure", "Erase what it holds of people", "A second person decides. What goes is gone for good; figures and dates stay.",
         "Ask a second person", "Asked. A manager other than you decides.", AskErasureForm, running.ask_erasure, section="people",
         icon="slash-circle", tone="danger"),
    Step("decide_erasure", "Decide the erasure", "You are the second person. A legal claim, an inquest or an inquiry may still need it.",
         "Save the decision", "Decided.", DecideErasureForm, running.decide_erasure, section="people", icon="slash-circle", tone="danger"),
    Step("legal_hold", "Place a legal hold", "Nothing of this case can be erased until a manager lifts it.", "Place the hold",
         "Legal hold placed.", steps.ReasonForm, running.place_legal_hold, section="people", icon="lock"),
    Step("lift_legal_hold", "Lift the legal hold", "The claim, inquest or inquiry is over.", "Lift the hold", "Legal hold lifted.",
         steps.ReasonForm, running.lift_legal_hold, section="people", icon="lock"),
    Step("correction", "Correct the receipt date", "The clocks run from receipt. A second person decides; the old date is kept.",
         "Ask a second person", "Asked. Somebody else decides.", records.CorrectionForm, running.ask_correction, section="timers",
         icon="clock-history"),
    Step("decide_correction", "Decide the correction", "You are the second person: look at what it rests on.", "Save the decision",
         "Decided.", records.DecideForm, running.decide_correction, section="timers", icon="clock-history"),
)
STEPS: dict[str, Step] = {step.name: step for step in _ALL}
_OF_ACTION = {step.action: step for step in _ALL if step.action is not None}

# Where to go for what a guard asks: its sentence, and the step or the part of the page that settles it.
_SETTLED_BY: dict[str, str] = {
    **{guard.sentence: "triage" for guard in rules.TRIAGED}, rules.OUTCOME_SOUGHT.sentence: "complete",
    rules.HAS_POINTS.sentence: "point", rules.HAS_DRAFT.sentence: "write_response",
    rules.PERIOD_AGREED.sentence: "scope", rules.ACKNOWLEDGED.sentence: "acknowledge",
}
_SHOWN_IN: dict[str, str] = {
    rules.EVERY_FINDING.sentence: "points", rules.REMEDY_FOR_UPHELD.sentence: "points", rules.NO_OPEN_STATEMENTS.sentence: "statements",
}
_ENDINGS = frozenset({
    A.DISCARD, A.SETTLE, A.EXCLUDE, A.WITHDRAW, A.TRANSFER, A.MERGE_AS_DUPLICATE, A.END_WITHOUT_CONSENT, A.END_CONTACT,
})


@dataclass(frozen=True, slots=True)
class Missing:
    """Something a step needs first: the step that settles it, or the part of the page."""

    sentence: str
    step: str = ""
    section: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """A step as the case page offers it."""

    step: Step
    missing: tuple[Missing, ...] = ()
    pending: tuple[str, ...] = ()

    @property
    def is_possible(self) -> bool:
        return not self.missing


@dataclass(frozen=True, slots=True)
class Offers:
    """What can be done now: the way on, other ways to end, and what can be written down or arranged."""

    moves: tuple[Offer, ...]
    endings: tuple[Offer, ...]
    records: tuple[Step, ...]
    arrangements: tuple[Step, ...]


def offers_of(case: CaseView, actor: Actor) -> Offers:
    """What this person can do with this case as it stands."""
    if not actor.may(Permission.WORK_CASES) or case.is_behind_glass:
        return Offers((), (), (), ())
    offers = [_offer(move) for move in case.moves if move.move.action in _OF_ACTION]
    if case.status is Status.TRIAGE:
        offers.insert(0, Offer(STEPS["triage"]))
    if case.status is Status.RESPONSE_DRAFTING:
        offers.insert(0, Offer(STEPS["write_response"]))
    if case.erased_at:
        offers = []
    return Offers(
        moves=tuple(offer for offer in offers if offer.step.action not in _ENDINGS),
        endings=tuple(offer for offer in offers if offer.step.action in _ENDINGS),
        records=tuple(STEPS[name] for name in _records(case)),
        arrangements=tuple(STEPS[name] for name in (*_arrangements(case), *_keeping(case, actor))))


def missing_for(case: CaseView, step: Step) -> tuple[Missing, ...]:
    """What the lifecycle asks for before this step."""
    return next((_offer(move).missing for move in case.moves if step.action is move.move.action), ())


def _offer(move: MoveView) -> Offer:
    missing = tuple(Missing(words, _SETTLED_BY.get(words, ""), _SHOWN_IN.get(words, "")) for words in move.missing)
    return Offer(_OF_ACTION[move.move.action], missing, move.pending)


def _records(case: CaseView) -> tuple[str, ...]:
    if case.status is Status.DRAFT:
        return ()
    count = ("count",) if case.countables else ()
    if not case.is_open:
        return (*count, "note", "task")
    stage = ("acknowledge_stage",) if _waits_for_acknowledgement(case) else ()
    sort = ("classify",) if case.questions and case.status in (Status.RECEIVED, Status.TRIAGE) else ()
    return (*sort, *stage, "note", "contact", "task", "point", "statement", "interim", *count)


def _waits_for_acknowledgement(case: CaseView) -> bool:
    """Whether a later stage, or a new cycle, has its own acknowledgement still to be made."""
    if case.status in (Status.RECEIVED, Status.TRIAGE):
        return False
    return any(timer.target == TargetCode.ACKNOWLEDGE and timer.state in (State.RUNNING, State.BREACHED) and timer.met_at is None
               for timer in case.current_timers)


def _keeping(case: CaseView, actor: Actor) -> tuple[str, ...]:
    """How long what it holds of people is kept."""
    if case.status is Status.DRAFT or case.erased_at:
        return ()
    hold = "lift_legal_hold" if case.has_legal_hold else "legal_hold"
    ask = () if case.is_open or case.has_legal_hold or case.waiting_erasure else ("erasure",)
    return (*ask, *((hold,) if actor.may(Permission.SIGN_RESPONSES) else ()))


def _arrangements(case: CaseView) -> tuple[str, ...]:
    if case.status is Status.DRAFT:
        return ()
    if not case.is_open:
        return ("subject",)
    wait = "release" if case.held_since else "hold"
    period = ("period",) if case.response_due_on else ()
    conflict = () if case.my_declaration else ("conflict",)
    lift = ("lift",) if case.is_confidential else ()
    sort = () if case.status in (Status.RECEIVED, Status.TRIAGE) else ("change_type",)
    return ("assign", *period, wait, "priority", "subject", *conflict, "confidential", *lift, "correction", *sort, "add_pack")
