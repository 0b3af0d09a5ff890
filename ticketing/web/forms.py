"""The base of every form: CSRF, cleaned text, and the fields the rooms share."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterable
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, current_app, g, request
from flask_wtf import CSRFProtect, FlaskForm
from markupsafe import Markup
from sqlalchemy.exc import IntegrityError
from werkzeug.datastructures import CombinedMultiDict, ImmutableMultiDict, MultiDict
from wtforms import Field, FileField, RadioField, SelectField, SelectMultipleField, StringField, TextAreaField, ValidationError
from wtforms.validators import InputRequired, Length, Optional
from wtforms.widgets import CheckboxInput, HiddenInput, ListWidget, TextInput

from ticketing.core import clock, once
from ticketing.core.database import is_race
from ticketing.core.errors import DomainError, NotFound
from ticketing.web.guards import current_actor_or_none

csrf = CSRFProtect()

ONCE = "once"  # the hidden field that tells one rendering of a form from another

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL refuses NUL, UTF-8 refuses lone surrogates
LONG_TEXT = 20_000
SHORT_TEXT = 200


def init_app(app: Flask) -> None:
    csrf.init_app(app)
    app.jinja_env.globals["once_field"] = once_field


def once_field() -> Markup:
    """A new value for each rendering, so that the server can tell a form sent twice from two forms."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(ONCE, secrets.token_hex(16))


def clean(text: str) -> str:
    """Text as it can be stored on both databases: no NUL, no lone surrogates, one kind of line end."""
    return UNSTORABLE.sub("", text).replace("\r\n", "\n").replace("\r", "\n")


def _trim(text: Any) -> str:
    return text.strip() if isinstance(text, str) else ""


class Form(FlaskForm):  # type: ignore[misc]
    """Cleans whatever was sent before any field sees it."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            """Only what a browser's form sends: never JSON, which may hold anything, and a file only where one was asked for."""
            given = formdata if formdata is None or isinstance(formdata, MultiDict) else _sent(form)
            if given is None:
                return None
            pairs = [(key, clean(value) if isinstance(value, str) else value) for key, value in _pairs(given)]
            return ImmutableMultiDict((key, value) for key, value in pairs if isinstance(value, str) or _is_file(form, key))

    def validate(self, extra_validators: Any = None) -> bool:
        """Each field by itself, then all together."""
        super().validate(extra_validators)
        for field, sentence in self.objections():
            self.refuse(sentence, field)
        return not self.errors

    def objections(self) -> Iterable[tuple[str, str]]:
        """What is wrong with the answers taken together, as (field, sentence); asked also where a field was left empty."""
        return ()

    status = 422  # what a page that shows this form again answers with
    result: Any = None  # what the verb returned, this time or the first time the form was sent
    is_repeat = False  # the form was sent before, and this is the answer to that

    def hidden_tag(self, *fields: Any) -> Markup:
        """The hidden fields, and the mark of this rendering: every form goes through once without asking for it."""
        return Markup("\n").join((super().hidden_tag(*fields), once_field()))

    def carry_out(self, verb: Callable[[], Any]) -> bool:
        """Run the verb once for this sending; True if it went through, now or the first time, with what it returned in `result`.

        A sentence it raises is shown in the form, so that nothing typed is lost.
        """
        return self.attempt(lambda: self._once(verb))

    def attempt(self, verb: Callable[[], object]) -> bool:
        """As `carry_out`, for what may be done twice: nothing of it is remembered.

        What is missing or hidden stays so: NotFound goes on to its own page.
        """
        try:
            verb()
        except NotFound:
            raise
        except DomainError as error:
            self.refuse(error.message, error.field)
            self.status = error.status
            return False
        except IntegrityError as error:
            if not is_race(error):  # a defect, and no fault of whoever sent this
                raise
            self.refuse("Somebody saved the same thing at this very moment. Check whether it is there now, or send this again.")
            self.status = 409
            return False
        return True

    def sent_before(self) -> bool:
        """Whether this very form went through already: for views that look for things which its verb takes away."""
        mark = _mark_of_request() if self.is_submitted() else None
        done = once.find(mark) if mark else None
        if done is not None:
            self.result, self.is_repeat = done.result, True
        return self.is_repeat

    def _once(self, verb: Callable[[], Any]) -> None:
        mark = _mark_of_request()
        if mark is None:
            self.result = verb()
            return
        g.sendings = g.get("sendings", 0) + 1
        done = once.carry_out(mark, verb, at=clock.now())
        self.result, self.is_repeat = done.result, done.is_repeat

    def refuse(self, message: str, field: str | None = None) -> None:
        """Show a sentence of a verb beside the field it belongs to, or over the form."""
        target = self._fields.get(field) if field else None
        if target is not None:
            target.errors = [*target.errors, message]
        else:
            self.form_errors.append(message)


