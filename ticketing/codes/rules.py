"""The words the field uses: kinds of case, channels, relationships, reasons and outcomes, each code with its label.

Source: the NHS, CMS and ISO vocabularies gathered in the policy packs; outcome codes follow KO41a and 42 CFR 482.13.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Self

from ticketing.core.errors import Invalid


class Code(StrEnum):
    """A code with the label people read; written as `MEMBER = "code", "Label"`."""

    label: str

    def __new__(cls, code: str, label: str = "") -> Any:
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        return member

    @classmethod
    def of(cls, code: str) -> Self:
        """The member with this code; Invalid if the list has none."""
        found = cls._value2member_map_.get(code)
        if not isinstance(found, cls):
            raise Invalid("Choose from the list.")
        return found


class CaseType(Code):
    """What sort of concern this is; the policy pack says which of them start a statutory clock."""

    ENQUIRY = "enquiry", "Enquiry"
    COMPLIMENT = "compliment", "Compliment"
    SUGGESTION = "suggestion", "Comment or suggestion"
    CONCERN_PALS = "concern_pals", "PALS concern"
    COMPLAINT_FORMAL = "complaint_formal", "Formal complaint"
    COMPLAINT_STAGE1 = "complaint_stage1", "Stage 1: early resolution"
    JOINT_COMPLAINT = "joint_complaint", "Joint complaint of several organisations"
    DP_COMPLAINT_UK = "dp_complaint_uk", "Data-protection complaint"
    COMPLAINT_US_POC = "complaint_us_poc", "Complaint settled by staff present (US)"
    GRIEVANCE_US = "grievance_us", "Grievance (US)"
    GRIEVANCE_MA = "grievance_ma", "Medicare Advantage plan grievance (US)"
    GRIEVANCE_MA_EXPEDITED = "grievance_ma_expedited", "Expedited plan grievance (US)"


class Channel(Code):
    """How the concern reached us."""

    PHONE = "phone", "Phone"
    IN_PERSON = "in_person", "In person"
    LETTER = "letter", "Letter"
    EMAIL = "email", "E-mail"
    WEB_FORM = "web_form", "Web form"
    VOICEMAIL = "voicemail", "Voicemail"
    SURVEY_COMMENT = "survey_comment", "Survey comment"
    ADVOCATE = "advocate", "Advocate"
    MP_OR_COUNCILLOR = "mp_or_councillor", "MP or councillor"
    STAFF_ON_BEHALF = "staff_on_behalf", "Staff on somebody's behalf"
    OTHER = "other", "Other"


class Relationship(Code):
    """Who the complainant is to the patient."""

    SELF = "self", "The patient"
    PARENT = "parent", "Parent or guardian"
    CHILD = "child", "Son or daughter"
    SPOUSE = "spouse", "Husband, wife or partner"
    OTHER_FAMILY = "other_family", "Other family"
    CARER = "carer", "Carer"
    FRIEND = "friend", "Friend"
    ADVOCATE = "advocate", "Advocate"
    SOLICITOR = "solicitor", "Solicitor"
    ELECTED = "elected", "MP or other elected representative"
    STAFF = "staff", "Member of staff"
    UNKNOWN = "unknown", "Not known"


class ConsentStatus(Code):
    """Whether the patient agrees that somebody else speaks for them."""

    NOT_NEEDED = "not_needed", "Not needed: the patient speaks"
    UNKNOWN = "unknown", "Not settled yet"
    REQUESTED = "requested", "Asked for"
    RECEIVED = "received", "Given"
    REFUSED = "refused", "Refused"
    LACKS_CAPACITY = "patient_lacks_capacity", "Patient lacks capacity"
    DECEASED_AUTHORITY = "deceased_authority", "Patient has died; authority seen"


class Severity(Code):
    """The triage level (local default: likelihood by consequence)."""

    LOW = "low", "Low"
    MODERATE = "moderate", "Moderate"
    HIGH = "high", "High"
    EXTREME = "extreme", "Extreme"


class HoldReason(Code):
    """Why a case waits; which targets a hold stops is the pack's word."""

    AWAITING_CONSENT = "awaiting_consent", "Waiting for consent"
    AWAITING_COMPLAINANT = "awaiting_complainant", "Waiting for the complainant"
    POLICE_OR_CORONER = "police_or_coroner", "Police or coroner asked us to wait"
    LEGAL = "legal", "Legal advice to wait"
    SAFEGUARDING = "safeguarding", "Safeguarding lead asked us to wait"


