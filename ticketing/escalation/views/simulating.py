"""Pages of simulation: try a draft on what happened, read what would have come out otherwise, run it in shadow, put it in force."""

from __future__ import annotations

from datetime import timedelta

from flask import Response, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ticketing.accounts import queries as accounts
from ticketing.audit import service as audit
from ticketing.calendars import queries as calendars
from ticketing.core import clock
from ticketing.core.exports import csv_text
from ticketing.core.permissions import Permission
from ticketing.escalation import queries
from ticketing.escalation.forms import SimulationForm
from ticketing.escalation.queries import simulations as found
from ticketing.escalation.queries.histories import Range
from ticketing.escalation.queries.simulations import SimulationRow
from ticketing.escalation.rules.comparing import Figures
from ticketing.escalation.rules.drafting import Draft
from ticketing.escalation.rules.sheets import rows_of
from ticketing.escalation.service import simulating as service
from ticketing.escalation.views.blueprint import bp
from ticketing.firings import queries as ladder
from ticketing.firings.rules.reading import target_label
from ticketing.packs import queries as packs
from ticketing.web.filters import moment_of_request
from ticketing.web.guards import current_actor, requires

MOST_ROWS = 50_000


@bp.get("/simulations")
@requires(Permission.MANAGE_RULES)
def simulations() -> ResponseReturnValue:
    """Every simulation, the newest first."""
    return render_template("escalation/simulations.html", rows=found.simulations())


@bp.get("/simulations/new")
@requires(Permission.MANAGE_RULES)
def new_simulation() -> ResponseReturnValue:
    """An empty form."""
    return render_template("escalation/new_simulation.html", form=_form())


@bp.post("/simulations/new")
@requires(Permission.MANAGE_RULES)
def ask_simulation() -> ResponseReturnValue:
    form = _form()
    if form.validate() and form.carry_out(lambda: _ask(form)):
        return redirect(url_for(".simulation", uid=form.result), 303)
    return render_template("escalation/new_simulation.html", form=form), form.status


@bp.get("/simulations/<uid>")
@requires(Permission.MANAGE_RULES)
def simulation(uid: str) -> ResponseReturnValue:
    """How far it is; once it is finished, what came of it."""
    row, actor = found.simulation(uid), current_actor()
    figures = _figures(row)
    cases = found.changed_cases(row.id, actor) if row.is_finished and actor.may(Permission.VIEW_CASES) else None
    return render_template("escalation/simulation.html", row=row, figures=figures, words=queries.draft_in_words(row.draft),
                           names=accounts.names_by_uid([person.uid for person in figures.people]), cases=cases)


@bp.get("/simulations/<uid>/cases")
@requires(Permission.MANAGE_RULES)
def simulation_cases(uid: str) -> ResponseReturnValue:
    """The cases that change side, of those the reader may see."""
    row, side = found.simulation(uid), request.args.get("side", "")
    page = found.changed_cases(row.id, current_actor(), side=side, after=request.args.get("after"))
    return render_template("escalation/simulation_cases.html", row=row, page=page, side=side)


@bp.get("/simulations/<uid>/figures.csv")
@requires(Permission.MANAGE_RULES)
def simulation_figures(uid: str) -> ResponseReturnValue:
    """The figures as a file, with the cases that change side for whoever may see them."""
    row, actor = found.simulation(uid), current_actor()
    figures = _figures(row)
    names = accounts.names_by_uid([person.uid for person in figures.people])
    cases = found.every_changed_case(row.id, actor, MOST_ROWS) if actor.may(Permission.VIEW_CASES) else ()
    audit.record(audit.EXPORT_STREAM, audit.Act.EXPORT_MADE, by=actor, at=moment_of_request(), facts={"export": f"simulation {uid}"})
    text = csv_text(rows_of(figures, names, [
        (case.reference, case.about, case.before, case.after, case.due_before, case.due_after, case.met_at) for case in cases]))
    return Response("\ufeff" + text, mimetype="text/csv",
                    headers={"Content-Disposition": f"attachment; filename=simulation-{uid[:8]}.csv"})


