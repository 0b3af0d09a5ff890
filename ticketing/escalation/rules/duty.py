"""Rotas and levels: whether a shift covers a moment, and who hears of it when nobody acknowledges; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ticketing.core.errors import Invalid
from ticketing.firings.rules import Actions, Recipient

TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LEVELS = (Recipient.TEAM_LEADS, Recipient.UNIT_MANAGER, Recipient.MANAGERS)  # whom a notice rises to, one after another
RUNGS = {Recipient.TEAM_LEADS: 1, Recipient.UNIT_MANAGER: 2, Recipient.MANAGERS: 3}


@dataclass(frozen=True, slots=True)
class Shift:
    """One person's hours on one weekday (Monday is 0), in local time; `ends` at or before `starts` is on the next day."""

    staff_id: int
    weekday: int
    starts: str
    ends: str

    def check(self) -> None:
        """Raises Invalid, naming the form's field."""
        for field, value in (("starts", self.starts), ("ends", self.ends)):
            if not TIME.fullmatch(value):
                raise Invalid("Write the time like 09:00 or 17:30.", field=field)
        if not 0 <= self.weekday < len(WEEKDAYS):
            raise Invalid("Choose a day of the week.", field="weekday")

    @property
    def is_overnight(self) -> bool:
        return self.ends <= self.starts

    def covers(self, local: datetime) -> bool:
        """Whether the shift runs at this local moment; from `starts` up to, not including, `ends`."""
        time = f"{local:%H:%M}"
        if not self.is_overnight:
            return local.weekday() == self.weekday and self.starts <= time < self.ends
        is_begun = local.weekday() == self.weekday and time >= self.starts
        return is_begun or ((local - timedelta(days=1)).weekday() == self.weekday and time < self.ends)


def on_duty(shifts: Iterable[Shift], local: datetime) -> tuple[int, ...]:
    """Who is on duty at a local moment, each once, in the order of the shifts."""
    return tuple(dict.fromkeys(shift.staff_id for shift in shifts if shift.covers(local)))


def next_level(actions: Actions, moved_up: int) -> Recipient | None:
    """Whom a notice goes to that nobody acknowledged, having moved up `moved_up` times already; None above the top."""
    told = max((RUNGS.get(role, 0) for role in actions.notify), default=0)
    place = told + moved_up
    return LEVELS[place] if place < len(LEVELS) else None
