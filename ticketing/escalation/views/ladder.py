"""Pages of the ladder: what fired, to whom, whether it was delivered; and the rules in plain sentences."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ticketing.accounts import queries as accounts
from ticketing.cases import queries as cases
from ticketing.codes import queries as codes
from ticketing.core.errors import Invalid, NotFound
from ticketing.core.permissions import Permission
from ticketing.core.references import parse_reference
from ticketing.escalation import queries
from ticketing.escalation import service as steps
from ticketing.escalation.forms import FilterForm, RuleForm
from ticketing.escalation.queries import Filters, ahead
from ticketing.escalation.rules import TAB_LABELS, Shown
from ticketing.escalation.views.blueprint import bp
from ticketing.firings import queries as ladder
from ticketing.firings import service
from ticketing.firings.rules import RuleDraft
from ticketing.packs import queries as packs
from ticketing.web.filters import moment_of_request
from ticketing.web.guards import current_actor, requires

SAVED = "Saved. It holds for every timer that starts or moves from now on."


@bp.get("")
@requires(Permission.VIEW_ESCALATIONS)
def index() -> ResponseReturnValue:
    """Steps that fired, failed or come next."""
    at, actor, shown, form = moment_of_request(), current_actor(), _shown(), _filters()
    wanted = _wanted(form)
    page = queries.firings(shown, wanted, actor, at, after=request.args.get("after"))
    counts = queries.counts(wanted, actor, at)
    tabs = [{"label": TAB_LABELS[tab], "url": _url(form, show=tab.value), "is_current": tab is shown,
             "count": counts[tab]} for tab in Shown]
    next_url = _url(form, show=shown.value, after=page.next) if page.next else ""
    return render_template("escalation/index.html", page=page, shown=shown, form=form, tabs=tabs, next_url=next_url)


@bp.post("/<uid>/again")
@requires(Permission.MANAGE_RULES)
def try_again(uid: str) -> ResponseReturnValue:
    """A failed step is planned once more."""
    steps.try_again(uid, by=current_actor(), at=moment_of_request())
    flash("It will be tried again within a minute.", "success")
    return redirect(url_for(".index", show=Shown.PLANNED.value), 303)


@bp.get("/rules")
@requires(Permission.VIEW_ESCALATIONS)
def rules() -> ResponseReturnValue:
    """Every rule, as a sentence."""
    return render_template("escalation/rules.html", rules=queries.rules_in_words())


@bp.get("/rules/new")
@requires(Permission.MANAGE_RULES)
def new_rule() -> ResponseReturnValue:
    """An empty form."""
    form = _rule_form()
    form.seen.data = 0
    return render_template("escalation/new_rule.html", form=form, preview=None)


@bp.post("/rules/new")
@requires(Permission.MANAGE_RULES)
def create_rule() -> ResponseReturnValue:
    form = _rule_form()
    draft = _draft(form)
    if draft and _asks_preview():
        seen = ahead.preview(draft, current_actor(), moment_of_request())
        return render_template("escalation/new_rule.html", form=form, preview=seen)
    if draft and form.carry_out(lambda: service.create_rule(draft, by=current_actor(), at=moment_of_request())):
        flash(SAVED, "success")
        return redirect(url_for(".rule", code=form.result), 303)
    return render_template("escalation/new_rule.html", form=form, preview=None), form.status


@bp.get("/rules/<code>")
@requires(Permission.VIEW_ESCALATIONS)
def rule(code: str) -> ResponseReturnValue:
    """One rule in words, with its history; whoever may manage rules changes it here."""
    form, found = _rule_form(), queries.rule_in_words(code)
    form.seen.data = found.newest.version
    form.show(found.newest.draft, found.emails)
    return render_template("escalation/rule.html", rule=found, form=form, preview=None, **_replanning(code))


@bp.post("/rules/<code>")
@requires(Permission.MANAGE_RULES)
def change_rule(code: str) -> ResponseReturnValue:
    form, found = _rule_form(), queries.rule_in_words(code)
    draft, seen = _draft(form), form.seen.data
    if draft and _asks_preview():
        reach = ahead.preview(draft, current_actor(), moment_of_request())
        return render_template("escalation/rule.html", rule=found, form=form, preview=reach, **_replanning(code))
    if draft and form.carry_out(lambda: service.change_rule(code, draft, seen=seen, by=current_actor(), at=moment_of_request())):
        flash(SAVED, "success")
        return redirect(url_for(".rule", code=code), 303)
    return render_template("escalation/rule.html", rule=found, form=form, preview=None, **_replanning(code)), form.status


@bp.post("/rules/<code>/off")
@requires(Permission.MANAGE_RULES)
def switch_off(code: str) -> ResponseReturnValue:
    number = service.switch_off(code, by=current_actor(), at=moment_of_request())
    flash(f"Switched off. {number:,} planned {'step was' if number == 1 else 'steps were'} taken back.", "success")
    return redirect(url_for(".rule", code=code), 303)


@bp.post("/rules/<code>/on")
@requires(Permission.MANAGE_RULES)
def switch_on(code: str) -> ResponseReturnValue:
    service.switch_on(code, by=current_actor(), at=moment_of_request())
    flash("Switched on, for every timer that starts or moves from now on.", "success")
    return redirect(url_for(".rule", code=code), 303)


def _asks_preview() -> bool:
    return request.form.get("act") == "preview"


def _replanning(code: str) -> dict[str, Any]:
    """What planning the open cases anew would mean."""
    return {"stale": ladder.stale(code), "open_cases": cases.count_open_cases(), "replanning": ladder.replanning(code)}


def _shown() -> Shown:
    given = request.args.get("show", "")
    return Shown(given) if given in set(Shown) else Shown.FIRED


def _filters() -> FilterForm:
    form = FilterForm(request.args)
    form.offer({row.code: row.name for row in ladder.rules()})
    form.validate()
    return form


def _wanted(form: FilterForm) -> Filters:
    """The filters as typed; what is not in a list leaves everything in, what is no reference finds nothing."""
    typed = form.reference.data or ""
    target, rule = ("" if field.errors else field.data or "" for field in (form.target, form.rule))
    return Filters(target, rule, parse_reference(typed) or typed)


def _url(form: FilterForm, **more: str) -> str:
    """The list with the same filters."""
    values: dict[str, Any] = {field.name: field.data for field in (form.target, form.rule, form.reference) if not field.errors}
    return url_for(".index", **{name: value for name, value in {**values, **more}.items() if value})


def _rule_form() -> RuleForm:
    form = RuleForm()
    form.offer(
        {str(row.id): row.name for row in codes.sites()}, {str(row.id): row.name for row in accounts.teams()},
        {str(row.id): row.name for row in codes.units()},
        {pack.code: pack.name for pack in packs.packs_in_force(moment_of_request().date())})
    return form


def _draft(form: RuleForm) -> RuleDraft | None:
    """The rule that was filled in, or None with each problem beside its field."""
    drafts: list[RuleDraft] = []
    if form.validate():
        form.attempt(lambda: drafts.append(form.draft(_staff_uids(form))))
    return drafts[0] if drafts else None


def _staff_uids(form: RuleForm) -> list[str]:
    found = []
    for email in form.emails:
        try:
            found.append(accounts.staff_by_email(email).uid)
        except NotFound:
            raise Invalid(f"Nobody here has the address {email}. Check it under Staff.", field="staff") from None
    return found
