"""The shared fields: what people type is read, refused with a sentence, and kept."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from flask import get_template_attribute

from ticketing.web.forms import ChoiceField, DayField, Form, LineField, ManyField, MomentField, NumberField, PickField, VersionField, clean


class Sheet(Form):
    version = VersionField()
    line = LineField("Name", is_required=False)
    pick = PickField("Ward", choices={"": "Not known", "Site": {"a": "Ward A", "b": "Ward B"}}, is_required=False)
    choice = ChoiceField("Answer", choices={"yes": "Yes", "no": "No"})
    day = DayField("Date of birth", is_required=False)
    minutes = NumberField("Minutes", least=1, most=60, is_required=False)
    moment = MomentField("Received")


def filled(app, **given):
    with app.test_request_context("/", method="POST", data={"version": "1", "choice": "yes", "moment": "", **given}):
        app.config["WTF_CSRF_ENABLED"] = False
        form = Sheet()
        form.moment.at_zone("America/New_York")
        form.validate()
        return form


def test_what_is_good_is_read(app):
    form = filled(app, pick="b", day="27/3/2026", minutes=" 15 ", moment="2026-03-27", **{"moment-time": "9.30"})
    assert not form.errors
    assert (form.pick.data, form.day.data, form.minutes.data, form.version.data) == ("b", date(2026, 3, 27), 15, 1)
    assert form.moment.data == datetime(2026, 3, 27, 13, 30, tzinfo=UTC)


@pytest.mark.parametrize(("field", "typed", "words"), [
    ("version", "x", "Reload"), ("version", "9" * 30, "Reload"), ("version", "", "Reload"), ("version", "-1", "Reload"),
    ("pick", "z", "choose one"), ("choice", "z", "choose one"), ("choice", "", "choose one"),
    ("day", "31/02/2026", "real date"), ("day", "03-27", "real date"), ("day", "01/01/0001", "between 1900"),
    ("minutes", "61", "from 1 to 60"), ("minutes", "٣", "from 1 to 60"), ("minutes", "1e3", "from 1 to 60"),
    ("moment", "soon", "real date"), ("moment-time", "09:30", "real date"),
])
def test_what_is_not_is_refused_with_a_sentence(app, field, typed, words):
    form = filled(app, **{field: typed})
    assert words in form.errors[field.removesuffix("-time")][0]


def test_what_was_typed_stays_in_the_boxes(app):
    form = filled(app, day="31/02/2026", minutes="many", moment="soon", **{"moment-time": "9"})
    assert 'value="31/02/2026"' in form.day()
    assert 'value="many"' in form.minutes()
    assert (form.moment.day_text, form.moment.time_text) == ("soon", "9")


def test_a_line_that_was_not_sent_is_empty_text_not_nothing(app):
    assert filled(app).line.data == ""


def test_text_is_cleaned_of_what_a_database_refuses():
    assert clean("a\x00b\ud800c\r\nd\re") == "abc\nd\ne"


def test_a_moment_shows_its_default_on_the_clock_of_the_site(app):
    with app.test_request_context("/"):
        form = Sheet()
        form.moment.at_zone("Asia/Tokyo", datetime(2026, 1, 1, 20, 5, tzinfo=UTC))
        assert (form.moment.day_text, form.moment.time_text) == ("2026-01-02", "05:05")


@pytest.mark.parametrize(("offered", "target"), [({}, "wards"), ({"a": "Ward A"}, "wards-0")])
def test_an_error_leads_to_its_field_also_where_nothing_is_left_to_tick(app, offered, target):
    class Wards(Form):
        wards = ManyField("Wards", is_required=False, choices=offered)

    app.config["WTF_CSRF_ENABLED"] = False
    with app.test_request_context("/", method="POST", data={"wards": "gone"}):
        form = Wards()
        assert not form.validate()
        assert f'href="#{target}"' in get_template_attribute("components/forms.html", "error_summary")(form)
        assert f'id="{target}"' in get_template_attribute("components/forms.html", "checkboxes")(form.wards)
