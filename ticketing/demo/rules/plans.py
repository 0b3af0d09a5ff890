"""Which 120 cases the demo hospital has: where each stands, how long it has been here, and who has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import cycle

from ticketing.cases.rules import Action, Status
from ticketing.codes.rules import CaseType, HoldReason
from ticketing.demo.rules.cast import Dice
from ticketing.demo.rules.hospital import HANDLERS, SIGNATORIES, clinicians_of, unit
from ticketing.demo.rules.stories import Library, ShortStory, Story, Telling

S = Status


@dataclass(frozen=True, slots=True)
class Wish:
    """One case as wanted.  `age`: working days since receipt.  `due`: working day on which the response is due, from receipt."""

    stage: Status
    age: int
    handler: str = ""
    case_type: CaseType = CaseType.COMPLAINT_FORMAL
    due: int = 0
    is_acknowledged_late: bool = False
    is_early: bool = False
    is_extended: bool = False
    hold: HoldReason | None = None
    asks: int = 0
    asked: float = 0.0  # working days ago
    clinician: str = ""
    has_draft_statement: bool = False
    extra: str = ""
    story: str = ""
    ending: Action | None = None
    reopened_from: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A wish with its story and its people's keys."""

    number: int
    wish: Wish
    telling: Telling
    unit: str
    team: str
    handler: str
    recorder: str
    reviewer: str
    signatory: str
    clinician: str
    story: Story | None = None
    short: ShortStory | None = None

    @property
    def case_type(self) -> CaseType:
        return self.short.case_type if self.short else self.wish.case_type


