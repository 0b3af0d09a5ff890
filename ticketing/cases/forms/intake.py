"""The form on which a concern is taken down by phone, in person or from a letter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from wtforms import BooleanField
from wtforms.validators import InputRequired

from ticketing.cases.forms.steps import lines_of
from ticketing.cases.rules import type_fault, types_of
from ticketing.cases.service import Concern
from ticketing.codes.queries import SiteRow, UnitRow
from ticketing.codes.rules import CaseType, Channel, Relationship, choices
from ticketing.core import clock
from ticketing.packs.rules import law_on, load
from ticketing.people.rules import PersonDetails
from ticketing.web.forms import ChoiceField, DayField, Form, LineField, MomentField, PickField, TextField

MOST_POINTS = 20
LONGEST_POINT = 2_000
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
YES_NO = {"yes": "Yes", "no": "No"}
NEW = "new"
PALS = CaseType.CONCERN_PALS.value
SOMEBODY_ELSE = "other"
NEEDS_NO_ANSWER = frozenset({CaseType.COMPLIMENT, CaseType.SUGGESTION})


@dataclass(frozen=True, slots=True)
class Places:
    """What can be chosen at intake, and what is chosen until somebody says otherwise."""

    sites: Sequence[SiteRow]
    units: Sequence[UnitRow]
    teams: dict[str, str]
    site_code: str
    team_code: str
    staff: dict[str, str]
    keyer: str

    def zone(self, site_code: str | None) -> str | None:
        return next((site.zone for site in self.sites if site.code == (site_code or self.site_code)), None)

    def site_of_unit(self, unit_code: str | None) -> str | None:
        site_ids = {unit.code: unit.site_id for unit in self.units}
        return next((site.code for site in self.sites if site.id == site_ids.get(unit_code or "")), None)


class IntakeForm(Form):
    """The four questions first, then the concern; with sensible answers already given."""

    is_danger_now = ChoiceField("Is anyone in danger now?", choices=YES_NO, missing="Say whether anyone is in danger now.")
    is_safeguarding = BooleanField("Abuse, neglect or self-harm is alleged")
    is_inpatient = BooleanField("The patient is in hospital now")
    is_settled = BooleanField("It was settled on the spot, to their satisfaction")
    settled_how = TextField("What settled it", is_required=False)
    relationship = PickField("Who is speaking?", choices=dict(choices(Relationship)), default=Relationship.SELF.value)
    is_anonymous = BooleanField("They do not want to give their name")
    name = LineField("Their name", is_required=False)
    preferred_name = LineField("What they like to be called", is_required=False)
    patient_name = LineField("Patient’s name", is_required=False)
    date_of_birth = DayField("Patient’s date of birth", is_required=False)
    record_number = LineField("Patient’s hospital number", is_required=False, most=40)
    has_died = BooleanField("The patient has died")
    phone = LineField("Telephone", is_required=False, most=40)
    email = LineField("E-mail", is_required=False, most=254)
    has_agreed_to_email = BooleanField("They agree to be answered by e-mail")
    safe_contact = LineField("Safe contact", is_required=False, most=500)
    address = TextField("Postal address", is_required=False, most=1_000)
    language = LineField("Language, if not English", is_required=False, most=80)
    is_interpreter_needed = BooleanField("An interpreter is needed")
    format_needs = LineField("Format they need", is_required=False)
    narrative = TextField("What happened, in their words", missing="Write down what happened, in their words.")
    points = TextField("Points of complaint", is_required=False)
    outcome_sought = LineField("What would put it right for them?", is_required=False, most=2_000)
    case_type = PickField("What sort of concern is this?")
    channel = PickField("How did it reach us?", choices=dict(choices(Channel)), default=Channel.PHONE.value)
    receiver = PickField("Who here received it first?", is_required=False)
    received_by = LineField("Their name", is_required=False)
    site = PickField("Site")
    unit = PickField("Ward or department", is_required=False)
    happened_on = DayField("When did it happen?", is_required=False)
    received_at = MomentField(
        "When did anyone here first receive it?", [InputRequired("Enter the day on which anyone here first received it.")])
    team_received_at = MomentField("When did the team get it?")
    team = PickField("Team", is_required=False)
    takes_it = BooleanField(  # never ticked beforehand: a declaration is an act
        "I take this case, and declare that I have no conflict of interest in it",
        description="Leave it empty and the case waits for somebody in the team's queue.")
    same_as = ChoiceField("Is it one of these?", is_required=False)
    is_draft = BooleanField("Keep as draft")  # pressed, not ticked: the name of the second button

    def fit(self, places: Places, at: datetime) -> None:
        """Offer the sites, units and teams; read moments on the clock of the chosen site."""
        self.places, self.at = places, at
        self.site.choices = {site.code: site.name for site in places.sites}
        self.unit.choices = _by_site(places)
        self.team.choices = {"": "Not known yet", **places.teams}
        self.receiver.choices = {**places.staff, SOMEBODY_ELSE: "Somebody who is not in this list"}
        if not self.is_submitted():
            self.site.data, self.team.data, self.receiver.data = places.site_code, places.team_code, places.keyer
        elif self.receiver.data in (None, ""):
            self.receiver.data = places.keyer
        zone = places.zone(self.site.data) or places.zone(None) or "UTC"
        self.received_at.at_zone(zone, at)
        self.team_received_at.at_zone(zone)
        self._offer_types(zone)

    def _offer_types(self, zone: str) -> None:
        """The types of concern that the law of the site knows; for one that it does not know its usual type, and a sentence."""
        self._odd_type = ""
        site = next((site for site in self.places.sites if site.code == self.site.data), None)
        if site is None:
            self.case_type.choices = dict(choices(CaseType))
            return
        law = load(law_on(site.pack, clock.day_of(self.received_at.data or self.at, zone)))
        self.case_type.choices = types_of(law)
        if not self.is_submitted():
            self.case_type.data = PALS if PALS in self.case_type.choices else law.default_case_type
        elif self.case_type.data in set(CaseType) - set(self.case_type.choices):
            self._odd_type = f"{type_fault(law, CaseType(self.case_type.data))} It is chosen now: check it and save again."
            self.case_type.data, self.case_type.raw_data = law.default_case_type, [law.default_case_type]

    def objections(self) -> Iterator[tuple[str, str]]:
        """What the answers contradict or leave open, taken together."""
        yield from self._about_people()
        yield from self._about_moments()
        if self._odd_type:
            yield "case_type", self._odd_type
        if self.receiver.data == SOMEBODY_ELSE and not self.received_by.data:
            yield "received_by", "Enter the name of whoever here received it first."
        if self.is_settled.data and not self.settled_how.data:
            yield "settled_how", "Say what settled it and that they were satisfied."
        if len(self.lines) > MOST_POINTS or any(len(line) > LONGEST_POINT for line in self.lines):
            yield "points", f"Points of complaint: at most {MOST_POINTS} lines of {LONGEST_POINT:,} characters. Join or split some."
        if self.unit.data and self.places.site_of_unit(self.unit.data) not in (None, self.site.data):
            yield "unit", "That ward is at another site. Choose its site, or another ward."

    def _about_people(self) -> Iterator[tuple[str, str]]:
        if self.is_anonymous.data and self.name.data:
            yield "name", "You ticked that they give no name, but a name is entered. Clear one of the two."
        if not self.is_anonymous.data and not self.name.data:
            yield "name", "Enter their name, or tick that they do not want to give it."
        if self.email.data and not ADDRESS.fullmatch(self.email.data):
            yield "email", "Enter an e-mail address such as amina@example.org, or leave it empty."
        if self.has_agreed_to_email.data and not self.email.data:
            yield "email", "Enter the e-mail address at which they agree to be answered."
        if self._needs_an_answer and not any(item.data for item in (self.phone, self.email, self.address, self.safe_contact)):
            yield "phone", "Enter a telephone number, an e-mail or a postal address, or say under “Safe contact” how to reach them."
        if self.date_of_birth.data and self.date_of_birth.data > self._today:
            yield "date_of_birth", "The date of birth has not come yet. Check the year."

    def _about_moments(self) -> Iterator[tuple[str, str]]:
        received_at, team_received_at = self.received_at.data, self.team_received_at.data
        if self.happened_on.data and self.happened_on.data > self._today:
            yield "happened_on", "When did it happen? That day has not come yet."
        if received_at and received_at > self.at:
            yield "received_at", "The moment of receipt has not come yet. Enter when it was received."
        elif received_at and team_received_at and not received_at <= team_received_at <= self.at:
            yield "team_received_at", "The team can only have got it after it was first received, and before now."

    @property
    def _needs_an_answer(self) -> bool:
        return not (self.is_anonymous.data or self.is_settled.data or self.case_type.data in NEEDS_NO_ANSWER)

    @property
    def _today(self) -> date:
        return self.at.astimezone(self.received_at.tzinfo).date()

    @property
    def lines(self) -> tuple[str, ...]:
        return lines_of(self.points.data)

    @property
    def is_self(self) -> bool:
        return bool(self.relationship.data == Relationship.SELF.value)

    def people(self) -> tuple[PersonDetails, ...]:
        """Those described so far, for the hint of earlier cases."""
        return tuple(item for item in (self._complainant(), self._patient()) if item is not None)

    def concern(self) -> Concern:
        """The concern as the verb takes it; only after `validate`."""
        return Concern(
            case_type=CaseType(self.case_type.data), channel=Channel(self.channel.data), site_code=self.site.data,
            unit_code=self.unit.data or None, received_at=self.received_at.data, team_received_at=self.team_received_at.data,
            happened_on=self.happened_on.data, narrative=self.narrative.data, outcome_sought=self.outcome_sought.data, points=self.lines,
            complainant=self._complainant(), patient=self._patient(), relationship=Relationship(self.relationship.data),
            is_anonymous=self.is_anonymous.data, has_agreed_to_email=self.has_agreed_to_email.data,
            is_danger_now=self.is_danger_now.data == "yes", is_safeguarding=self.is_safeguarding.data,
            received_by_uid=None if self.receiver.data == SOMEBODY_ELSE else self.receiver.data, received_by=self.received_by.data,
            is_inpatient=self.is_inpatient.data, is_risk_answered=True, team_code=self.team.data or None, takes_it=self.takes_it.data,
        )

    def as_note(self) -> str:
        """What was typed, as a note on a case that is known already."""
        said = (self.narrative.data, *self.lines, self.outcome_sought.data and f"They would like: {self.outcome_sought.data}")
        reached = ", ".join(item.data for item in (self.name, self.phone, self.email) if item.data)
        return "\n".join(part for part in (*said, reached and f"From: {reached}") if part)

    def _complainant(self) -> PersonDetails | None:
        if self.is_anonymous.data:
            return None
        patient = {"date_of_birth": self.date_of_birth.data, "record_number": self.record_number.data} if self.is_self else {}
        return PersonDetails(
            name=self.name.data, preferred_name=self.preferred_name.data, email=self.email.data, phone=self.phone.data,
            address=self.address.data, language=self.language.data, is_interpreter_needed=self.is_interpreter_needed.data,
            format_needs=self.format_needs.data, safe_contact=self.safe_contact.data, **patient,
        )

    def _patient(self) -> PersonDetails | None:
        """Somebody else than the complainant, as far as described."""
        if self.is_self and not self.is_anonymous.data:
            return None
        details = PersonDetails(
            name=self.patient_name.data, date_of_birth=self.date_of_birth.data, record_number=self.record_number.data,
            has_died=self.has_died.data,
        )
        return None if details.is_empty else details


def _by_site(places: Places) -> dict[str, Any]:
    groups: dict[str, Any] = {"": "Not known"}
    for unit in places.units:
        groups.setdefault(unit.site_name, {})[unit.code] = unit.name
    return groups
