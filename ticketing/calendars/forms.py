"""The forms of a calendar's draft: its hours, its days, an import with its review, and its publication."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import available_timezones

from wtforms import FileField
from wtforms.validators import ValidationError

from ticketing.calendars.rules import PUBLIC_CALENDARS
from ticketing.calendars.rules.sheets import NAME_LENGTH, Change, windows_of, windows_text
from ticketing.calendars.rules.working import WEEKDAYS
from ticketing.core.errors import DomainError
from ticketing.web.forms import ChoiceField, DayField, Form, HiddenField, LineField, ManyField, PickField, TextField, VersionField

SHUT_BY = {
    "public": "A public holiday: it counts for the law too",
    "local": "Closed here only: our own promises wait, the law’s do not",
}
MOST_TEXT = 500_000
DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class HoursField(LineField):
    """Opening hours of one weekday in words; its `windows` are what they say."""

    def __init__(self, label: str, **options: Any) -> None:
        super().__init__(label, is_required=False, **options)
        self.windows: tuple[tuple[str, str], ...] = ()

    def post_validate(self, form: Any, validation_stopped: bool) -> None:  # noqa: ARG002 - the field's signature
        try:
            self.windows = windows_of(self.data or "")
        except DomainError as error:
            raise ValidationError(error.message) from None


class HoursForm(Form):
    """What the calendar is called, its zone, and when each weekday is open."""

    version = VersionField()
    title = LineField("Name", missing="Enter a name for the calendar.", most=NAME_LENGTH)
    zone = PickField("Time zone")
    mon, tue, wed, thu, fri, sat, sun = (HoursField(name) for name in DAY_NAMES)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.zone.choices = {name: name.replace("_", " ") for name in sorted(available_timezones()) if "/" in name}

    def week(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """Windows by weekday; only after `validate`."""
        return {weekday: self[weekday].windows for weekday in WEEKDAYS}

    @staticmethod
    def shown(title: str, zone: str, hours: Mapping[str, Any], revision: int) -> dict[str, Any]:
        """What the form begins with."""
        return {"title": title, "zone": zone, "version": revision,
                **{weekday: windows_text(hours.get(weekday, ())) for weekday in WEEKDAYS}}


class NewForm(Form):
    """A calendar of the hospital's own."""

    code = LineField("Code", missing="Enter a short code.", most=39, description="Small letters, digits and _, such as ward_office.")
    title = LineField("Name", missing="Enter a name for the calendar.", most=NAME_LENGTH)
    base = PickField("Public holidays of", choices={code: row.title for code, row in PUBLIC_CALENDARS.items()})
    zone = PickField("Time zone", default="Europe/London")

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.zone.choices = {name: name.replace("_", " ") for name in sorted(available_timezones()) if "/" in name}


class DayForm(Form):
    """A day on which it is closed."""

    version = VersionField()
    on = DayField("Which day?", missing="Enter the day.")
    name = LineField("What closes it?", missing="Say what closes it.", most=NAME_LENGTH)
    kind = ChoiceField("Whom does it bind?", choices=SHUT_BY, default="local", missing="Choose whom it binds.")


class OpenForm(Form):
    """A closed day to take out again."""

    version = VersionField()
    on = DayField("Day", missing="Choose the day.")


class ImportForm(Form):
    """Days from a file or from the clipboard; nothing changes before they are reviewed."""

    version = VersionField()
    kind = ChoiceField("What are they?", choices=SHUT_BY, default="public", missing="Choose what they are.")
    text = TextField("Paste the days", is_required=False, most=MOST_TEXT, description="One a line, such as 2026-12-28, Boxing Day.")
    file = FileField("Or choose a file", description="An ICS or CSV file.")

    def given(self) -> str:
        """What was pasted, or what the file holds."""
        sent: Any = self.file.data
        if not self.text.data and sent:
            return str(sent.read(MOST_TEXT).decode("utf-8", "replace"))
        return str(self.text.data)

    def objections(self) -> Iterator[tuple[str, str]]:
        has_file = bool(self.file.data) and bool(self.file.data.filename)
        if not self.text.data and not has_file:
            yield "text", "Paste the days, or choose a file."


class ReviewForm(Form):
    """The changes of an import, each with its tick."""

    version = VersionField()
    kind = HiddenField("Kind")
    text = HiddenField("Days", most=MOST_TEXT)
    accepted = ManyField("Which changes are right?", is_required=False)

    def offer(self, changes: tuple[Change, ...]) -> None:
        self.accepted.choices = {change.key: change_words(change) for change in changes}


class PublishForm(Form):
    """Why it is published."""

    version = VersionField()
    reason = TextField("Why is it published?", missing="Say why it is published.", most=2_000)


def change_words(change: Change) -> str:
    """ "Add Mon 28 Dec 2026: Boxing Day (substitute)"."""
    day = f"{change.on:%a} {change.on.day} {change.on:%b %Y}"
    if change.kind == "rename":
        return f"Rename {day}: “{change.was}” becomes “{change.becomes}”"
    return f"Add {day}: {change.becomes}" if change.kind == "add" else f"Remove {day}: {change.was}"
