"""Who tells the demo hospital what: invented people, with names of the many kinds a hospital hears."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol, TypeVar

from ticketing.codes.rules import Relationship
from ticketing.demo.rules.stories import Story, Telling
from ticketing.people.rules import PersonDetails

T = TypeVar("T")


class Dice(Protocol):
    """A seeded source of chance: the same hospital each time."""

    def random(self) -> float: ...
    def randint(self, a: int, b: int) -> int: ...
    def choice(self, seq: Sequence[T]) -> T: ...
    def uniform(self, a: float, b: float) -> float: ...
    def shuffle(self, x: list[T]) -> None: ...


@dataclass(frozen=True, slots=True)
class Caller:
    """The complainant and, where that is another person, the patient."""

    complainant: PersonDetails | None
    patient: PersonDetails | None
    relationship: Relationship
    patient_first_name: str
    salutation: str


# women, men, family names
FAMILIES: tuple[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]], ...] = (
    (("Margaret", "Susan", "Joan", "Hilary", "Pauline", "Tessa", "Bridget", "Elsie"),
     ("Derek", "Geoffrey", "Alan", "Ronald", "Keith", "Philip", "Stanley"),
     ("Hartnell", "Ashdown", "Pickersgill", "Bramley", "Cotterill", "Threlfall", "Wainscott", "Duckworth", "Hollis", "Penrose")),
    (("Ellie", "Chloe", "Megan", "Poppy", "Freya", "Holly"), ("Jack", "Harry", "Callum", "Ryan", "Noah", "Alfie"),
     ("Marsden", "Rudge", "Keeling", "Fairbairn", "Stott", "Lovell")),
    (("Amina", "Farzana", "Samira", "Rukhsana"), ("Yusuf", "Imran", "Tariq", "Bilal"), ("Khan", "Rahman", "Siddiqui", "Mirza")),
    (("Lakshmi", "Meera", "Anjali", "Kavita"), ("Rajesh", "Arjun", "Vikram", "Harish"), ("Nair", "Deshmukh", "Pillai", "Bhatt")),
    (("Katarzyna", "Magda", "Agnieszka"), ("Piotr", "Marek", "Janusz"), ("Zielinska", "Nowicka", "Kowal")),
    (("Adaeze", "Ngozi", "Abena"), ("Emeka", "Kwabena", "Tunde"), ("Okafor", "Mensah", "Adebayo")),
    (("Marcia", "Sonia", "Yvonne"), ("Winston", "Delroy", "Errol"), ("Campbell", "Grant", "Josephs")),
    (("Siân", "Nerys", "Angharad"), ("Gethin", "Rhodri", "Emlyn"), ("Probert", "Bevan", "Rhydderch")),
    (("Xiaoling", "Wai-Ting"), ("Jian", "Ka-Ho"), ("Chan", "Zhao")),
    (("Ioana", "Mihaela"), ("Andrei", "Florin"), ("Popa", "Dumitrescu")),
    (("Gurpreet", "Harjit"), ("Balwinder", "Manjit"), ("Gill", "Sandhu")),
)
STREETS = ("Tanner's Row", "Mill Lane", "Canal Street", "Orchard Close", "Station Road", "Chapel Hill", "Larch Avenue", "Ropewalk",
           "Meadow View", "Albion Terrace")
AGES = {
    "self": (24, 84), "mother": (68, 93), "father": (66, 91), "grandmother": (86, 95), "wife": (32, 83), "husband": (34, 84),
    "son": (2, 15), "daughter": (2, 15), "brother": (24, 58), "sister": (24, 58), "neighbour": (79, 93), "advocate": (40, 74),
    "unknown": (30, 60),
}
WOMEN = frozenset({"mother", "grandmother", "wife", "daughter", "sister", "neighbour"})
MEN = frozenset({"father", "husband", "son", "brother"})
SAME_NAME = frozenset({"mother", "father", "wife", "husband", "son", "daughter", "brother", "grandmother"})
RELATIONSHIPS = {
    "self": Relationship.SELF, "mother": Relationship.CHILD, "father": Relationship.CHILD, "grandmother": Relationship.OTHER_FAMILY,
    "wife": Relationship.SPOUSE, "husband": Relationship.SPOUSE, "son": Relationship.PARENT, "daughter": Relationship.PARENT,
    "brother": Relationship.OTHER_FAMILY, "sister": Relationship.OTHER_FAMILY, "neighbour": Relationship.FRIEND,
    "advocate": Relationship.ADVOCATE, "unknown": Relationship.UNKNOWN,
}
SIKH = FAMILIES[-1]
POLISH = FAMILIES[4]


def cast(telling: Telling, story: Story | None, number: int, today: date, dice: Dice) -> Caller:
    """The people of one case; `number` keeps telephone and hospital numbers apart."""
    if story is not None and story.is_anonymous:
        return Caller(None, None, Relationship.UNKNOWN, "", "")
    family = _family(story, dice)
    patient_gender = _gender(telling, dice)
    patient_age = telling.age or dice.randint(*AGES[telling.patient])
    patient = PersonDetails(
        name=f"{dice.choice(family[0] if patient_gender == 'f' else family[1])} {_last_name(family, dice)}",
        date_of_birth=today - timedelta(days=patient_age * 365 + dice.randint(20, 340)), record_number=f"LM{410_000 + number * 137}",
        has_died=story.has_died if story else False)
    contact = PersonDetails(
        phone=f"07700 900{number:03d}", address=f"{dice.randint(2, 148)} {dice.choice(STREETS)}, Larkmoor",
        language=story.language if story else "", is_interpreter_needed=story.needs_interpreter if story else False,
        format_needs=story.format_needs if story else "")
    if telling.patient == "self":
        whole = _with_contact(patient, contact, number)
        return Caller(whole, None, Relationship.SELF, patient.name.split()[0], _salutation(whole.name, patient_gender))
    gender = dice.choice(("f", "f", "m")) if telling.patient not in ("wife", "husband") else ("m" if telling.patient == "wife" else "f")
    last = patient.name.split(" ", 1)[1] if telling.patient in SAME_NAME else _last_name(dice.choice(FAMILIES[:4]), dice)
    first = dice.choice([name for name in (family[0] if gender == "f" else family[1]) if name != patient.name.split()[0]])
    teller = _with_contact(PersonDetails(name=f"{first} {last}"), contact, number)
    return Caller(teller, patient, RELATIONSHIPS[telling.patient], patient.name.split()[0], _salutation(teller.name, gender))


def _family(story: Story | None, dice: Dice) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    if story is not None and story.key == "faith-food":
        return SIKH
    if story is not None and story.language == "Polish":
        return POLISH
    return FAMILIES[0] if dice.random() < 0.38 else dice.choice(FAMILIES)


def _gender(telling: Telling, dice: Dice) -> str:
    if telling.gender:
        return telling.gender
    if telling.patient in WOMEN:
        return "f"
    return "m" if telling.patient in MEN else dice.choice(("f", "m"))


def _last_name(family: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]], dice: Dice) -> str:
    return dice.choice(family[2])


def _with_contact(person: PersonDetails, contact: PersonDetails, number: int) -> PersonDetails:
    return PersonDetails(
        name=person.name, date_of_birth=person.date_of_birth, record_number=person.record_number,
        email=f"{_letters(person.name)}{number}@mail.example" if number % 4 else "", phone=contact.phone, address=contact.address,
        language=contact.language, is_interpreter_needed=contact.is_interpreter_needed, format_needs=contact.format_needs)


def _letters(name: str) -> str:
    plain = name.lower().replace("â", "a").replace("-", "")
    return ".".join(plain.split())


def _salutation(name: str, gender: str) -> str:
    return f"{'Mr' if gender == 'm' else 'Ms'} {name.split(' ', 1)[1]}"
