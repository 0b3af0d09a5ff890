"""Names, addresses, roles as people read them, and who stands in for whom."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from email.errors import HeaderParseError
from email.headerregistry import Address

from ticketing.core.errors import Invalid
from ticketing.core.permissions import GRANTS, Compartment, Role, Scope

LONGEST_NAME = 120
LONGEST_EMAIL = 254
MOST_STEPS = 5
EMAIL = re.compile(r"[^\s@<>()\[\]\\,;:\"]+@[^\s@<>()\[\]\\,;:\"]+\.[^\s@<>()\[\]\\,;:\"]+")
TEAM_CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{0,19}")

ROLE_LABELS: dict[Role, str] = {
    Role.OFFICER: "Patient relations officer",
    Role.CLINICIAN: "Clinician",
    Role.MANAGER: "Manager",
    Role.ADMINISTRATOR: "Administrator",
    Role.AUDITOR: "Auditor",
}

SCOPE_LABELS: dict[Scope, str] = {
    Scope.TEAMS: "Their teams and their unit", Scope.HOSPITAL: "The whole hospital",
}
SCOPE_HINTS: dict[Scope, str] = {
    Scope.TEAMS: "Cases of their teams, those given to them, and those of their unit and the units below it.",
    Scope.HOSPITAL: "Every case, but for confidential ones and those about themselves. For complaints managers, and small hospitals.",
}
COMPARTMENT_LABELS: dict[Compartment, str] = {
    Compartment.LEGAL: "Legal", Compartment.SAFEGUARDING: "Safeguarding", Compartment.MEDIATION: "Mediation",
}

ROLE_HINTS: dict[Role, str] = {
    Role.OFFICER: "Records concerns and works cases from receipt to closure.",
    Role.CLINICIAN: "Sees and answers only the questions put to them.",
    Role.MANAGER: "Works cases, signs responses, sees the figures and sets the escalation rules.",
    Role.ADMINISTRATOR: "Looks after staff, teams, sites and rules; sees no cases.",
    Role.AUDITOR: "Reads cases, figures and the trail; changes nothing.",
}


def fold_email(text: str) -> str:
    """An address as it is stored and looked up; any text is allowed here, an odd one just finds nobody."""
    storable = text.replace("\x00", "").encode("utf-8", "ignore").decode()
    return unicodedata.normalize("NFKC", storable).strip().casefold()[:400]


def clean_email(text: str) -> str:
    """`text` as an address mail can go to; raises Invalid for anything else."""
    email = fold_email(text)
    if not email:
        raise Invalid("Enter an e-mail address.", field="email")
    if len(email) > LONGEST_EMAIL:
        raise Invalid(f"The e-mail address is too long: use {LONGEST_EMAIL} characters or fewer.", field="email")
    if not EMAIL.fullmatch(email) or not email.isprintable() or not _can_be_sent_to(email):
        raise Invalid("Enter an e-mail address in the right form, such as dee.ray@hospital.example.", field="email")
    return email


def _can_be_sent_to(email: str) -> bool:
    try:
        return email.isascii() and Address(addr_spec=email).addr_spec == email
    except (HeaderParseError, ValueError, IndexError):
        return False


def clean_name(text: str, *, field: str = "name", what: str = "name") -> str:
    """One line without control or direction characters; raises Invalid when nothing or too much is left."""
    kept = "".join(letter if unicodedata.category(letter)[0] != "C" else " " for letter in text)
    name = " ".join(unicodedata.normalize("NFC", kept).split())
    if not name:
        raise Invalid(f"Enter a {what}.", field=field)
    if len(name) > LONGEST_NAME:
        raise Invalid(f"The {what} is too long: use {LONGEST_NAME} characters or fewer.", field=field)
    return name


def clean_team_code(text: str) -> str:
    code = text.strip().upper()
    if not TEAM_CODE.fullmatch(code):
        raise Invalid("Use 1 to 20 letters A to Z, digits and hyphens for the code, such as CENTRAL.", field="code")
    return code


def compartments_in(text: str) -> frozenset[Compartment]:
    """As kept with an account: codes with blanks between."""
    return frozenset(Compartment(code) for code in text.split())


def as_text(compartments: Iterable[Compartment]) -> str:
    return " ".join(sorted(item.value for item in compartments))


def may_stand_in(role: Role, deputy: Role) -> bool:
    """A deputy must hold every permission of the person they stand in for."""
    return GRANTS[role] <= GRANTS[deputy]


def stand_in(staff_id: int, deputy_of: Callable[[int], int | None]) -> int:
    """Who gets what would come to `staff_id`: the deputy, the deputy's deputy, at most five steps on.

    `deputy_of` gives the person themself when present, their deputy when away, None when away with nobody.  Where everybody on
    the way is away (or they name each other in a ring) the answer is the person themself: work waits with its owner.
    """
    present = staff_id
    for _ in range(MOST_STEPS + 1):
        following = deputy_of(present)
        if following == present:
            return present
        if following is None:
            return staff_id
        present = following
    return staff_id