CONSENT, COMPLAINANT, CORONER = HoldReason.AWAITING_CONSENT, HoldReason.AWAITING_COMPLAINANT, HoldReason.POLICE_OR_CORONER
RUNNING = (
    # just in
    Wish(S.DRAFT, 0), Wish(S.DRAFT, 1),
    Wish(S.RECEIVED, 0), Wish(S.RECEIVED, 0), Wish(S.RECEIVED, 1), Wish(S.RECEIVED, 2), Wish(S.RECEIVED, 4, extra="priority"),
    # for the officer who looks at the demo: due today, due tomorrow, overdue
    Wish(S.TRIAGE, 3, "officer", story="nine-hours"), Wish(S.TRIAGE, 2, "officer", story="allergy"),
    Wish(S.TRIAGE, 5, "officer", story="food"),
    Wish(S.TRIAGE, 1, "surgery-2"), Wish(S.TRIAGE, 2, "family-2"),
    Wish(S.ACKNOWLEDGED, 4, "officer", extra="call_back", story="hearing-aid"), Wish(S.ACKNOWLEDGED, 6, "lead-surgery"),
    Wish(S.ACKNOWLEDGED, 3, "family-3"),
    Wish(S.ACKNOWLEDGED, 9, "medicine-2", is_acknowledged_late=True), Wish(S.ACKNOWLEDGED, 5, "surgery-2", hold=CONSENT),
    Wish(S.SCOPING, 6, "officer", story="widower"), Wish(S.SCOPING, 8, "lead-family"), Wish(S.SCOPING, 10, "surgery-2", hold=CONSENT),
    Wish(S.SCOPING, 7, "family-2", extra="correction_asked"),
    Wish(S.EARLY_RESOLUTION, 7, "family-2", story="parking"), Wish(S.EARLY_RESOLUTION, 9, "lead-surgery"),
    Wish(S.EARLY_RESOLUTION, 5, "medicine-2", story="dentures"),
    Wish(S.INVESTIGATION, 12, "officer", asks=2, asked=5.5, clinician="clinician", story="seizure-wait"),
    Wish(S.INVESTIGATION, 21, "officer", asks=1, asked=11.6, clinician="clinician", story="ambulance-handover", due=27),
    Wish(S.INVESTIGATION, 15, "medicine-2", asks=1, asked=8.4, clinician="clinician", has_draft_statement=True,
         story="night-discharge"),
    Wish(S.INVESTIGATION, 30, "officer", due=28, story="fall", asks=1),
    Wish(S.INVESTIGATION, 14, "lead-surgery", asks=1), Wish(S.INVESTIGATION, 19, "family-2", asks=1, is_acknowledged_late=True),
    Wish(S.INVESTIGATION, 26, "surgery-2", hold=COMPLAINANT), Wish(S.INVESTIGATION, 38, "medicine-2", hold=CORONER, due=60),
    Wish(S.INVESTIGATION, 44, "lead-family", is_extended=True, due=52), Wish(S.INVESTIGATION, 17, "lead-medicine", asks=2),
    Wish(S.INVESTIGATION, 48, "surgery-2", due=40, is_extended=True, asks=1),
    Wish(S.RESPONSE_DRAFTING, 24, "officer", due=25, story="dementia-moved"), Wish(S.RESPONSE_DRAFTING, 28, "family-2"),
    Wish(S.RESPONSE_DRAFTING, 35, "lead-surgery", due=33, is_extended=False), Wish(S.RESPONSE_DRAFTING, 22, "medicine-2"),
    Wish(S.QUALITY_REVIEW, 23, "officer", due=24, story="gp-letter-blood"), Wish(S.QUALITY_REVIEW, 29, "surgery-2"),
    Wish(S.QUALITY_REVIEW, 33, "family-3", due=32),
    Wish(S.AWAITING_SIGNOFF, 25, "medicine-2", due=25), Wish(S.AWAITING_SIGNOFF, 27, "lead-surgery", due=29),
    Wish(S.AWAITING_SIGNOFF, 36, "lead-family", due=34),
    Wish(S.RESPONSE_SENT, 24, "officer", story="safeguarding-home"), Wish(S.RESPONSE_SENT, 22, "surgery-2"),
    Wish(S.RESPONSE_SENT, 27, "family-2"), Wish(S.RESPONSE_SENT, 25, "lead-medicine"), Wish(S.RESPONSE_SENT, 20, "lead-surgery"),
    Wish(S.MEETING_OFFERED, 38, "lead-family"), Wish(S.MEETING_OFFERED, 45, "medicine-2"),
    Wish(S.REOPENED, 55, "officer", reopened_from="The letter answers what happened in the night and not why her other daughter was rung."),
    Wish(S.REOPENED, 62, "surgery-2", reopened_from="Has had a second opinion and asks us to look at the scan again."),
    Wish(S.INVESTIGATION, 66, "family-2", reopened_from="The new appointment we promised was cancelled as well."),
    Wish(S.OMBUDSMAN_REVIEW, 80, "medicine-2"),
    # thanks and ideas not yet passed on
    Wish(S.RECEIVED, 0, case_type=CaseType.COMPLIMENT), Wish(S.RECEIVED, 1, "family-3", case_type=CaseType.SUGGESTION),
    Wish(S.RECEIVED, 0, "officer", case_type=CaseType.CONCERN_PALS, extra="call_back"),
)
ENDED_OTHERWISE = (
    Wish(S.DISCARDED, 20), Wish(S.EXCLUDED, 48, "lead-family", ending=Action.EXCLUDE),
    Wish(S.WITHDRAWN, 33, "medicine-2", ending=Action.WITHDRAW), Wish(S.WITHDRAWN, 52, "surgery-2", ending=Action.WITHDRAW),
    Wish(S.WITHDRAWN, 71, "family-2", ending=Action.WITHDRAW),
    Wish(S.TRANSFERRED, 29, "officer", ending=Action.TRANSFER, story="ambulance-handover"),
    Wish(S.TRANSFERRED, 64, "lead-surgery", ending=Action.TRANSFER),
    Wish(S.DUPLICATE_MERGED, 41, "family-2", ending=Action.MERGE_AS_DUPLICATE),
    Wish(S.CONSENT_NOT_RECEIVED, 58, "lead-medicine", hold=CONSENT, ending=Action.END_WITHOUT_CONSENT),
    Wish(S.NO_FURTHER_CONTACT, 60, "lead-surgery", ending=Action.END_CONTACT),
)
PALS, ENQUIRY, THANKS, IDEA = CaseType.CONCERN_PALS, CaseType.ENQUIRY, CaseType.COMPLIMENT, CaseType.SUGGESTION
SETTLED = tuple(Wish(S.RESOLVED_INFORMAL, age, case_type=kind) for kind, age in (
    (PALS, 3), (PALS, 6), (PALS, 11), (PALS, 16), (PALS, 23), (PALS, 31), (PALS, 39), (PALS, 47), (PALS, 56), (PALS, 68), (PALS, 77),
    (ENQUIRY, 2), (ENQUIRY, 18), (ENQUIRY, 36), (THANKS, 5), (THANKS, 27), (THANKS, 49), (IDEA, 9), (IDEA, 44)))