def _mark_of_request() -> once.Mark | None:
    """Which rendering of which form this is, sent by whom, and what is in it; None where no rendering is named."""
    rendering = request.form.get(ONCE, "")
    if not rendering:
        return None
    actor = current_actor_or_none()
    which = (actor.uid if actor else "", request.path, rendering, str(g.get("sendings", 0)))
    words = sorted((name, value) for name, value in request.form.items(multi=True) if name not in {ONCE, "csrf_token"})
    files = [(name, file.filename or "", _print_of(file.stream)) for name, file in request.files.items(multi=True)]
    return once.Mark(_keyed(which), _keyed((words, files)))


def _keyed(parts: object) -> str:
    """A hash only this program can make: what people typed cannot be guessed from it."""
    return hmac.new(str(current_app.secret_key).encode(), repr(parts).encode("utf-8", "backslashreplace"), hashlib.sha256).hexdigest()


def _print_of(stream: Any) -> str:
    found = hashlib.file_digest(stream, "sha256").hexdigest()
    stream.seek(0)
    return found


def _sent(form: FlaskForm) -> MultiDict[str, Any] | None:
    return CombinedMultiDict([request.files, request.form]) if form.is_submitted() else None


def _is_file(form: FlaskForm, name: str) -> bool:
    return isinstance(form._fields.get(name), FileField)


def _pairs(given: MultiDict[str, Any]) -> Iterable[tuple[str, Any]]:
    return given.items(multi=True)


class LineField(StringField):
    """One line of text, trimmed; at most `SHORT_TEXT` characters unless told."""

    data: Any  # text, never None

    def __init__(self, label: str, *, is_required: bool = True, missing: str = "", most: int = SHORT_TEXT, **options: Any) -> None:
        super().__init__(label, _text_rules(label, is_required, missing, most), filters=[_trim], **options)


class TextField(TextAreaField):
    """Several lines of text, trimmed; at most `LONG_TEXT` characters unless told."""

    data: Any  # text, never None

    def __init__(self, label: str, *, is_required: bool = True, missing: str = "", most: int = LONG_TEXT, **options: Any) -> None:
        super().__init__(label, _text_rules(label, is_required, missing, most), filters=[_trim], **options)


class HiddenField(LineField):
    """What the form is about, carried along; the view checks it."""

    widget: Any = HiddenInput()


def _presence(label: str, is_required: bool, missing: str) -> Any:
    return InputRequired(missing or f"Enter {label[:1].lower()}{label[1:]}.") if is_required else Optional()


def _text_rules(label: str, is_required: bool, missing: str, most: int) -> list[Any]:
    presence = _presence(label, is_required, missing)
    too_long = f"{label} is too long: use {most:,} characters or fewer."
    return [presence, Length(max=most, message=too_long), _not_blank(is_required, label, missing)]


def _not_blank(is_required: bool, label: str, missing: str) -> Any:
    def check(form: Form, field: Field) -> None:  # noqa: ARG001 - the validator's signature
        if is_required and not field.data:
            raise ValidationError(missing or f"Enter {label[:1].lower()}{label[1:]}.")

    return check


class PickField(SelectField):
    """One of a list, `choices` as {value: label} or {group: {value: label}}; an empty value means "not said"."""

    def __init__(self, label: str, *, is_required: bool = True, missing: str = "", **options: Any) -> None:
        super().__init__(label, _choice_rules(label, is_required, missing), **{"choices": {}, **options})

    def pre_validate(self, form: Any) -> None:  # noqa: ARG002 - the field's signature
        _must_be_offered(self)


class ChoiceField(RadioField):
    """One of a few, all in sight; `choices` as {value: label}."""

    def __init__(self, label: str, *, is_required: bool = True, missing: str = "", **options: Any) -> None:
        super().__init__(label, _choice_rules(label, is_required, missing), **{"choices": {}, **options})

    def pre_validate(self, form: Any) -> None:  # noqa: ARG002 - the field's signature
        _must_be_offered(self)


class ManyField(SelectMultipleField):
    """Any of a few, all in sight; its data is a list of values."""

    widget: Any = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()

    def __init__(self, label: str, *, is_required: bool = True, missing: str = "", **options: Any) -> None:
        super().__init__(label, _choice_rules(label, is_required, missing), **{"choices": {}, **options})

    def pre_validate(self, form: Any) -> None:  # noqa: ARG002 - the field's signature
        if not set(self.data or ()) <= {choice[0] for choice in self.iter_choices()}:
            raise ValidationError(f"{self.label.text}: choose from the list.")


def _choice_rules(label: str, is_required: bool, missing: str) -> list[Any]:
    return [InputRequired(missing or f"{label}: choose one.")] if is_required else [Optional()]


def _must_be_offered(field: SelectField) -> None:
    if field.data not in {choice[0] for choice in field.iter_choices()}:
        raise ValidationError(f"{field.label.text}: choose one from the list.")