@bp.post("/simulations/<uid>/stop")
@requires(Permission.MANAGE_RULES)
def stop_simulation(uid: str) -> ResponseReturnValue:
    service.stop(uid, by=current_actor(), at=moment_of_request())
    flash("Stopped.", "success")
    return redirect(url_for(".simulation", uid=uid), 303)


@bp.post("/simulations/<uid>/shadow")
@requires(Permission.MANAGE_RULES)
def begin_shadow(uid: str) -> ResponseReturnValue:
    service.begin_shadow(uid, by=current_actor(), at=moment_of_request())
    flash("It runs in shadow from now on: its steps are recorded, and nothing is done.", "success")
    return redirect(url_for(".shadow", uid=uid), 303)


@bp.post("/simulations/<uid>/shadow/end")
@requires(Permission.MANAGE_RULES)
def end_shadow(uid: str) -> ResponseReturnValue:
    service.end_shadow(uid, by=current_actor(), at=moment_of_request())
    flash("The shadow has ended. What it would have done stays here.", "success")
    return redirect(url_for(".shadow", uid=uid), 303)


@bp.get("/simulations/<uid>/shadow")
@requires(Permission.MANAGE_RULES)
def shadow(uid: str) -> ResponseReturnValue:
    """What the shadow would have done since it began, beside what was done."""
    row, actor, at = found.simulation(uid), current_actor(), moment_of_request()
    may_see = actor.may(Permission.VIEW_CASES)
    return render_template(
        "escalation/shadow.html", row=row, days=found.shadow_by_day(row, actor, at), people=found.shadow_people(row, actor, at),
        steps=found.shadow_steps(row, actor, at) if may_see else (),
        cases=found.changed_cases(row.id, actor, is_shadow=True).rows if may_see else ())


@bp.post("/simulations/<uid>/publish")
@requires(Permission.MANAGE_RULES)
def publish_simulation(uid: str) -> ResponseReturnValue:
    """The rules of the draft are put in force."""
    number = service.publish_rules(uid, by=current_actor(), at=moment_of_request())
    flash(f"{number} {'rule was' if number == 1 else 'rules were'} changed, for every timer that starts or moves from now on.", "success")
    return redirect(url_for(".rules"), 303)


def _figures(row: SimulationRow) -> Figures:
    return found.figures_for(row, current_actor(), current_app.config["SITE_ZONE"])


def _ask(form: SimulationForm) -> str:
    at, zone = moment_of_request(), current_app.config["SITE_ZONE"]
    last_on = clock.day_of(at, zone)
    wanted = Range(last_on - timedelta(days=int(form.months.data) * 365 // 12), last_on, zone)
    return service.ask(form.name.data, _draft(form), wanted, by=current_actor(), at=at)


def _draft(form: SimulationForm) -> Draft:
    text = packs.draft(form.pack_draft.data).text if form.pack_draft.data else ""
    return form.draft(text, {row.code: row.newest.draft for row in ladder.rules()})


def _form() -> SimulationForm:
    form, today = SimulationForm(), clock.day_of(moment_of_request(), current_app.config["SITE_ZONE"])
    targets = {f"{pack.code}/{target.code.value}": f"{target_label(target.code)} ({pack.name})"
               for pack in packs.every_pack(today) for target in pack.targets if pack.code in queries.packs_in_use()}
    form.offer(targets, {row.uid: f"{row.code} {row.version}" for row in packs.drafts()}, calendars.names(),
               {row.uid: f"{row.title} {row.version}" for row in calendars.drafts()},
               {row.code: row.name for row in ladder.rules() if row.is_active},
               {row.uid: row.name for row in accounts.staff_who_may(Permission.WORK_CASES)})
    return form