CLOSED = tuple(
    Wish(S.CLOSED, age, due=due, is_early=age in (18, 21, 30, 46, 63, 79), is_acknowledged_late=age in (50, 68),
         is_extended=age in (61, 83), hold=COMPLAINANT if age in (38, 51, 71, 80) else None,
         reopened_from="One of the points was not answered." if age == 84 else "")
    for age, due in (
        (84, 0), (18, 0), (21, 0), (27, 0), (29, 0), (30, 0), (31, 0), (33, 0), (35, 0), (36, 0), (38, 0), (40, 0), (42, 24), (44, 0),
        (46, 0), (48, 18), (50, 0), (51, 0), (53, 0), (55, 0), (57, 20), (59, 0), (61, 40), (63, 0), (65, 0), (68, 0), (69, 19), (71, 0),
        (75, 0), (79, 0), (80, 0), (83, 42)))
WISHES = RUNNING + ENDED_OTHERWISE + SETTLED + CLOSED[:120 - len(RUNNING) - len(ENDED_OTHERWISE) - len(SETTLED)]


def plans(library: Library, dice: Dice) -> tuple[Plan, ...]:
    """Every case with its story; running cases each have words of their own."""
    fresh = _tellings(library, {wish.story for wish in WISHES if wish.story}, dice)
    shorts = {kind: cycle([(short, telling) for which in (0, 1) for short in library.of_type(kind)
                           for telling in short.tellings[which:which + 1]]) for kind in (PALS, ENQUIRY, THANKS, IDEA)}
    made = []
    for number, wish in enumerate(WISHES, start=1):
        if wish.case_type in shorts:
            short, telling = next(shorts[wish.case_type])
            made.append(_plan(number, wish, telling, short.unit, dice, short=short))
            continue
        story, telling = _named(library, wish.story) if wish.story else _fitting(fresh, wish)
        made.append(_plan(number, wish, telling, story.unit, dice, story=story))
    return tuple(made)


def _named(library: Library, key: str) -> tuple[Story, Telling]:
    story = next(item for item in library.stories if item.key == key)
    return story, story.tellings[0]


def _tellings(library: Library, taken: set[str], dice: Dice) -> list[tuple[Story, Telling]]:
    """Each story once with its first telling, then with its second, then all of them again."""
    rounds: list[tuple[Story, Telling]] = []
    for which in (0, 1, 0, 1):
        found = [(story, story.tellings[which]) for story in library.stories if len(story.tellings) > which]
        dice.shuffle(found)
        rounds += [pair for pair in found if pair[0].key not in taken or which == 1]
    return rounds


def _fitting(fresh: list[tuple[Story, Telling]], wish: Wish) -> tuple[Story, Telling]:
    """The next story that this wish can carry: its handler's team, and nobody anonymous where somebody must be spoken to."""
    needs_speaker = wish.hold is not None or wish.ending is not None or bool(wish.reopened_from) or wish.is_early or bool(wish.extra)
    needs_speaker = needs_speaker or wish.is_acknowledged_late or bool(wish.due)
    for position, (story, _) in enumerate(fresh):
        is_right_team = not wish.handler or wish.handler in HANDLERS[unit(story.unit).team]
        is_plain = not (needs_speaker and story.is_anonymous) and not (wish.is_early and (story.has_died or story.is_safeguarding))
        needs_other = wish.hold is CONSENT or wish.ending is Action.END_WITHOUT_CONSENT
        is_for_another = not needs_other or (story.tellings[0].patient not in ("self", "son", "daughter") and not story.has_died)
        if is_right_team and is_plain and is_for_another:
            return fresh.pop(position)
    return fresh.pop(0)


def _plan(
    number: int, wish: Wish, telling: Telling, unit_code: str, dice: Dice, *, story: Story | None = None, short: ShortStory | None = None,
) -> Plan:
    team = unit(unit_code).team
    officers = HANDLERS[team]
    handler = wish.handler or dice.choice(officers)
    others = [key for keys in HANDLERS.values() for key in keys if key != handler]
    colleagues = [key for key in officers if key != handler]  # who sees the case, and so can review its response
    asked = clinicians_of(unit_code)
    recorder = handler if dice.random() < 0.6 else dice.choice(officers)
    reviewer = colleagues[others.index(dice.choice(others)) % len(colleagues)]
    return Plan(
        number=number, wish=replace(wish, due=wish.due or 0), telling=telling, unit=unit_code, team=team, handler=handler,
        recorder=recorder, reviewer=reviewer, signatory=SIGNATORIES[team],
        clinician=wish.clinician or dice.choice(asked), story=story, short=short)


def in_order(made: tuple[Plan, ...]) -> Iterator[Plan]:
    """Oldest first."""
    return iter(sorted(made, key=lambda plan: (-plan.wish.age, plan.number)))
