"""What happens to each case, step by step, at which working moment and by whom; pure, so that it can be read and tested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ticketing.cases.rules import Action, NoteKind, Status
from ticketing.codes.rules import BreachReason, CaseType, Channel, ConsentStatus, ContactMethod, HoldReason, Relationship
from ticketing.demo.rules.cast import Caller, Dice, cast
from ticketing.demo.rules.days import WorkingDays
from ticketing.demo.rules.hospital import STAFF, clinicians_of, unit
from ticketing.demo.rules.letters import acknowledgement_note, early_letter, response_letter
from ticketing.demo.rules.plans import Plan

S = Status
LATEST_SHARE = 0.97
METHODS = (ContactMethod.PHONE, ContactMethod.PHONE, ContactMethod.EMAIL, ContactMethod.LETTER)
CHANNELS = (Channel.EMAIL, Channel.EMAIL, Channel.LETTER, Channel.LETTER, Channel.PHONE, Channel.WEB_FORM, Channel.IN_PERSON)
UPDATES = (
    "Rang to say where we are: the statement is in, one question is still open. They were glad of the call.",
    "Wrote to say that it takes longer than we hoped, and why. Next news promised by the end of next week.",
    "Rang with an update. Asked whether the date still suits them: it does.",
    "Left a message first, then reached them in the evening. Explained what is left to do.",
)
NEARLY = (
    "Wrote to say that we have heard from everybody and are writing the answer now.",
    "Rang: all the statements are in. Asked whether they would like the letter by post or by e-mail.",
)
NO_ANSWER = "Rang twice on the first day without an answer."
STAMPED = "The envelope is stamped two days earlier; it lay in the post room over the weekend."
ALSO = "Is there anything in the department's own log of that shift that the record does not show?"
RETURNED = "The first point reads as if we doubted them. And please say who will ring."
WILL_RING = "I shall ring you in the week after this letter, to hear whether it answers what you asked."
WHY_EXTENDED = "A statement came late. Rang and explained; they agreed to the new date, and it has been confirmed in writing."
WHY_LATE = (
    (BreachReason.STATEMENT_LATE, "The statement came eight working days late; the clinical lead has been told."),
    (BreachReason.RECORDS_LATE, "The notes were with another department and took two weeks to arrive."),
    (BreachReason.WORKLOAD, "Two officers were covering for three."),
    (BreachReason.COMPLEX, "Three departments had to answer, and the answers did not agree at first."),
    (BreachReason.STAFF_ABSENCE, "The officer was ill and it was not handed over on the day."),
    (BreachReason.COMPLAINANT_ASKED, "They asked us to wait until after the funeral. The date should have been amended and was not."),
)
ENDINGS: Mapping[Action, tuple[Status, str]] = {
    Action.EXCLUDE: (S.TRIAGE, "It is about events of 2019, known then, and no good reason for the delay was given. Explained in writing, "
                     "with how to go to the Ombudsman."),
    Action.WITHDRAW: (S.INVESTIGATION, "They wrote to say that the ward sister has spoken to them and that they do not wish to go on."),
    Action.TRANSFER: (S.TRIAGE, "It concerns the ambulance service. They agreed that we pass it on and have been given a name there."),
    Action.MERGE_AS_DUPLICATE: (S.RECEIVED, "The same letter came by post and by e-mail. The other case goes on."),
    Action.END_WITHOUT_CONSENT: (S.SCOPING, "The patient does not wish us to answer about their care. Explained to the family what we can "
                                 "still say in general."),
    Action.END_CONTACT: (S.INVESTIGATION, "Every point was answered twice, and staff have been threatened. Agreed with the chief nurse; "
                         "the Ombudsman's details were given."),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One deed: which verb, by whom, when, with what."""

    at: datetime
    case: int
    by: str
    verb: str
    values: Mapping[str, Any]


