"""A clinician's page: the questions put to them, answerable on a phone."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ticketing.cases import queries, service
from ticketing.cases.forms.statements import AnswerForm
from ticketing.cases.rules import StatementState
from ticketing.cases.views.blueprint import bp, known_uid
from ticketing.core.permissions import Permission
from ticketing.web.filters import moment_of_request
from ticketing.web.guards import current_actor, requires

DONE = {
    "draft": "Draft saved. Only you can read it.", "send": "Thank you: your answer is on its way.",
    "decline": "Handed back. The team will ask somebody else.",
}


@bp.get("/questions")
@requires(Permission.ANSWER_STATEMENTS)
def questions() -> ResponseReturnValue:
    rows = queries.questions_for(current_actor(), at=moment_of_request())
    waiting = tuple(row for row in rows if row.state is StatementState.OPEN)
    return render_template(
        "cases/questions.html", waiting=waiting, ended=tuple(row for row in rows if row not in waiting),
        is_cut=len(rows) == queries.MOST)


@bp.route("/questions/<uid>", methods=["GET", "POST"])
@requires(Permission.ANSWER_STATEMENTS)
def answer(uid: str) -> ResponseReturnValue:
    question = queries.question(known_uid(uid), current_actor(), at=moment_of_request())
    form = AnswerForm()
    if not form.is_submitted():
        form.text.data = question.draft
    wanted = request.form.get("do", "send")
    if form.validate_on_submit() and form.carry_out(lambda: _carry(uid, wanted, form)):
        flash(DONE.get(wanted, DONE["send"]), "success")
        return redirect(url_for("cases.answer", uid=uid) if wanted == "draft" else url_for("cases.questions"), 303)
    return render_template("cases/answer.html", question=question, form=form, wanted=wanted), form.status if form.errors else 200


@bp.get("/questions/<uid>/why")
@requires(Permission.ANSWER_STATEMENTS)
def why_question(uid: str) -> ResponseReturnValue:
    """Why an answer is due on its day, for whoever it was asked of: the days and the rule, nothing of the case."""
    at = moment_of_request()
    found = queries.explain_statement(queries.case_of_question(known_uid(uid), current_actor(), at=at), uid, at=at)
    return render_template("cases/why_question.html", uid=uid, found=found, timer=found.timer)


def _carry(uid: str, wanted: str, form: AnswerForm) -> None:
    by, at = current_actor(), moment_of_request()
    if wanted == "draft":
        service.save_statement_draft(uid, form.text.data, by=by, at=at)
    elif wanted == "decline":
        service.decline_statement(uid, form.why.data, by=by, at=at)
    else:
        service.give_statement(uid, form.text.data, by=by, at=at)
