"""Pages of the policy packs: which are in force, what they ask for in plain words, and a new version from draft to publication."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, cast

from flask import Blueprint, Flask, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ticketing.core import clock
from ticketing.core.errors import Invalid, NotFound
from ticketing.core.permissions import Permission
from ticketing.packs import queries, service
from ticketing.packs.forms import DiscardForm, DraftForm, NumbersForm, PublishForm
from ticketing.packs.queries import DraftRow
from ticketing.packs.rules import Pack, differences, problems_of, read_pack
from ticketing.packs.rules.editing import stamped
from ticketing.packs.rules.telling import in_words
from ticketing.web.filters import moment_of_request
from ticketing.web.guards import current_actor, requires

bp = Blueprint("packs", __name__, url_prefix="/packs")
Check = Callable[[Pack], Sequence[Any]]


def init_app(app: Flask, *, check: Check) -> None:
    """`check` reckons the worked examples of a pack: the room that can do so stands above this one."""
    app.extensions["pack_check"] = check
    app.register_blueprint(bp)


@bp.get("")
@requires(Permission.VIEW_POLICIES)
def index() -> ResponseReturnValue:
    """Every pack with the version in force, or the last one of a law that has ended, and the drafts."""
    today = _today()
    return render_template(
        "packs/index.html", packs=queries.every_pack(today), in_force={pack.code for pack in queries.packs_in_force(today)},
        drafts=queries.drafts())


@bp.get("/<code>")
@requires(Permission.VIEW_POLICIES)
def show(code: str) -> ResponseReturnValue:
    """One pack: its versions, its drafts and its history."""
    versions = queries.versions(code, _today())
    return render_template(
        "packs/show.html", versions=versions, drafts=queries.drafts(code), history=queries.history(code), form=DiscardForm(),
        current=next((row for row in versions if row.is_in_force), versions[0]))


@bp.get("/<code>/versions/<version>")
@requires(Permission.VIEW_POLICIES)
def version(code: str, version: str) -> ResponseReturnValue:
    """One version, every target in plain words."""
    pack = _pack(code, version)
    return render_template("packs/version.html", pack=pack, targets=in_words(pack))


@bp.get("/<code>/compare")
@requires(Permission.VIEW_POLICIES)
def compare(code: str) -> ResponseReturnValue:
    """Two versions, rule by rule."""
    versions = queries.versions(code, _today())
    old, new = (_pack(code, request.args.get(name) or versions[place].version) for name, place in (("old", -1), ("new", 0)))
    return render_template("packs/compare.html", versions=versions, old=old, new=new, changes=differences(old, new))


@bp.post("/<code>/drafts")
@requires(Permission.MANAGE_RULES)
def create_draft(code: str) -> ResponseReturnValue:
    """Begin a version from the one named in the form."""
    uid = service.draft_version(code, request.form.get("base", ""), by=current_actor(), at=moment_of_request())
    return redirect(url_for(".draft", uid=uid), 303)


@bp.route("/drafts/<uid>", methods=["GET", "POST"])
@requires(Permission.MANAGE_RULES)
def draft(uid: str) -> ResponseReturnValue:
    """The text of a draft with everything that is wrong with it."""
    row = queries.draft(uid)
    form = DraftForm(data={"version": row.revision, "text": row.text})
    if form.validate_on_submit() and form.carry_out(lambda: service.save_draft(
            uid, form.text.data, seen=form.version.data, by=current_actor(), at=moment_of_request())):
        flash("Draft saved.", "success")
        return redirect(url_for(".draft", uid=uid), 303)
    return _draft_page(row, form, form.status if form.errors else 200)


@bp.route("/drafts/<uid>/numbers", methods=["GET", "POST"])
@requires(Permission.MANAGE_RULES)
def numbers(uid: str) -> ResponseReturnValue:
    """The hospital's own numbers, without touching the text."""
    row = queries.draft(uid)
    if problems_of(row.text):
        flash("Mend the text first: its numbers cannot be read yet.", "warning")
        return redirect(url_for(".draft", uid=uid), 303)
    form = NumbersForm.of(read_pack(row.text, row.version))
    if not form.is_submitted():
        form.version.data = row.revision
    if form.validate_on_submit() and form.carry_out(lambda: service.change_amounts(
            uid, form.amounts(), seen=form.version.data, by=current_actor(), at=moment_of_request())):
        flash("Numbers saved in the draft.", "success")
        return redirect(url_for(".publish", uid=uid), 303)
    return render_template("packs/numbers.html", draft=row, form=form), form.status if form.errors else 200


@bp.route("/drafts/<uid>/publish", methods=["GET", "POST"])
@requires(Permission.MANAGE_RULES)
def publish(uid: str) -> ResponseReturnValue:
    """The check before publishing: problems, what changes, the worked examples; and the button."""
    row = queries.draft(uid)
    form = PublishForm(data={"version": row.revision, "effective_from": _today()})
    if problems_of(row.text):
        return _draft_page(row, DraftForm(formdata=None, data={"version": row.revision, "text": row.text}), 200)
    new, results = read_pack(row.text, row.version), _results(row)
    form.differs = any(not result.holds for result in results)
    if form.validate_on_submit() and form.carry_out(lambda: service.publish(
            uid, form.effective_from.data, form.reason.data, seen=form.version.data, by=current_actor(), at=moment_of_request())):
        flash("Published. No open case was moved: bring cases under it with a rebase.", "success")
        return redirect(url_for(".show", code=row.code), 303)
    changes = [change for change in differences(queries.pack(row.code, row.base_version), new) if change[0] not in ("version", "digest")]
    return render_template(
        "packs/publish.html", draft=row, pack=new, form=form, changes=changes, results=results), form.status if form.errors else 200


@bp.post("/drafts/<uid>/discard")
@requires(Permission.MANAGE_RULES)
def discard(uid: str) -> ResponseReturnValue:
    code = queries.draft(uid).code
    service.discard_draft(uid, by=current_actor(), at=moment_of_request())
    flash("Draft thrown away.", "success")
    return redirect(url_for(".show", code=code), 303)


def _draft_page(row: DraftRow, form: DraftForm, status: int) -> ResponseReturnValue:
    text = form.text.data or row.text
    lines = text.splitlines()
    problems = [(problem, lines[problem.line - 1] if problem.line and problem.line <= len(lines) else "") for problem in problems_of(text)]
    return render_template("packs/draft.html", draft=row, form=form, problems=problems), status


def _results(row: DraftRow) -> Sequence[Any]:
    """The worked examples under the draft, as if it were in force for every one of them."""
    return cast(Check, current_app.extensions["pack_check"])(read_pack(stamped(row.text, row.version), row.version))


def _pack(code: str, version: str) -> Pack:
    try:
        return queries.pack(code, version)
    except Invalid:
        raise NotFound("There is no such version of this policy pack. Go back to the list.") from None


def _today() -> date:
    return clock.day_of(moment_of_request(), str(current_app.config["SITE_ZONE"]))