@dataclass(slots=True)
class Script:
    """Collects the steps of one case; `point` is a position in working days since receipt, so 3.5 is noon of the third day."""

    plan: Plan
    days: WorkingDays
    dice: Dice
    caller: Caller
    point: float = 0.0
    not_before: float = 0.0  # the response waits for a new date to have been told
    notes: list[tuple[float, str, str, dict[str, Any]]] = field(default_factory=list)

    def later(self, least: float, most: float) -> float:
        """Move on by so many working days."""
        self.point += self.dice.uniform(least, most)
        return self.point

    def do(self, verb: str, by: str = "", **values: Any) -> None:
        self.point += 0.004
        self.do_at(self.point, verb, by, **values)

    def do_at(self, point: float, verb: str, by: str = "", **values: Any) -> None:
        """Something that happens meanwhile, unless that lies ahead."""
        if point < self.plan.wish.age + 1 or point == self.point:
            self.notes.append((point, by or self.plan.handler, verb, values))

    def steps(self) -> tuple[Step, ...]:
        """At their moments, drawn together where the case has had less time than it wanted."""
        age = self.plan.wish.age
        notes = sorted(self.notes, key=lambda note: note[0])
        first, last, limit = notes[0][0], notes[-1][0], age + LATEST_SHARE
        pull = min(1.0, (limit - first) / (last - first)) if last > first else 1.0
        found = []
        for point, by, verb, values in notes:
            spot = first + (point - first) * pull
            found.append(Step(self.days.moment(age - int(spot), spot % 1), self.plan.number, by, verb, values))
        return tuple(found)

    def due_on(self, working_days: int) -> date:
        return self.days.day(self.plan.wish.age - working_days)

    def text(self, words: str) -> str:
        return words.format(p=self.caller.patient_first_name, unit=unit(self.plan.unit).spoken)


def script_of(plan: Plan, days: WorkingDays, dice: Dice) -> tuple[Step, ...]:
    """Everything that happens to one case until now, in order."""
    caller = cast(plan.telling, plan.story, plan.number, days.day(0), dice)
    script = Script(plan, days, dice, caller, point=dice.uniform(0.05, 0.6))
    if plan.short is not None:
        _play_short(script)
    else:
        _play_formal(script)
    return script.steps()


def _play_short(script: Script) -> None:
    plan = script.plan
    assert plan.short is not None  # noqa: S101 - for the type checker
    is_pals = plan.case_type is CaseType.CONCERN_PALS
    channel = script.dice.choice((Channel.PHONE, Channel.IN_PERSON)) if is_pals else script.dice.choice((Channel.EMAIL, Channel.WEB_FORM))
    _receive(script, channel, takes_it=plan.wish.stage is not S.RECEIVED or bool(plan.wish.handler))
    if plan.wish.extra == "call_back":
        script.do("call_back", title="Ring back before five: is it working again?", due_at=_today_at(script, 16, 45))
    if plan.wish.stage is S.RECEIVED:
        return
    is_late = is_pals and plan.wish.age in (31, 56)
    script.later(2.1, 2.6) if is_late else script.later(0.1, 0.9 if is_pals else 1.6)
    script.do("settle", why=plan.short.settled)
    if is_late:
        script.later(0.05, 0.1)
        script.do("explain_breach", target="respond_stage_1", reason=BreachReason.WORKLOAD, note=NO_ANSWER)


def _play_formal(script: Script) -> None:
    wish = script.plan.wish
    channel = Channel.of(script.plan.story.channel) if script.plan.story and script.plan.story.channel else script.dice.choice(CHANNELS)
    if wish.stage in (S.DRAFT, S.DISCARDED):
        _receive(script, Channel.PHONE, verb="keep_draft")
        if wish.stage is S.DISCARDED:
            script.later(0.5, 1.0)
            script.do("move", action=Action.DISCARD, why="Rang off before giving a name; the same person wrote the next day.")
        return
    _receive(script, channel, takes_it=False)
    for play in (_play_intake, _play_scope, _play_investigation, _play_response, _play_after):
        if play(script):
            return


def _receive(script: Script, channel: Channel, *, takes_it: bool = False, verb: str = "receive") -> None:
    plan, story = script.plan, script.plan.story
    came = script.point
    is_letter = channel is Channel.LETTER and plan.wish.age > 0
    if is_letter:
        script.later(0.25, 0.9)
    script.do(
        verb, plan.handler if takes_it else plan.recorder, channel=channel, unit=plan.unit, team=plan.team, case_type=plan.case_type,
        narrative=script.text(plan.telling.text), sought=story.sought if story else "", points=story.points if story else (),
        caller=script.caller, takes_it=takes_it, is_anonymous=script.caller.complainant is None,
        has_agreed_to_email=channel in (Channel.EMAIL, Channel.WEB_FORM), received_at=_moment(script, came),
        happened_on=script.days.day(plan.wish.age + script.dice.randint(2, 15)), is_safeguarding=story.is_safeguarding if story else False)