class NumberField(Field):
    """A whole number as people type it, between `least` and `most`; its data is an int, or None."""

    widget: Any = TextInput()

    def __init__(
        self, label: str, *, least: int = 0, most: int = 2**31 - 1, is_required: bool = True, missing: str = "", **options: Any,
    ) -> None:
        super().__init__(label, [_presence(label, is_required, missing)], **options)
        self.least, self.most = least, most

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else str(self.data)

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = None
        if not valuelist or not valuelist[0].strip():
            self.raw_data = []  # blanks are nothing, also to InputRequired
            return
        text = valuelist[0].strip()
        if not re.fullmatch(r"[0-9]{1,12}", text) or not self.least <= int(text) <= self.most:
            raise ValueError(f"{self.label.text}: enter a whole number from {self.least:,} to {self.most:,}.")
        self.data = int(text)


class VersionField(NumberField):
    """The version of the thing that the person saw, carried in the form."""

    widget: Any = HiddenInput()

    def __init__(self, **options: Any) -> None:
        super().__init__("Version", missing="Reload the page and try again.", **options)

    def process_formdata(self, valuelist: list[Any]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError("This page lost track of what you saw. Reload it and try again.") from None


class DayField(Field):
    """A day as browsers send it or people type it (27/03/2026); its data is a date, or None, and what was typed stays."""

    widget = TextInput()

    def __init__(self, label: str, *, is_required: bool = True, missing: str = "", **options: Any) -> None:
        super().__init__(label, [_presence(label, is_required, missing)], **options)

    def _value(self) -> str:
        if self.raw_data:
            return str(self.data.isoformat() if isinstance(self.data, date) else self.raw_data[0])
        return self.data.isoformat() if isinstance(self.data, date) else ""

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = None
        if not valuelist or not valuelist[0].strip():
            self.raw_data = []  # blanks are nothing, also to InputRequired
            return
        try:
            day = _read_day(valuelist[0].strip())
        except ValueError:
            raise ValueError(f"{self.label.text}: enter a real date, such as 27/03/2026.") from None
        if not 1900 <= day.year <= 2200:
            raise ValueError(f"{self.label.text}: the year must be between 1900 and 2200.")
        self.data = day


class MomentField(Field):
    """A local date and time at a site (`<name>` a date, `<name>-time` optional HH:MM); its data is aware, or None.

    A bare date means noon.  `at_zone` is called before `validate` where the site's zone differs from the field's.
    """

    def __init__(self, label: str = "", validators: Any = None, *, zone: str = "Europe/London", **options: Any) -> None:
        super().__init__(label, validators or [Optional()], **options)
        self.zone = zone
        self.day_text = ""
        self.time_text = ""

    def process(self, formdata: Any, data: Any = None, extra_filters: Any = None) -> None:
        super().process(formdata, data if data is not None else self.default, extra_filters)
        if formdata is not None and self.name in formdata:
            self.day_text = formdata.get(self.name, "").strip()
            self.time_text = formdata.get(f"{self.name}-time", "").strip()
            self.raw_data = [text] if (text := self.day_text or self.time_text) else []
            self.data = self._parse()
        elif isinstance(self.data, datetime):
            local = self.data.astimezone(ZoneInfo(self.zone))
            self.day_text, self.time_text = local.date().isoformat(), local.strftime("%H:%M")

    @property
    def tzinfo(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def at_zone(self, zone: str, default: datetime | None = None) -> None:
        """Read what was typed as the wall clock of `zone`; where nothing was sent, show `default` as it is there."""
        self.zone = zone
        if self.raw_data is not None:
            self.process_errors = []
            self.data = self._parse()
        elif default is not None:
            self.data = default
            local = default.astimezone(ZoneInfo(zone))
            self.day_text, self.time_text = local.date().isoformat(), local.strftime("%H:%M")

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Done in `process`, which sees both inputs."""

    def _parse(self) -> datetime | None:
        if not self.day_text and not self.time_text:
            return None
        try:
            day = _read_day(self.day_text)
            clock = _read_time(self.time_text) if self.time_text else time(12)
        except ValueError:
            self.process_errors = [f"{self.label.text}: enter a real date, such as 27/03/2026, and a time such as 09:30."]
            return None
        if not 1900 <= day.year <= 2200:
            self.process_errors = [f"{self.label.text}: the year must be between 1900 and 2200."]
            return None
        return datetime.combine(day, clock, ZoneInfo(self.zone))


def _read_day(text: str) -> date:
    """An ISO date as browsers send it, or day/month/year as people type it."""
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return date.fromisoformat(text)
    match = re.fullmatch(r"([0-9]{1,2})[/. -]([0-9]{1,2})[/. -]([0-9]{4})", text)
    if not match:
        raise ValueError(text)
    day, month, year = (int(part) for part in match.groups())
    return date(year, month, day)


def _read_time(text: str) -> time:
    """`09:30` as browsers send it, or `9.30` as people type it."""
    match = re.fullmatch(r"([0-9]{1,2})[:.]?([0-9]{2})(?::[0-9]{2}(?:\.[0-9]+)?)?", text)
    if not match:
        raise ValueError(text)
    return time(int(match[1]), int(match[2]))
