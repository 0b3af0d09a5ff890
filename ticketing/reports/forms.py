"""The filters of the report pages: sent by GET, nothing in them is a person's data; a value nobody offered counts as not set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from flask import request

from ticketing.audit.rules import Act
from ticketing.outbox.rules import STATE_WORDS
from ticketing.web.forms import DayField, Form, LineField, PickField

ALL = {"": "All"}


class GetForm(Form):
    """A form of filters."""

    class Meta(Form.Meta):
        csrf = False

    def __init__(self) -> None:
        super().__init__(request.args)

    def settle(self) -> None:
        """Check, and forget what was not offered; a day that is none keeps its sentence."""
        self.validate()
        for field in self:
            if field.errors and isinstance(field, PickField):
                field.data, field.errors = "", []

    @property
    def kept(self) -> dict[str, str]:
        """What is set, as it goes into links."""
        return {field.short_name: str(field.data) for field in self if field.data and not field.errors}


class PeriodForm(GetForm):
    """Which period, site and team."""

    period = PickField("Period", is_required=False)
    site = PickField("Site", is_required=False)
    team = PickField("Team", is_required=False)

    def __init__(self, periods: Mapping[str, str], sites: Mapping[str, str], teams: Mapping[str, str]) -> None:
        super().__init__()
        self.period.choices = dict(periods)
        self.site.choices = {**ALL, **sites}
        self.team.choices = {**ALL, **teams}
        self.settle()


class MessageForm(GetForm):
    """Which messages."""

    state = PickField("State", is_required=False, choices={**ALL, **{state.value: words for state, words in STATE_WORDS.items()}})
    kind = PickField("Kind", is_required=False)
    reference = LineField("Case", is_required=False, most=40)

    def __init__(self, kinds: Mapping[str, str]) -> None:
        super().__init__()
        self.kind.choices = {**ALL, **kinds}
        self.settle()


class TrailForm(GetForm):
    """Which entries."""

    reference = LineField("Case", is_required=False, most=40)
    by = PickField("By", is_required=False)
    act = PickField("Deed", is_required=False)
    first = DayField("From", is_required=False)
    last = DayField("To", is_required=False)
    reading = PickField("Reading", is_required=False, choices={"": "Left out", "shown": "Shown too", "alone": "Nothing else"})

    def __init__(self, actors: Mapping[str, str]) -> None:
        super().__init__()
        self.by.choices = {"": "Anybody", **actors}
        self.act.choices = {"": "Any", **_deeds()}
        self.settle()

    def objections(self) -> Iterable[tuple[str, str]]:
        if isinstance(self.first.data, date) and isinstance(self.last.data, date) and self.last.data < self.first.data:
            yield "last", "The last day is before the first. Change one of them."


class MailboxForm(GetForm):
    """Whose mail."""

    to = LineField("Sent to", is_required=False, most=200)

    def __init__(self) -> None:
        super().__init__()
        self.settle()


def _deeds() -> Any:
    """Deeds by what they are done to."""
    groups: dict[str, dict[str, str]] = {}
    for act in Act:
        thing, deed = act.value.split(".", 1)
        groups.setdefault(thing.capitalize(), {})[act.value] = deed.replace("_", " ").capitalize()
    return groups
