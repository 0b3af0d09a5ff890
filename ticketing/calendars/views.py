"""Pages of the calendars: opening hours, closed days and their versions, from draft over reviewed import to publication."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from flask import Blueprint, Flask, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ticketing.calendars import queries, service
from ticketing.calendars.forms import DayForm, HoursForm, ImportForm, NewForm, OpenForm, PublishForm, ReviewForm
from ticketing.calendars.queries import CalendarRow
from ticketing.calendars.rules import public_holidays
from ticketing.calendars.rules.sheets import Change, changes, read_days
from ticketing.core import clock
from ticketing.core.errors import Invalid, NotFound
from ticketing.core.permissions import Permission
from ticketing.web.filters import moment_of_request
from ticketing.web.forms import Form
from ticketing.web.guards import current_actor, requires

bp = Blueprint("calendars", __name__, url_prefix="/calendars")
SHOWN_YEARS = 3


def init_app(app: Flask) -> None:
    """Hands the names of the calendars to the page on which a site chooses one: its room stands beside this one."""
    app.extensions["calendar_names"] = queries.names
    app.register_blueprint(bp)


@bp.get("")
@requires(Permission.VIEW_POLICIES)
def index() -> ResponseReturnValue:
    return render_template("calendars/index.html", calendars=queries.newest(), drafts=queries.drafts())


@bp.get("/<code>")
@requires(Permission.VIEW_POLICIES)
def show(code: str) -> ResponseReturnValue:
    """The newest version, with all the earlier ones."""
    versions = queries.versions(code)
    return render_template(
        "calendars/show.html", calendar=versions[0], versions=versions, years=_years(versions[0]), history=queries.history(code),
        is_new="published" in request.args)


@bp.get("/<code>/versions/<number>")
@requires(Permission.VIEW_POLICIES)
def version(code: str, number: str) -> ResponseReturnValue:
    calendar = queries.version(code, number)
    return render_template("calendars/version.html", calendar=calendar, years=_years(calendar))


@bp.route("/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_RULES)
def new() -> ResponseReturnValue:
    """A calendar of the hospital's own, begun from a public one."""
    form = NewForm()
    if form.validate_on_submit() and form.carry_out(lambda: service.new_calendar(
            form.code.data, form.title.data, form.base.data, form.zone.data, by=current_actor(), at=moment_of_request())):
        return redirect(url_for(".draft", uid=form.result), 303)
    return render_template("calendars/new.html", form=form), form.status if form.errors else 200


@bp.post("/<code>/drafts")
@requires(Permission.MANAGE_RULES)
def create_draft(code: str) -> ResponseReturnValue:
    uid = service.draft_version(code, request.form.get("base", ""), by=current_actor(), at=moment_of_request())
    return redirect(url_for(".draft", uid=uid), 303)


@bp.route("/drafts/<uid>", methods=["GET", "POST"])
@requires(Permission.MANAGE_RULES)
def draft(uid: str) -> ResponseReturnValue:
    """A draft: its hours to change, its days to look at."""
    calendar = queries.draft(uid)
    form = HoursForm(data=HoursForm.shown(calendar.title, calendar.zone, calendar.hours, calendar.revision))
    if form.validate_on_submit() and form.carry_out(lambda: service.set_hours(
            uid, form.title.data, form.zone.data, form.week(), seen=form.version.data, by=current_actor(), at=moment_of_request())):
        flash("Hours saved in the draft.", "success")
        return redirect(url_for(".draft", uid=uid), 303)
    return render_template(
        "calendars/draft.html", calendar=calendar, form=form, years=_years(calendar)), form.status if form.errors else 200


@bp.route("/drafts/<uid>/day", methods=["GET", "POST"])
@requires(Permission.MANAGE_RULES)
def day(uid: str) -> ResponseReturnValue:
    """Close one more day."""
    calendar = queries.draft(uid)
    form = DayForm(data={"version": calendar.revision, "kind": "local"})
    return _worked(calendar, form, "calendars/day.html", lambda: service.set_day(
        uid, form.on.data, form.name.data, is_public=form.kind.data == "public", seen=form.version.data, by=current_actor(),
        at=moment_of_request()), "Day closed in the draft.")


@bp.post("/drafts/<uid>/open")
@requires(Permission.MANAGE_RULES)
def open_day(uid: str) -> ResponseReturnValue:
    """Take a closed day out again."""
    form = OpenForm()
    if not form.validate():
        raise Invalid("Choose the day from the list of the draft.")
    service.open_day(uid, form.on.data, seen=form.version.data, by=current_actor(), at=moment_of_request())
    flash("Day opened in the draft.", "success")
    return redirect(url_for(".draft", uid=uid), 303)


@bp.route("/drafts/<uid>/import", methods=["GET", "POST"])
@requires(Permission.MANAGE_RULES)
def import_days(uid: str) -> ResponseReturnValue:
    """Days from a file, from the clipboard or from the library; they are compared before anything changes."""
    calendar = queries.draft(uid)
    form = ImportForm(data={"version": calendar.revision, "kind": "public", "text": _library(calendar)})
    if form.validate_on_submit():
        return _review(calendar, form)
    return render_template("calendars/import_days.html", calendar=calendar, form=form), form.status if form.errors else 200


