"""Reading people: one, several, and those who may be the same as somebody described at intake."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date

import sqlalchemy as sa

from ticketing.core.database import db
from ticketing.people.models import Person
from ticketing.people.rules import PersonDetails, fold_email, fold_name, fold_phone, fold_record

MOST_LOOKALIKES = 50
CHUNK = 500
COLUMNS = (Person.id, *(getattr(Person, item.name) for item in fields(PersonDetails)))


@dataclass(frozen=True, slots=True)
class PersonRow(PersonDetails):
    """A person as recorded."""

    id: int = 0


def person(person_id: int | None) -> PersonRow | None:
    """One person, or None."""
    return people([person_id]).get(person_id) if person_id is not None else None


def people(ids: Iterable[int | None]) -> dict[int, PersonRow]:
    """Several people by id."""
    wanted = sorted({person_id for person_id in ids if person_id is not None})
    found: dict[int, PersonRow] = {}
    for start in range(0, len(wanted), CHUNK):
        for row in db.session.execute(sa.select(*COLUMNS).where(Person.id.in_(wanted[start : start + CHUNK]))):
            found[row.id] = PersonRow(**row._mapping)
    return found


def lookalikes(details: PersonDetails) -> tuple[int, ...]:
    """Ids of people who may be the one described, newest first, at most 50.

    One equal thing is enough (name, telephone, e-mail or hospital number); an equal name does not count where both dates of birth are
    known and differ.
    """
    same: list[sa.ColumnElement[bool]] = []
    if folded := fold_name(details.name):
        same.append(sa.and_(Person.match_name == folded, _same_birth(details.date_of_birth)))
    if folded := fold_phone(details.phone):
        same.append(Person.match_phone == folded)
    if folded := fold_email(details.email):
        same.append(Person.match_email == folded)
    if folded := fold_record(details.record_number):
        same.append(Person.match_record == folded)
    if not same:
        return ()
    return tuple(db.session.scalars(sa.select(Person.id).where(sa.or_(*same)).order_by(Person.id.desc()).limit(MOST_LOOKALIKES)))


def _same_birth(date_of_birth: date | None) -> sa.ColumnElement[bool]:
    if date_of_birth is None:
        return sa.true()
    return sa.or_(Person.date_of_birth.is_(None), Person.date_of_birth == date_of_birth)
