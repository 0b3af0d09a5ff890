"""The page of one thing to do with a case: one form, one verb, and back to the case."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from ticketing.accounts import queries as accounts
from ticketing.calendars import queries as calendars
from ticketing.cases import queries
from ticketing.cases.forms.steps import Lists, StepForm
from ticketing.cases.queries import CaseView
from ticketing.cases.views.blueprint import bp, case_of
from ticketing.cases.views.offers import STEPS, Step, missing_for
from ticketing.cases.views.reading import lines_since
from ticketing.codes import queries as codes
from ticketing.core import clock
from ticketing.core.errors import Forbidden, NotFound
from ticketing.core.permissions import Permission, Role
from ticketing.packs.rules import codes as pack_codes
from ticketing.packs.rules import law_on, load
from ticketing.web.filters import moment_of_request
from ticketing.web.guards import current_actor, requires

LOCAL_PERIODS = (25, 40, 60)  # working days by severity, a local default
HANDLERS = frozenset({Role.OFFICER, Role.MANAGER})


@bp.route("/cases/<reference>/actions/<name>", methods=["GET", "POST"])
@requires(Permission.WORK_CASES)
def act(reference: str, name: str) -> ResponseReturnValue:
    case, step = case_of(reference), _find_step(name)
    if case.is_behind_glass:
        raise Forbidden("You read this case in an emergency: it cannot be changed this way. Ask whoever has it.")
    form = step.form()
    if form.sent_before():  # what it was about may be done with by now
        flash(step.done, "success")
        return redirect(_after(case, step), 303)
    form.fit(case, _lists(case), moment_of_request())
    if form.validate_on_submit():
        if form.carry_out(lambda: step.run(case, form, by=current_actor(), at=moment_of_request())):
            flash(step.done, "success")
            return redirect(_after(case, step), 303)
        return _ask_again(reference, step, form)
    return render_template(
        "cases/act.html", case=case, step=step, form=form, missing=missing_for(case, step), changes=()), form.status if form.errors else 200


def _ask_again(reference: str, step: Step, form: StepForm) -> ResponseReturnValue:
    """The form with its words kept, the sentence of the verb, and what somebody else did in the meantime."""
    case = case_of(reference)
    changes = lines_since(case, form.seen.data or 0) if form.version.data != case.version else ()
    form.catch_up(case)
    return render_template(
        "cases/act.html", case=case, step=step, form=form, missing=missing_for(case, step), changes=changes), form.status


def _find_step(name: str) -> Step:
    if name not in STEPS:
        raise NotFound("There is no such action. Go back to the case and choose again.")
    return STEPS[name]


def _after(case: CaseView, step: Step) -> str:
    """Back to the case, where what was done shows; to the worklist where it put the case out of this person's sight."""
    if not queries.may_read(case.reference, current_actor()):
        return url_for("cases.worklist")
    return url_for("cases.show", reference=case.reference, _anchor=step.section or None)


def _lists(case: CaseView) -> Lists:
    at = moment_of_request()
    away = accounts.away_on(clock.day_of(at, case.zone))
    staff = accounts.staff_who_may(Permission.USE_ACCOUNT)
    names = {row.uid: _name(row, away.get(row.id)) for row in staff}
    units: dict[str, Any] = {"": "Not known"}
    for unit in codes.units():
        units.setdefault(unit.site_name, {})[unit.code] = unit.name
    return Lists(
        units=units, teams={team.code: team.name for team in accounts.teams()},
        handlers={row.uid: names[row.uid] for row in staff if row.role in HANDLERS},
        clinicians=_who_may_answer(names), everyone=names,
        packs=_laws_for(case), suggested=_suggested(case))


def _laws_for(case: CaseView) -> dict[str, str]:
    """The packs a concern received on that day can come under."""
    received_on = clock.day_of(case.received_at, case.zone)
    return {code: load(code).name for code in pack_codes() if law_on(code, received_on) == code}


def _who_may_answer(names: dict[str, str]) -> dict[str, str]:
    """Clinicians first: they are asked most."""
    rows = sorted(accounts.staff_who_may(Permission.ANSWER_STATEMENTS), key=lambda row: row.role is not Role.CLINICIAN)
    return {row.uid: names[row.uid] for row in rows if row.uid in names}


def _name(row: accounts.StaffRow, leave: accounts.LeaveRow | None) -> str:
    words = f"{row.name}, {row.job_title}" if row.job_title else row.name
    if leave is None:
        return words
    deputy = f", {leave.deputy_name} stands in" if leave.deputy_name else ""
    return f"{words} – away until {leave.ends_on.day} {leave.ends_on:%b}{deputy}"


def _suggested(case: CaseView) -> tuple[tuple[int, date], ...]:
    """The local response periods from receipt, those still to come."""
    calendar = calendars.present(codes.site_by_code(case.site_code).calendar, case.zone)
    ends = ((number, calendar.add_working_days(case.received_at, number)) for number in LOCAL_PERIODS)
    days = ((number, clock.day_of(end, case.zone)) for number, end in ends if end is not None)
    return tuple(pair for pair in days if pair[1] > clock.day_of(moment_of_request(), case.zone))