def _moment(script: Script, point: float) -> datetime:
    return script.days.moment(script.plan.wish.age - int(point), point % 1)


def _today_at(script: Script, hour: int, minute: int) -> datetime:
    return datetime.combine(script.days.day(0), time(hour, minute), ZoneInfo(script.days.zone))


def _play_intake(script: Script) -> bool:
    """Receipt to acknowledgement; True when the case goes no further than it got."""
    plan, wish, story = script.plan, script.plan.wish, script.plan.story
    if wish.extra == "priority":
        script.later(2.0, 2.4)
        script.do("priority", f"lead-{plan.team.lower()}", why="Nobody has taken it and the acknowledgement is due.")
    if wish.stage is S.RECEIVED:
        return True
    script.later(0.1, 0.5)
    script.do("take" if plan.recorder == plan.handler else "assign", plan.recorder, to=plan.handler, note="")
    if story and story.names_staff:
        script.do("name_subject", staff=clinicians_of(plan.unit)[0])
    if _ends(script, S.RECEIVED):
        return True
    script.later(0.2, 0.8)
    if wish.stage is S.TRIAGE:
        script.do("move", action=Action.OPEN_TRIAGE, why="")
        return True
    script.do("triage", case_type=plan.case_type, consent=_consent(script), severity=story.severity if story else None,
              is_safeguarding=bool(story and story.is_safeguarding))
    if _ends(script, S.TRIAGE):
        return True
    if wish.is_acknowledged_late:
        script.point = max(script.point, script.dice.uniform(4.2, 5.6))
    else:
        script.point = max(script.point + 0.1, min(script.dice.uniform(1.0, 2.9), wish.age + 0.6))
    method = script.dice.choice(METHODS)
    script.do("acknowledge", method=method, note=acknowledgement_note(method), is_anonymous=script.caller.complainant is None)
    if wish.is_acknowledged_late:
        reason, note = script.dice.choice(WHY_LATE[2:5])
        script.do("explain_breach", target="acknowledge", reason=reason, note=note)
    if wish.extra == "call_back":
        script.do("call_back", title="Ring to agree the points and the date: they are home after two", due_at=_today_at(script, 14, 30))
    if wish.hold is HoldReason.AWAITING_CONSENT and wish.stage is S.ACKNOWLEDGED:
        script.later(0.1, 0.6)
        script.do("hold", reason=wish.hold, note="Consent form sent to the patient by post.")
    return wish.stage is S.ACKNOWLEDGED


def _consent(script: Script) -> ConsentStatus:
    story, wish = script.plan.story, script.plan.wish
    if script.caller.relationship in (Relationship.SELF, Relationship.UNKNOWN):
        return ConsentStatus.NOT_NEEDED
    if story and story.has_died:
        return ConsentStatus.DECEASED_AUTHORITY
    return ConsentStatus.REQUESTED if wish.hold is HoldReason.AWAITING_CONSENT else ConsentStatus.RECEIVED


def _play_scope(script: Script) -> bool:
    wish, story = script.plan.wish, script.plan.story
    if wish.is_extended or wish.stage is S.SCOPING or wish.extra == "correction_asked":
        script.later(0.3, 0.8)
    script.later(0.4, 2.0)
    if story and script.caller.complainant is not None:
        script.do("note", kind=NoteKind.PHONE_CALL, text=story.call)
    due = wish.due or script.dice.choice((25, 25, 30, 35, 40))
    first_due = max(due - 14, int(script.point) + 3) if wish.is_extended else due
    script.do("scope", due_on=script.due_on(first_due), how="Agreed on the telephone and confirmed in the letter.")
    if wish.extra == "correction_asked":
        script.later(0.2, 0.5)
        script.do("ask_correction", "family-3", received_at=script.notes[0][3]["received_at"], reason=STAMPED)
    if wish.is_extended:
        script.not_before = max(first_due - 1.0, script.point + 0.4)
        script.do_at(script.not_before - 0.3, "extend", due_on=script.due_on(due), how=WHY_EXTENDED)
    if wish.hold is HoldReason.AWAITING_CONSENT:
        script.later(0.2, 0.9)
        script.do("hold", reason=wish.hold, note="Consent form sent to the patient by post; a reminder after two weeks.")
    if wish.stage is S.SCOPING:
        return True
    return _ends(script, S.SCOPING)


