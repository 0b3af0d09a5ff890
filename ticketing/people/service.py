"""The verbs that record people; each leaves an entry on the person's own stream, with what was said as private values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ticketing.audit import service as audit
from ticketing.audit.rules import Act, NewEntry, person_stream
from ticketing.core.database import atomic, db, insert_many
from ticketing.core.permissions import Actor
from ticketing.core.references import new_uid
from ticketing.people.models import Person
from ticketing.people.rules import PersonDetails, fold_email, fold_name, fold_phone, fold_record

CHUNK = 500
BLANK: dict[str, Any] = {  # language and whether an interpreter is needed tell nobody apart, and figures count them
    "name": "(erased)", "preferred_name": "", "date_of_birth": None, "record_number": "", "email": "", "phone": "", "address": "",
    "format_needs": "", "safe_contact": "", "match_name": "", "match_phone": "", "match_email": "", "match_record": "",
}


@atomic
def record_person(details: PersonDetails, *, by: Actor, at: datetime) -> int:
    """A new person; returns the id.  Recording somebody twice is allowed: merging them is a separate, visible act."""
    return record_people([details], by=by, at=at)[0]


@atomic
def record_people(details: Sequence[PersonDetails], *, by: Actor, at: datetime) -> tuple[int, ...]:
    """Many new people with a handful of statements; ids in the order given."""
    if not details:
        return ()
    rows = [_row(item, at) for item in details]
    ids: dict[str, int] = {}
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        insert_many(Person, chunk)
        found = db.session.execute(sa.select(Person.uid, Person.id).where(Person.uid.in_([row["uid"] for row in chunk])))
        ids.update((row.uid, row.id) for row in found)
    entries = [
        NewEntry(person_stream(row["uid"]), Act.PERSON_RECORDED, private=item.told(), is_new=True)
        for row, item in zip(rows, details, strict=True)
    ]
    audit.record_many(entries, by=by, at=at)
    return tuple(ids[row["uid"]] for row in rows)


@atomic
def erase_person(person_id: int, basis: str, *, by: Actor, at: datetime, asked_by_uid: str) -> int:
    """Destroy who somebody is and what their stream holds of it; returns how many values of the trail went."""
    person = db.session.scalars(sa.select(Person).where(Person.id == person_id).with_for_update()).one()
    for name, blank in BLANK.items():
        setattr(person, name, blank)
    audit.record(person_stream(person.uid), Act.PERSON_ERASED, by=by, at=at, facts={"basis": basis})
    return audit.erase_values(person_stream(person.uid), basis, by=by, at=at, asked_by_uid=asked_by_uid)


def _row(details: PersonDetails, at: datetime) -> dict[str, Any]:
    return {
        **asdict(details), "uid": new_uid(), "created_at": at,
        "match_name": fold_name(details.name), "match_phone": fold_phone(details.phone),
        "match_email": fold_email(details.email), "match_record": fold_record(details.record_number),
    }
