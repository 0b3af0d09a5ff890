"""Batches: an item at fault is set aside and the rest go on; what is no item's fault undoes the batch, to be tried again."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.facts import TUESDAY
from ticketing.core.batch import each_apart, together_or_apart
from ticketing.core.database import OutOfReach, atomic, db, is_passing, is_postgresql
from ticketing.operations import queries
from ticketing.operations.models import Heartbeat


def write(name):
    db.session.execute(sa.insert(Heartbeat).values(name=name, at=TUESDAY))
    return "written"


def time_out_or_fill_up():
    """A real error of the database that is nobody's fault: a statement out of time, a disk without room."""
    if is_postgresql():
        db.session.execute(sa.text("SET LOCAL statement_timeout = 20"))
        db.session.execute(sa.text("SELECT pg_sleep(5)"))
    else:
        db.session.execute(sa.text("PRAGMA max_page_count = 1"))
        for number in range(2_000):
            write(f"{number}" * 100)


def lift():
    db.session.remove()
    if not is_postgresql():
        db.session.execute(sa.text("PRAGMA max_page_count = 1000000000"))
    db.session.remove()


@atomic
def work_all(names, *, apart, at):
    aside = []

    def work(name):
        if name == "out of reach":
            time_out_or_fill_up()
        return write(name)

    def together(batch):
        return [work(name) for name in batch]

    tally = each_apart(names, work, lambda name, _: aside.append(name)) if apart else together_or_apart(
        names, together, lambda name, _: aside.append(name))
    return tally, aside


@pytest.mark.parametrize("apart", [True, False])
def test_an_item_at_fault_is_set_aside_and_the_rest_go_on(committing_app, apart):
    tally, aside = work_all(["one", "one", "two"], apart=apart, at=TUESDAY)
    assert (tally.done, tally.failed, aside) == (2, 1, ["one"])
    assert set(queries.beats()) == {"one", "two"}


@pytest.mark.parametrize("apart", [True, False])
def test_what_is_no_items_fault_undoes_the_batch_and_sets_nothing_aside(committing_app, apart):
    with pytest.raises(Exception) as raised:  # noqa: PT011 - the savepoint it took with it may speak first
        work_all(["one", "out of reach", "two"], apart=apart, at=TUESDAY)
    assert is_passing(raised.value)
    lift()
    assert not queries.beats()
    tally, aside = work_all(["one", "two"], apart=apart, at=TUESDAY)
    assert (tally.done, aside) == (2, [])


def test_a_defect_of_the_program_is_not_taken_for_one(committing_app):
    with pytest.raises(Exception) as raised:  # noqa: PT011 - each database names it in its own way
        db.session.execute(sa.text("SELECT nothing FROM nowhere"))
    assert not is_passing(raised.value)
    assert isinstance(raised.value, OutOfReach) is not is_postgresql()
