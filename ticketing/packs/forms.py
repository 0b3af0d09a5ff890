"""The forms of a pack's draft: its text, its local numbers, and its publication."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from wtforms import BooleanField

from ticketing.packs.rules import LegalForce, Pack
from ticketing.packs.service import LONGEST
from ticketing.web.forms import DayField, Form, NumberField, TextField, VersionField


class DraftForm(Form):
    """The whole text of a version."""

    version = VersionField()
    text = TextField("The text of this version", missing="Write the text of the pack.", most=LONGEST)


class NumbersForm(Form):
    """The numbers that are the hospital's own; a field is added for each."""

    version = VersionField()

    @classmethod
    def of(cls, pack: Pack) -> NumbersForm:
        """With a field for each local target that has a number."""
        fields = {
            f"amount_{target.code}": NumberField(
                target.title, least=1, most=3660, default=target.amount, description=target.unit.replace("_", " "),
                missing="Enter a number.")
            for target in pack.targets if target.legal_force is LegalForce.LOCAL and target.amount is not None}
        return cast(NumbersForm, type("PackNumbersForm", (cls,), fields)())

    def amounts(self) -> Mapping[str, int]:
        """Number by target code; only after `validate`."""
        return {name.removeprefix("amount_"): int(value) for name, value in self.data.items() if name.startswith("amount_")}

    def shown(self) -> list[Any]:
        return [field for field in self if field.name.startswith("amount_")]


class PublishForm(Form):
    """From when, and why."""

    version = VersionField()
    effective_from = DayField("In force from", missing="Enter the day from which it is in force.",
                              description="For concerns received on or after this day. Open cases stay as they are.")
    reason = TextField("Why is it published?", missing="Say why it is published.", most=2_000)
    has_seen_departures = BooleanField("I have looked at every answer that differs from the worked examples")
    differs = False

    def objections(self) -> Any:
        """What departs from the worked examples is looked at by a person first."""
        if self.differs and not self.has_seen_departures.data:
            yield "has_seen_departures", "Look at what differs from the worked examples, then tick the box."


class DiscardForm(Form):
    """Only the button."""
