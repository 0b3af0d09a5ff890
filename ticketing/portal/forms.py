"""The public form: plain questions, most of them optional, and sentences that say what is missing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from wtforms import BooleanField

from ticketing.cases.forms.attachments import FilesField
from ticketing.cases.service import Concern
from ticketing.codes.queries import SiteRow, UnitRow
from ticketing.codes.rules import CaseType, Channel, Relationship
from ticketing.core import clock
from ticketing.packs.rules import law_on, load
from ticketing.people.rules import PersonDetails
from ticketing.web.forms import ChoiceField, DayField, Form, LineField, PickField, TextField

ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
SELF, OTHER = "self", "other"
COMPLAINT, SUGGESTION, THANKS = "complaint", "suggestion", "thanks"
KINDS = {
    COMPLAINT: "Something went wrong, and I want you to look into it", SUGGESTION: "I have a suggestion", THANKS: "I want to say thank you",
}
RELATIONS = {
    "": "Choose one", Relationship.PARENT: "I am their parent or guardian", Relationship.CHILD: "I am their son or daughter",
    Relationship.SPOUSE: "I am their husband, wife or partner", Relationship.OTHER_FAMILY: "I am another relative",
    Relationship.CARER: "I am their carer", Relationship.FRIEND: "I am a friend", Relationship.ADVOCATE: "I am their advocate",
    Relationship.SOLICITOR: "I am their solicitor",
}
OURSELVES = "The public form"  # no member of staff was there
NOT_SURE = "I am not sure"
STALE = "The page was open for a long time, so it was not sent. Nothing is lost: check your answers and send it again."
ROBOT = "A box that people do not see was filled in, perhaps by your browser. It is empty again: please send the form once more."


class ConcernForm(Form):
    """Everything we ask of somebody who brings a concern; `fit` must be called before it is checked."""

    kind = ChoiceField("What would you like to tell us?", choices=KINDS, missing="Choose what you would like to tell us.")
    who = ChoiceField(
        "Is it about you or somebody else?", choices={SELF: "It is about me: I am the patient", OTHER: "I am writing for somebody else"},
        missing="Say whether you are the patient or write for somebody else.")
    relationship = PickField("How do you know the patient?", choices=RELATIONS, is_required=False)
    patient_name = LineField("The patient’s name", is_required=False)
    narrative = TextField("What happened?", missing="Tell us what happened. A few words are enough.")
    outcome_sought = TextField("What would you like to happen?", is_required=False, most=4_000)
    happened_on = DayField("When did it happen?", is_required=False)
    site = PickField("Where did it happen?", is_required=False)
    unit = PickField("Ward or department", is_required=False)
    is_inpatient = BooleanField("The patient is in hospital now")
    complainant_name = LineField("Your name", is_required=False)
    is_anonymous = BooleanField("I do not want to give my name")
    email = LineField("E-mail address", is_required=False, most=254)
    has_agreed_to_email = BooleanField("You may answer me by e-mail")
    phone = LineField("Telephone number", is_required=False, most=40)
    address = TextField("Postal address", is_required=False, most=1_000)
    safe_contact = TextField("Is there anything we should know before we contact you?", is_required=False, most=500)
    files = FilesField("Photos or documents")
    website = LineField("Leave this box empty", is_required=False)

    def fit(self, sites: Sequence[SiteRow], units: Sequence[UnitRow], at: datetime) -> None:
        """Offer the sites and wards."""
        self.sites, self.units, self.at = sites, units, at
        self.site.choices = {"": NOT_SURE, **{site.code: site.name for site in sites}}
        groups: dict[str, Any] = {"": NOT_SURE}
        for site in sites:
            if own := {unit.code: unit.name for unit in units if unit.site_code == site.code}:
                groups[site.name] = own
        self.unit.choices = groups

    def validate(self, extra_validators: Any = None) -> bool:
        is_good = super().validate(extra_validators)
        if self.csrf_token.errors:
            self.csrf_token.errors, self.status = [STALE], 400
        for name, sentence in self._objections():
            self.refuse(sentence, name)
            is_good = False
        if self.website.data:
            self.website.data, self.website.raw_data = "", []
            self.refuse(ROBOT)
            is_good = False
        return is_good

    def _objections(self) -> Iterator[tuple[str, str]]:
        if self.who.data == OTHER and not self.relationship.data:
            yield "relationship", "Say how you know the patient."
        if self.who.data == OTHER and not self.patient_name.data and not self.is_anonymous.data:
            yield "patient_name", "Enter the patient’s name, so that we can find what happened."
        if self.happened_on.data and self.happened_on.data > self.at.astimezone(ZoneInfo(self._place.zone)).date():
            yield "happened_on", "The day it happened cannot be in the future."
        unit_site = self._unit_site
        if self.site.data and unit_site and unit_site != self.site.data:
            yield "unit", "That ward is at another place. Choose its place, or another ward."
        yield from self._about_contact()

    def _about_contact(self) -> Iterator[tuple[str, str]]:
        reach = (self.email, self.phone, self.address)
        if self.is_anonymous.data and any(item.data for item in (self.complainant_name, *reach)):
            yield "complainant_name", "You chose not to give your name, but entered a name or how to reach you. Clear them, or the tick."
        if self.is_anonymous.data:
            return
        if not self.complainant_name.data:
            yield "complainant_name", "Enter your name, or tick that you do not want to give it."
        if self.kind.data == COMPLAINT and not any(item.data for item in reach):
            yield "email", "Enter an e-mail address, a telephone number or a postal address, so that we can answer you."
        if self.email.data and not ADDRESS.fullmatch(self.email.data):
            yield "email", "Enter an e-mail address such as amina@example.org, or leave it empty."
        if self.has_agreed_to_email.data and not self.email.data:
            yield "email", "Enter the e-mail address at which we may answer you, or clear the tick."

    @property
    def _unit_site(self) -> str:
        return next((unit.site_code for unit in self.units if unit.code == self.unit.data), "")

    @property
    def _place(self) -> SiteRow:
        """The site whose law and clock the case follows: as said, else the ward's, else the first."""
        said = self.site.data or self._unit_site
        return next((site for site in self.sites if site.code == said), self.sites[0])

    def concern(self) -> Concern:
        is_self = self.who.data == SELF
        person = PersonDetails(
            name=self.complainant_name.data, email=self.email.data, phone=self.phone.data, address=self.address.data,
            safe_contact=self.safe_contact.data)
        patient = PersonDetails(name=self.patient_name.data)
        return Concern(
            case_type=self._case_type, channel=Channel.WEB_FORM, site_code=self._place.code, unit_code=self.unit.data or None,
            received_at=self.at, received_by=OURSELVES, happened_on=self.happened_on.data, narrative=self.narrative.data,
            outcome_sought=self.outcome_sought.data,
            complainant=None if self.is_anonymous.data else person, patient=None if is_self or patient.is_empty else patient,
            relationship=Relationship.SELF if is_self else Relationship(self.relationship.data), is_anonymous=self.is_anonymous.data,
            has_agreed_to_email=self.has_agreed_to_email.data, has_receipt_mail=self.has_agreed_to_email.data,
            is_inpatient=self.is_inpatient.data, tags={} if self.site.data or self._unit_site else {"place": "not said"})

    @property
    def _case_type(self) -> CaseType:
        plain = {SUGGESTION: CaseType.SUGGESTION, THANKS: CaseType.COMPLIMENT}
        return plain.get(self.kind.data) or CaseType(load(self._law).default_case_type)

    @property
    def _law(self) -> str:
        return law_on(self._place.pack, clock.day_of(self.at, self._place.zone))
