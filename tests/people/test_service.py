"""Recording people and finding them again, on real rows."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from tests.facts import TUESDAY
from tests.probes import assert_all_or_nothing
from ticketing.audit import queries as audit
from ticketing.audit.rules import person_stream
from ticketing.core.database import db
from ticketing.core.permissions import Role, staff_actor
from ticketing.people import queries, service
from ticketing.people.models import Person
from ticketing.people.rules import PersonDetails

pytestmark = pytest.mark.usefixtures("app")
BY = staff_actor(uid="a" * 32, name="Hana Novak", role=Role.OFFICER, staff_id=1)
AMINA = PersonDetails(name="Amina Khan", phone="07700 900123", email="amina@example.org",
                      date_of_birth=date(1950, 2, 1), record_number="RX12345")


def test_a_person_is_kept_as_described():
    person_id = service.record_person(AMINA, by=BY, at=TUESDAY)
    found = queries.person(person_id)
    assert found is not None
    assert (found.name, found.date_of_birth, found.is_interpreter_needed) == ("Amina Khan", date(1950, 2, 1), False)


def test_the_trail_keeps_what_was_said_as_private_values():
    person_id = service.record_person(AMINA, by=BY, at=TUESDAY)
    uid = db.session.scalar(sa.select(Person.uid).where(Person.id == person_id))
    (entry,) = audit.timeline(person_stream(str(uid)))
    assert entry.private["name"] == "Amina Khan"
    assert "Amina" not in str(entry.facts)


def test_many_people_come_back_in_the_order_given():
    names = [f"Person {number}" for number in range(700)]
    ids = service.record_people([PersonDetails(name=name) for name in names], by=BY, at=TUESDAY)
    found = queries.people(ids)
    assert [found[person_id].name for person_id in ids] == names
    assert service.record_people([], by=BY, at=TUESDAY) == ()


def test_recording_is_all_or_nothing():
    assert_all_or_nothing(lambda: service.record_people([AMINA, PersonDetails(name="Jo")], by=BY, at=TUESDAY))


def test_one_equal_thing_is_enough_to_look_alike():
    person_id = service.record_person(AMINA, by=BY, at=TUESDAY)
    service.record_person(PersonDetails(name="Someone Else"), by=BY, at=TUESDAY)
    assert queries.lookalikes(PersonDetails(name="KHAN, Amina")) == (person_id,)
    assert queries.lookalikes(PersonDetails(phone="+44 7700 900123")) == (person_id,)
    assert queries.lookalikes(PersonDetails(email="AMINA@example.org")) == (person_id,)
    assert queries.lookalikes(PersonDetails(record_number="rx 12345")) == (person_id,)


def test_an_equal_name_with_another_date_of_birth_is_somebody_else():
    service.record_person(AMINA, by=BY, at=TUESDAY)
    assert queries.lookalikes(PersonDetails(name="Amina Khan", date_of_birth=date(1991, 1, 1))) == ()


def test_nothing_said_looks_like_nobody():
    service.record_person(PersonDetails(), by=BY, at=TUESDAY)
    assert queries.lookalikes(PersonDetails(name="!!!", phone="1", email="", record_number="-")) == ()
    assert queries.person(None) is None