def _play_investigation(script: Script) -> bool:
    plan, wish, story = script.plan, script.plan.wish, script.plan.story
    script.later(0.05, 0.6)
    if wish.stage is S.EARLY_RESOLUTION or wish.is_early:
        return _play_early(script)
    script.do("move", action=Action.INVESTIGATE, why="")
    script.later(0.1, 1.2)
    is_last = wish.stage is S.INVESTIGATION and not wish.reopened_from
    if is_last and wish.asks:
        _updates(script, wish.age - (wish.asked or script.dice.uniform(1.5, 11.0)))
    _ask(script, 1)
    if wish.hold is not None and wish.hold is not HoldReason.AWAITING_CONSENT:
        script.later(3.0, 5.0)
        script.do("hold", reason=wish.hold, note=_hold_note(wish.hold))
        if not is_last:
            script.later(5.0, 9.0)
            script.do("release", note="They are home again and glad to go on.")
    if is_last and wish.asks:
        for extra in range(2, wish.asks + 1):
            script.later(2.0, 4.0)
            _ask(script, extra)
        _updates(script, wish.age + 0.3)
        if wish.has_draft_statement:
            script.later(0.5, 1.0)
            script.do("draft_statement", plan.clinician, text=story.statement.split(". ")[0] + "." if story else "")
        return True
    if _ends(script, S.INVESTIGATION):
        return True
    wait = script.dice.uniform(11.2, 14.0) if wish.due and wish.due < 25 else script.dice.uniform(3.0, 9.0)
    _updates(script, min(script.point + wait, wish.age + 0.2))
    script.later(0.2, 1.0)
    script.do("give_statement", plan.clinician, text=story.statement if story else "")
    if is_last:
        _updates(script, wish.age + 0.3)
        return True
    script.later(0.4, 1.8)
    _find(script)
    return False


def _ask(script: Script, number: int) -> None:
    plan, story = script.plan, script.plan.story
    if story is None:
        return
    questions = story.question if number == 1 else ALSO
    script.do("ask_statement", clinician=plan.clinician, questions=script.text(questions), records=story.records,
              minutes=script.dice.choice((15, 20, 30)), points=tuple(range(1, len(story.points) + 1)) if number == 1 else (1,))


def _updates(script: Script, until: float) -> None:
    """Keep the complainant informed on the way, usually in time."""
    while script.point + 7.4 < until and script.caller.complainant is not None:
        script.later(5.5, 7.2)
        script.do("note", kind=NoteKind.CONTACT, text=script.dice.choice(UPDATES))
    script.point = max(script.point, until)


def _hold_note(reason: HoldReason) -> str:
    if reason is HoldReason.POLICE_OR_CORONER:
        return "The coroner has asked us not to write until the inquest has been opened."
    return "They are in hospital themselves and asked us to wait until they are home."


def _find(script: Script) -> None:
    if script.plan.story is None:
        return
    for position, answer in enumerate(script.plan.story.answers, start=1):
        script.later(0.01, 0.05)
        script.do("finding", position=position, finding=answer.finding, reason=answer.reason, remedy=answer.remedy)


def _play_early(script: Script) -> bool:
    plan, wish = script.plan, script.plan.wish
    script.do("move", action=Action.RESOLVE_EARLY, why="")
    if wish.stage is S.EARLY_RESOLUTION:
        return True
    script.later(1.0, 4.0)
    _find(script)
    script.later(0.2, 1.0)
    if plan.story is not None:
        script.do("confirm_outcome", text=early_letter(plan.story, script.caller, _name_of(plan.handler)), method=ContactMethod.LETTER)
    script.later(4.0, 8.0)
    script.do("close", note="Settled and confirmed in writing. Nothing more was heard within the week.")
    return True


