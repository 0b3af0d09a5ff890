"""What the demo hospital hides, and from whom: a confidential case, a sealed part, and a ward sister's manager kept out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from ticketing.cases import service as cases
from ticketing.cases.rules import NoteKind, TaskKind
from ticketing.core.permissions import Actor, Compartment
from ticketing.demo import queries

SEALED_NOTE = (
    "Rang the safeguarding lead at the council. They hold a strategy meeting on Thursday and ask us not to speak to the ward about it "
    "before. Their reference is with us on paper.")


def _hide_some(people: Mapping[str, Actor], at: datetime) -> None:
    """Three open cases, each of another unit, so that nobody's worklist is emptied by it."""
    keys = {actor.staff_id: key for key, actor in people.items()}
    for unit, hide in (("MAT", _make_confidential), ("AMU", _seal_a_note), ("ALDER", _name_a_report)):
        found = queries.case_in_hand(unit)
        if found is not None and found.handler_id in keys:
            hide(found.reference, people[keys[found.handler_id]], people, at)


def _make_confidential(reference: str, by: Actor, people: Mapping[str, Actor], at: datetime) -> None:
    cases.make_confidential(
        reference, [people["manager-family"].uid], "The patient works here, and asked that colleagues do not read of it.", by=by, at=at)


def _seal_a_note(reference: str, by: Actor, people: Mapping[str, Actor], at: datetime) -> None:  # noqa: ARG001 - one shape for all three
    lead = people["lead-medicine"]
    cases.add_note(reference, NoteKind.PHONE_CALL, SEALED_NOTE, by=lead, at=at, compartment=Compartment.SAFEGUARDING)
    cases.add_task(reference, TaskKind.TASK, "Hear from the council what the strategy meeting decided", at + timedelta(days=3), None, None,
                   by=lead, at=at, compartment=Compartment.SAFEGUARDING)


def _name_a_report(reference: str, by: Actor, people: Mapping[str, Actor], at: datetime) -> None:
    cases.name_subject(reference, people["alder-2"].uid, by=by, at=at)
