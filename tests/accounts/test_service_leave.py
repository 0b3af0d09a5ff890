"""Leave goes to the deputy, and the deputy's deputy, and never round in a ring."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest

from tests.factories import make_actor, make_staff
from tests.facts import MONDAY
from tests.probes import assert_all_or_nothing
from ticketing.accounts import queries, rules, service
from ticketing.core.errors import Conflict, Forbidden, Invalid
from ticketing.core.permissions import Role

FIRST, LAST = date(2026, 3, 2), date(2026, 3, 6)


@pytest.fixture
def people(app):
    return [make_staff(Role.OFFICER, f"Officer {letter}") for letter in "ABCDEFGH"]


def away(person, deputy=None, starts_on=FIRST, ends_on=LAST):
    uid = deputy.uid if deputy else None
    return service.set_leave(person.uid, starts_on, ends_on, uid, by=person.actor, at=MONDAY)


def test_who_is_here_stands_for_themselves(people):
    assert queries.stand_in_for(people[0].id, FIRST).uid == people[0].uid


def test_the_deputy_stands_in_on_the_days_of_leave_only(people):
    away(people[0], people[1])
    before, after = FIRST - timedelta(days=1), LAST + timedelta(days=1)
    stands = [queries.stand_in_for(people[0].id, day).name for day in (before, FIRST, LAST, after)]
    assert stands == ["Officer A", "Officer B", "Officer B", "Officer A"]


def test_a_deputy_s_deputy_is_found_five_steps_on(people):
    for person, deputy in pairwise(people[:6]):
        away(person, deputy)
    assert queries.stand_in_for(people[0].id, FIRST).name == "Officer F"
    away(people[5], people[6])
    assert queries.stand_in_for(people[0].id, FIRST).name == "Officer A", "six steps are too many: it waits with its owner"


def test_a_ring_of_deputies_ends_with_the_owner(people):
    for person, deputy in ((0, 1), (1, 2), (2, 0)):
        away(people[person], people[deputy])
    assert queries.stand_in_for(people[0].id, FIRST).name == "Officer A"
    assert queries.stand_in_for(people[1].id, FIRST).name == "Officer B"


def test_nobody_on_the_way_is_here(people):
    away(people[0], people[1])
    away(people[1])
    assert queries.stand_in_for(people[0].id, FIRST).name == "Officer A"


def test_a_deputy_who_has_left_is_nobody(people):
    away(people[0], people[1])
    service.deactivate(people[1].uid, by=make_actor(Role.ADMINISTRATOR, "Ada Min"), at=MONDAY)
    assert queries.stand_in_for(people[0].id, FIRST).name == "Officer A"


@pytest.mark.parametrize(("ring", "stands"), [({}, 1), ({1: 2}, 2), ({1: 2, 2: 1}, 1), ({1: 1}, 1), ({1: None}, 1), ({1: 2, 2: None}, 1),
                                              ({1: 2, 2: 3, 3: 2}, 1)])
def test_standing_in_is_reckoned_without_loops(ring, stands):
    assert rules.stand_in(1, lambda person: ring.get(person, person)) == stands


@pytest.mark.parametrize(("starts_on", "ends_on", "field"), [
    (LAST, FIRST, "ends_on"), (date(1, 1, 1), FIRST, "starts_on"), (FIRST, date(9999, 12, 31), "starts_on"),
    (FIRST, date(2028, 3, 5), "ends_on"),
])
def test_days_that_make_no_sense_are_refused(people, starts_on, ends_on, field):
    with pytest.raises(Invalid) as refused:
        away(people[0], starts_on=starts_on, ends_on=ends_on)
    assert refused.value.field == field


def test_leave_does_not_overlap_leave(people):
    away(people[0])
    with pytest.raises(Conflict):
        away(people[0], starts_on=LAST, ends_on=LAST + timedelta(days=3))
    away(people[0], starts_on=LAST + timedelta(days=1), ends_on=LAST + timedelta(days=3))


def test_a_deputy_must_be_somebody_else_who_may_do_the_work(people):
    clinician, manager = make_staff(Role.CLINICIAN, "Cli Nician"), make_staff(Role.MANAGER, "Mia Nager")
    for deputy in (people[0], clinician):
        with pytest.raises(Invalid) as refused:
            away(people[0], deputy)
        assert refused.value.field == "deputy_uid"
    with pytest.raises(Invalid):
        service.set_leave(people[0].uid, FIRST, LAST, "nobody", by=people[0].actor, at=MONDAY)
    away(people[0], manager)
    offered = {row.name for row in queries.deputies_for(clinician)}
    assert "Mia Nager" in offered, "whoever may answer questions may stand in for a clinician"
    assert "Cli Nician" not in offered


def test_only_oneself_and_administrators_set_leave(people):
    with pytest.raises(Forbidden):
        service.set_leave(people[0].uid, FIRST, LAST, None, by=people[1].actor, at=MONDAY)
    administrator = make_actor(Role.ADMINISTRATOR, "Ada Min")
    leave = service.set_leave(people[0].uid, FIRST, LAST, None, by=administrator, at=MONDAY)
    with pytest.raises(Forbidden):
        service.end_leave(leave, today=FIRST, by=people[1].actor, at=MONDAY)


def test_running_leave_ends_and_coming_leave_is_called_off(people):
    running = away(people[0])
    coming = away(people[0], starts_on=LAST + timedelta(days=7), ends_on=LAST + timedelta(days=9))
    today = FIRST + timedelta(days=2)
    service.end_leave(running, today=today, by=people[0].actor, at=MONDAY)
    service.end_leave(coming, today=today, by=people[0].actor, at=MONDAY)
    assert queries.on_leave(people[0].id, today) is None
    assert queries.on_leave(people[0].id, FIRST) is not None
    assert queries.leave_of(people[0].id, today) == ()


def test_leave_is_all_or_nothing(people):
    person = people[0]
    assert_all_or_nothing(lambda: service.set_leave(person.uid, FIRST, LAST, people[1].uid, by=person.actor, at=MONDAY))
    leave = queries.on_leave(person.id, FIRST)
    assert_all_or_nothing(lambda: service.end_leave(leave.id, today=FIRST, by=person.actor, at=MONDAY))