class BreachReason(Code):
    """Why a target was missed."""

    STATEMENT_LATE = "statement_late", "A statement came late"
    RECORDS_LATE = "records_late", "Records were not available"
    COMPLEX = "complex", "The case is complex or has several organisations"
    STAFF_ABSENCE = "staff_absence", "Absence or vacancy"
    WORKLOAD = "workload", "Workload"
    COMPLAINANT_ASKED = "complainant_asked", "The complainant asked for more time"
    RECORDED_LATE = "recorded_late", "Recorded late"
    OTHER = "other", "Other"


class Finding(Code):
    """The outcome of one point of complaint."""

    UPHELD = "upheld", "Upheld"
    PARTLY_UPHELD = "partly_upheld", "Partly upheld"
    NOT_UPHELD = "not_upheld", "Not upheld"
    UNABLE_TO_DETERMINE = "unable_to_determine", "Unable to determine"
    NOT_INVESTIGATED = "not_investigated", "Not investigated"


class Outcome(Code):
    """The outcome of the case, derived from its points (KO41a)."""

    UPHELD = "upheld", "Upheld"
    PARTLY_UPHELD = "partly_upheld", "Partly upheld"
    NOT_UPHELD = "not_upheld", "Not upheld"


class ContactMethod(Code):
    """How something reached the complainant."""

    PHONE = "phone", "Phone"
    LETTER = "letter", "Letter"
    EMAIL = "email", "E-mail"
    IN_PERSON = "in_person", "In person"


class UnitKind(Code):
    """What sort of place a unit is."""

    WARD = "ward", "Ward"
    DEPARTMENT = "department", "Department"
    SERVICE = "service", "Service"


def choices(kind: type[Code]) -> list[tuple[str, str]]:
    """(code, label) pairs for a form."""
    return [(item.value, item.label) for item in kind]


# The names of what the storeys above hold; tests/packs compares them with the packs and the calendars themselves.
PACKS: dict[str, str] = {
    "england-nhs": "England: NHS complaints",
    "england-dp": "England: data-protection complaints",
    "scotland-nhs": "Scotland: NHS complaints",
    "wales-2011": "Wales: NHS concerns, 2011 regulations",
    "wales-2026": "Wales: Listening to People",
    "northern-ireland-2026": "Northern Ireland: Health and Social Care complaints",
    "ireland-hse": "Ireland: HSE complaints",
    "nz-hdc": "New Zealand: HDC Code, Right 10",
    "nsw-health": "New South Wales: NSW Health complaints",
    "us-cms": "United States: hospital patient grievances (CMS)",
    "us-medicare-advantage": "United States: Medicare Advantage plan grievances",
    "iso-10002": "Generic: ISO 10002 complaint handling",
}

CALENDARS: dict[str, str] = {
    "england_wales": "England and Wales", "scotland": "Scotland", "northern_ireland": "Northern Ireland", "ireland": "Ireland",
    "us_federal": "United States, federal", "new_zealand": "New Zealand, national", "new_south_wales": "New South Wales",
    "queensland": "Queensland", "victoria": "Victoria", "new_zealand_auckland": "New Zealand, Auckland",
    "new_zealand_canterbury": "New Zealand, Canterbury", "new_zealand_chatham_islands": "New Zealand, Chatham Islands",
    "new_zealand_hawkes_bay": "New Zealand, Hawke's Bay", "new_zealand_marlborough": "New Zealand, Marlborough",
    "new_zealand_nelson": "New Zealand, Nelson", "new_zealand_northland": "New Zealand, Northland",
    "new_zealand_otago": "New Zealand, Otago", "new_zealand_south_canterbury": "New Zealand, South Canterbury",
    "new_zealand_southland": "New Zealand, Southland", "new_zealand_taranaki": "New Zealand, Taranaki",
    "new_zealand_wellington": "New Zealand, Wellington", "new_zealand_west_coast": "New Zealand, West Coast", "none": "No public holidays",
}
