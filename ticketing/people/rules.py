"""What is known of a person, and how names, numbers and addresses are folded so that the same person is recognised again."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, fields
from datetime import date

TITLES = frozenset({"mr", "mrs", "ms", "miss", "mx", "dr", "prof", "professor", "sir", "dame", "lady", "lord", "rev", "master"})
SHORTEST_PHONE = 7
PHONE_DIGITS = 9  # what follows a national 0 or a country code, so +44 7700 900123 and 07700 900123 agree


@dataclass(frozen=True, slots=True)
class PersonDetails:
    """A patient, complainant or representative as somebody described them; everything may be unknown."""

    name: str = ""
    preferred_name: str = ""
    date_of_birth: date | None = None
    record_number: str = ""
    email: str = ""
    phone: str = ""
    address: str = ""
    language: str = ""
    is_interpreter_needed: bool = False
    format_needs: str = ""
    safe_contact: str = ""
    has_died: bool = False

    @property
    def is_empty(self) -> bool:
        return self == PersonDetails()

    @property
    def called(self) -> str:
        """The name to use when speaking to them."""
        return self.preferred_name or self.name

    def told(self) -> dict[str, str]:
        """What was said of them, as text by field; the trail keeps these as private values."""
        given = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: "yes" if value is True else str(value) for name, value in given.items() if value not in ("", None, False)}


def fold_name(name: str) -> str:
    """A name without case, accents, titles, punctuation and order: "KHAN, Mrs. Amína" and "Amina Khan" agree."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter)).casefold()
    words = "".join(letter if letter.isalnum() else "" if letter in "'’`" else " " for letter in plain).split()
    return " ".join(sorted(word for word in words if word not in TITLES))


def fold_phone(phone: str) -> str:
    """The last digits of a telephone number, which do not depend on how the country code is written; "" if too short to tell."""
    digits = "".join(str(unicodedata.digit(letter)) for letter in phone if letter.isdecimal())
    return digits[-PHONE_DIGITS:] if len(digits) >= SHORTEST_PHONE else ""


def fold_email(email: str) -> str:
    """An address as it is compared: without case and outer spaces."""
    return email.strip().casefold()


def fold_record(record_number: str) -> str:
    """A hospital number as it is compared: letters and digits only."""
    return "".join(letter for letter in record_number.casefold() if letter.isalnum())