def _play_response(script: Script) -> bool:
    plan, wish = script.plan, script.plan.wish
    script.later(0.1, 0.8)
    _updates(script, script.not_before)
    if script.caller.complainant is not None and script.dice.random() < 0.8:
        script.do("note", kind=NoteKind.CONTACT, text=script.dice.choice(NEARLY))
    script.do("move", action=Action.DRAFT_RESPONSE, why="")
    letter = response_letter(plan.story, script.caller, _name_of(plan.signatory), _title_of(plan.signatory)) if plan.story else ""
    script.later(0.2, 1.0)
    script.do("draft", text=letter)
    if wish.stage is S.RESPONSE_DRAFTING:
        return _wait(script)
    script.later(0.1, 0.6)
    script.do("move", action=Action.SUBMIT_FOR_REVIEW, why="")
    if plan.number % 4 == 0 and wish.stage is not S.QUALITY_REVIEW:
        script.later(0.3, 1.0)
        script.do("move", plan.reviewer, action=Action.RETURN_DRAFT, why=RETURNED)
        script.later(0.2, 0.7)
        script.do("draft", text=letter.replace("Yours sincerely", f"{WILL_RING}\n\nYours sincerely"))
        script.do("move", action=Action.SUBMIT_FOR_REVIEW, why="")
    if wish.stage is S.QUALITY_REVIEW:
        return _wait(script)
    script.later(0.4, 1.4)
    script.do("move", plan.reviewer, action=Action.PASS_REVIEW, why="")
    if wish.stage is S.AWAITING_SIGNOFF:
        return _wait(script)
    if wish.due and wish.due < 25 and wish.stage is S.CLOSED:
        _updates(script, wish.due + script.dice.uniform(1.2, 6.0))
    script.later(0.3, 1.6)
    script.do("sign", plan.signatory, method=script.dice.choice((ContactMethod.LETTER, ContactMethod.LETTER, ContactMethod.EMAIL)))
    if wish.due and wish.due < 25 and wish.stage is S.CLOSED:
        reason, note = script.dice.choice(WHY_LATE)
        script.do("explain_breach", target="respond", reason=reason, note=note)
    return wish.stage is S.RESPONSE_SENT


def _wait(script: Script) -> bool:
    """It goes no further for now; the complainant is told so."""
    _updates(script, script.plan.wish.age + 0.3)
    return True


def _play_after(script: Script) -> bool:
    wish = script.plan.wish
    if wish.stage is S.MEETING_OFFERED:
        script.later(1.0, 3.0)
        script.do("move", action=Action.OFFER_MEETING, why="They would like to hear it from the consultant. Three dates offered.")
        return True
    script.later(5.0, 8.0)
    script.do("close", note="The response was received; they have no further questions.")
    if wish.stage is S.OMBUDSMAN_REVIEW:
        script.later(6.0, 9.0)
        script.do("move", action=Action.REFER_TO_OMBUDSMAN, why="The Ombudsman has asked for the file.")
        return True
    if not wish.reopened_from:
        return True
    script.later(4.0, 8.0)
    if wish.stage is not S.CLOSED:
        script.point = max(script.point, wish.age - script.dice.uniform(1.6, 6.0))
    script.do("reopen", why=wish.reopened_from)
    if wish.stage is S.REOPENED:
        return True
    script.later(0.4, 1.0)
    script.do("agree", due_on=script.due_on(min(int(script.point) + 20, wish.age + 15)), how="Agreed on the telephone.")
    script.do("move", action=Action.INVESTIGATE, why="")
    if wish.stage is S.INVESTIGATION:
        return True
    script.later(2.0, 4.0)
    return _play_response(script) or _close_again(script)


def _close_again(script: Script) -> bool:
    script.later(4.0, 6.0)
    script.do("close", note="The second answer was received. They wrote to say thank you.")
    return True


def _ends(script: Script, here: Status) -> bool:
    """Whether the case leaves the usual way at this stage."""
    ending = script.plan.wish.ending
    if ending is None or ENDINGS[ending][0] is not here:
        return False
    if ending is Action.END_WITHOUT_CONSENT:
        script.later(18.0, 22.0)
    else:
        script.later(0.4, 2.0)
    if here is S.INVESTIGATION:
        script.do("withdraw_statements", why="The case has ended; thank you for your time.")
    by = script.plan.signatory if ending is Action.END_CONTACT else ""
    script.do("move", by, action=ending, why=ENDINGS[ending][1])
    return True


def _name_of(key: str) -> str:
    return next(person.name for person in STAFF if person.key == key)


def _title_of(key: str) -> str:
    return next(person.job_title for person in STAFF if person.key == key)


@dataclass(frozen=True, slots=True)
class Watched:
    """When the case that escalates while somebody watches was received, and by which day its response is agreed."""

    received_at: datetime
    due_on: date


def watched(now: datetime, due_on: date, ends_at: datetime, seconds: int) -> Watched:
    """A receipt such that half of the time until `ends_at` (the end of `due_on`) is used in so many seconds."""
    half_at = now + timedelta(seconds=seconds)
    return Watched(half_at - (ends_at - half_at), due_on)
