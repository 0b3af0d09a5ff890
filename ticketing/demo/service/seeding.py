"""Seeding: four months of a hospital, played through the verbs in the order in which it happened, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from random import Random

import sqlalchemy as sa

from ticketing.calendars.rules import named_calendar
from ticketing.core.database import atomic, db, is_postgresql
from ticketing.core.errors import Conflict
from ticketing.core.mail import Mail
from ticketing.core.permissions import Actor
from ticketing.demo import queries
from ticketing.demo.rules import Step, WorkingDays, plans, script_of
from ticketing.demo.rules.hospital import CALENDAR, ZONE
from ticketing.demo.service.acts import ACTS, _receive
from ticketing.demo.service.files import _bring_files
from ticketing.demo.service.founding import _found, _set_leave
from ticketing.demo.service.hiding import _hide_some
from ticketing.demo.service.policies import _make_policies
from ticketing.demo.service.trying import _play as _play_on
from ticketing.demo.service.trying import _try_out
from ticketing.escalation.jobs import sweep
from ticketing.escalation.queries import why_withhold
from ticketing.outbox.jobs import deliver_batch, render_mail

SEED = 20_260
FOUNDING = 0x7265_6664  # names the lock that lets one process found the hospital
TRIED = 8  # working days ago the manager tried another policy
WAKE = timedelta(seconds=20)  # as often as the program's own sweep
NAMES_STAFF = ("to", "staff", "clinician")
Transport = Callable[[Mail], str]


@atomic
def seed(*, mail_from: str, transport: Transport, progress: Callable[[int, int], object], at: datetime) -> int:
    """Make the demo hospital as it stands at `at`; returns how many cases it has.  All of it, or nothing if it is interrupted.

    `transport` keeps the mails that were sent on the way; `progress` is told how many steps are done, of how many.
    """
    if is_postgresql():  # two first starts at once: the second waits, then finds the hospital there
        db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(FOUNDING)))
    if not queries.is_empty():
        raise Conflict("This database is in use already. The demo hospital is only made in an empty one.")
    days = WorkingDays.around(at, ZONE, named_calendar(CALENDAR, ZONE).is_working_date)
    steps = _all_steps(days)
    people = _found(steps[0].at - timedelta(days=3))
    _set_leave(people, days.day(1), days.day(-5), days.moment(6, 0.5))
    references: dict[int, str] = {}
    tried_at, is_tried = days.moment(TRIED, 0.5), False
    for number, step in enumerate(steps, start=1):
        if step.at > tried_at and not is_tried:
            _wake_until(tried_at, mail_from, transport)
            _try_out(people["manager"], tried_at)
            is_tried = True
        _wake_until(step.at, mail_from, transport)
        _play(step, references, people)
        progress(number, len(steps))
    _wake_until(at, mail_from, transport)
    _bring_files(at)
    _make_policies(people, days, at)
    _hide_some(people, at)
    sweep(at)
    _play_on(at)
    return len(references)


def _all_steps(days: WorkingDays) -> list[Step]:
    dice = Random(SEED)  # nosec B311 - the same demo hospital each time, no secret
    made = plans(queries.library(), dice)
    return sorted((step for plan in made for step in script_of(plan, days, dice)), key=lambda step: step.at)


def _play(step: Step, references: dict[int, str], people: Mapping[str, Actor]) -> None:
    by = people[step.by]
    named = {name: people[step.values[name]].uid for name in NAMES_STAFF if name in step.values}
    step = replace(step, values={**step.values, **named})
    if step.verb in ("receive", "keep_draft"):
        references[step.case] = _receive(step, by, is_draft=step.verb == "keep_draft")
    else:
        ACTS[step.verb](references[step.case], step, by)


def _wake_until(at: datetime, mail_from: str, transport: Transport) -> None:
    """Whatever the scheduler would have done meanwhile, when it would have."""
    for moment in _wakes(at):
        sweep(moment)
        deliver_batch(at=moment, mail_from=mail_from, transport=transport, may_release=partial(why_withhold, at=moment),
                      render=render_mail, limit=100)


def _wakes(until: datetime) -> Iterator[datetime]:
    last: datetime | None = None
    while (due := queries.next_wake()) is not None and due + WAKE <= until:
        last = max(due, last) + WAKE if last else due + WAKE
        yield last