@bp.post("/drafts/<uid>/import/accept")
@requires(Permission.MANAGE_RULES)
def accept_import(uid: str) -> ResponseReturnValue:
    """The reviewed changes go into the draft."""
    calendar, form = queries.draft(uid), ReviewForm()
    found = changes(_known(calendar, form.kind.data), read_days(form.text.data))
    form.offer(found)
    if form.validate() and form.carry_out(lambda: service.accept_import(
            uid, [change for change in found if change.key in (form.accepted.data or ())], is_public=form.kind.data == "public",
            seen=form.version.data, by=current_actor(), at=moment_of_request())):
        flash("The days you ticked are in the draft.", "success")
        return redirect(url_for(".draft", uid=uid), 303)
    return render_template("calendars/accept_import.html", calendar=calendar, form=form, changes=found), form.status


@bp.route("/drafts/<uid>/publish", methods=["GET", "POST"])
@requires(Permission.MANAGE_RULES)
def publish(uid: str) -> ResponseReturnValue:
    calendar = queries.draft(uid)
    form = PublishForm(data={"version": calendar.revision})
    if form.validate_on_submit() and form.carry_out(lambda: service.publish(
            uid, form.reason.data, seen=form.version.data, by=current_actor(), at=moment_of_request())):
        flash("Published. No open case was moved.", "success")
        return redirect(url_for(".show", code=calendar.code, published=1), 303)
    base = _base_of(calendar)
    shown = (_differing(base.days, calendar.days), _differing(base.closures, calendar.closures)) if base else ((), ())
    return render_template(
        "calendars/publish.html", calendar=calendar, form=form, base=base, public=shown[0], local=shown[1]
    ), form.status if form.errors else 200


@bp.post("/drafts/<uid>/discard")
@requires(Permission.MANAGE_RULES)
def discard(uid: str) -> ResponseReturnValue:
    service.discard_draft(uid, by=current_actor(), at=moment_of_request())
    flash("Draft thrown away.", "success")
    return redirect(url_for(".index"), 303)


def _differing(was: queries.Days, becomes: queries.Days) -> tuple[Change, ...]:
    """Every day that differs between two versions."""
    named = {on: Change(on, "rename" if on in was else "add", was.get(on, ""), name) for on, name in becomes.items() if was.get(on) != name}
    gone = {on: Change(on, "remove", name, "") for on, name in was.items() if on not in becomes}
    return tuple(change for _, change in sorted({**named, **gone}.items()))


def _worked(calendar: CalendarRow, form: Form, template: str, verb: Callable[[], object], done: str) -> ResponseReturnValue:
    if form.validate_on_submit() and form.carry_out(verb):
        flash(done, "success")
        return redirect(url_for(".draft", uid=calendar.uid), 303)
    return render_template(template, calendar=calendar, form=form), form.status if form.errors else 200


def _review(calendar: CalendarRow, form: ImportForm) -> ResponseReturnValue:
    """What the list would change, each change with its tick; a removal is never ticked beforehand."""
    text = form.given()
    try:
        found = changes(_known(calendar, form.kind.data), read_days(text))
    except Invalid as error:
        form.refuse(error.message, "text")
        return render_template("calendars/import_days.html", calendar=calendar, form=form), 422
    review = ReviewForm(formdata=None, data={"version": calendar.revision, "kind": form.kind.data, "text": text})
    review.offer(found)
    review.accepted.data = [change.key for change in found if change.kind != "remove"]
    return render_template("calendars/accept_import.html", calendar=calendar, form=review, changes=found)


def _base_of(calendar: CalendarRow) -> CalendarRow | None:
    """The version it was drafted from: one of the same calendar, or the public one it began with."""
    for code in filter(None, (calendar.code, calendar.base)):
        try:
            return queries.version(code, calendar.base_version)
        except NotFound:
            continue
    return None


def _known(calendar: CalendarRow, kind: str) -> queries.Days:
    return calendar.days if kind == "public" else calendar.closures


def _library(calendar: CalendarRow) -> str:
    """The days of the library for this year and the next ones, as lines, where they are asked for."""
    if request.args.get("from") != "library" or not calendar.base:
        return ""
    first = _this_year()
    return "\n".join(f"{on.isoformat()}, {name}" for year in range(first, first + SHOWN_YEARS)
                     for on, name in public_holidays(calendar.base, year).items())


def _years(calendar: CalendarRow) -> list[tuple[int, list[tuple[date, str, bool]]]]:
    """The closed days of this year and the next ones: day, name, and whether this place alone is shut."""
    first = _this_year()
    return [(year, sorted([*((on, name, False) for on, name in calendar.holidays_in(year).items()),
                           *((on, name, True) for on, name in calendar.closures.items() if on.year == year)]))
            for year in range(first, first + SHOWN_YEARS)]


def _this_year() -> int:
    return clock.day_of(moment_of_request(), str(current_app.config["SITE_ZONE"])).year
