"""A case for whoever watches: its next escalation falls due a minute after the demo has started."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from ticketing.accounts import queries as accounts
from ticketing.calendars.rules import named_calendar
from ticketing.cases import service as cases
from ticketing.cases.rules import NoteKind
from ticketing.cases.service import Concern, Triage
from ticketing.codes.rules import CaseType, Channel, ConsentStatus, ContactMethod, Relationship, Severity
from ticketing.core import clock
from ticketing.core.database import atomic
from ticketing.demo import queries
from ticketing.demo.rules import watched
from ticketing.demo.rules.hospital import CALENDAR, PACK, STAFF, ZONE
from ticketing.people.rules import PersonDetails

SECONDS = 75
NIGHTS = (
    ("My mother is on the acute medical unit tonight. She was given another patient's tablets this morning, and when I asked just now "
     "nobody could tell me whether she had her own. I am two hundred miles away. Please will somebody check.", "mother"),
    ("My father has been moved to a side room on the acute medical unit and the bell is out of his reach. He fell at home on Sunday. He "
     "rang me on his mobile to ask for the nurse. I have tried the ward eleven times.", "father"),
    ("My husband is on the acute medical unit with a drip that ran dry hours ago and his arm is swelling. He does not like to trouble "
     "anybody. I do.", "husband"),
)
RELATIONSHIP = {"mother": Relationship.CHILD, "father": Relationship.CHILD, "husband": Relationship.SPOUSE}
PATIENTS = {"mother": ("Doreen Fairweather", "Judith Fairweather"), "father": ("Maurice Tindall", "Peter Tindall"),
            "husband": ("Clive Rosewarne", "Marian Rosewarne")}


@atomic
def top_up(*, at: datetime) -> str:
    """Enter one urgent case from the on-call log, whose next step fires in about a minute; returns its reference."""
    officer = accounts.staff_by_email(next(person.email for person in STAFF if person.key == "officer")).actor
    words, patient = NIGHTS[queries.case_count() % len(NIGHTS)]
    due_on = _second_working_day(at)
    plan = watched(at, due_on, clock.midnight(due_on + timedelta(days=1), ZONE), SECONDS)
    rang_at = plan.received_at + timedelta(minutes=9)
    reference = cases.receive(_concern(words, patient, plan.received_at), by=officer, at=at)
    found = Triage(CaseType.COMPLAINT_FORMAL, Severity.HIGH, ConsentStatus.RECEIVED, PACK, is_danger_now=True, is_inpatient=True)
    cases.triage(reference, found, seen=queries.version_of(reference), by=officer, at=at)
    cases.acknowledge(
        reference, ContactMethod.PHONE, True, "On-call log: rang the ward sister, then the family. Somebody went to the bedside meanwhile.",
        seen=queries.version_of(reference), by=officer, at=at, occurred_at=rang_at)
    cases.add_note(reference, NoteKind.PHONE_CALL, "The ward sister rang back: checked and put right. She will look in every hour.",
                   by=officer, at=at, occurred_at=rang_at + timedelta(minutes=20))
    cases.scope(reference, due_on, "They want an answer this week. Agreed on the telephone.", seen=queries.version_of(reference),
                by=officer, at=at)
    return reference


def _second_working_day(at: datetime) -> date:
    calendar = named_calendar(CALENDAR, ZONE)
    today = clock.day_of(at, ZONE)
    ahead = [day for day in (today + timedelta(days=step) for step in range(1, 30)) if calendar.is_working_date(day)]
    return ahead[1]


def _concern(words: str, patient: str, received_at: datetime) -> Concern:
    name, teller = PATIENTS[patient]
    return Concern(
        case_type=CaseType.COMPLAINT_FORMAL, channel=Channel.PHONE, site_code="LARKMOOR", received_at=received_at, narrative=words,
        unit_code="AMU", outcome_sought="That somebody looks now, and tells me.", points=("What the patient needed was not done.",),
        complainant=PersonDetails(name=teller, phone="07700 900777", email=f"{teller.split()[0].lower()}@mail.example"),
        patient=PersonDetails(name=name), relationship=RELATIONSHIP[patient], has_agreed_to_email=True, is_risk_answered=True,
        is_danger_now=True, is_inpatient=True, team_code="MEDICINE", takes_it=True)
