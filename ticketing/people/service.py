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


def _row(details: PersonDetails, at: datetime) -> dict[str, Any]:
    return {
        **asdict(details), "uid": new_uid(), "created_at": at,
        "match_name": fold_name(details.name), "match_phone": fold_phone(details.phone),
        "match_email": fold_email(details.email), "match_record": fold_record(details.record_number),
    }
