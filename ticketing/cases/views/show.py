"""One case, whole, and the answer to "why this date?"."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from ticketing.accounts.rules import COMPARTMENT_LABELS
from ticketing.audit import queries as audit
from ticketing.audit import service as audit_reads
from ticketing.audit.rules import case_stream
from ticketing.cases import queries
from ticketing.cases.queries import CaseView
from ticketing.cases.views.blueprint import bp, case_of
from ticketing.cases.views.offers import offers_of
from ticketing.cases.views.reading import days_of, stages_of
from ticketing.core.permissions import Permission
from ticketing.web.filters import moment_of_request
from ticketing.web.guards import current_actor, requires

TRAIL_PAGE = 100


@bp.get("/cases/<reference>")
@requires(Permission.VIEW_CASES)
def show(reference: str) -> ResponseReturnValue:
    actor, case = current_actor(), case_of(reference)
    return render_template(
        "cases/show.html", case=case, stages=stages_of(case), offers=offers_of(case, actor), days=days_of(case.entries, case.zone),
        files=queries.attachments_of(case.reference, actor), may_delete=actor.may(Permission.SIGN_RESPONSES),
        may_seal=bool(actor.compartments),
        is_new="logged" in request.args, may_work=actor.may(Permission.WORK_CASES) and not case.is_behind_glass,
        sealed=[(item.compartment, days_of(item.entries, case.zone)) for item in case.sealed], sealed_labels=COMPARTMENT_LABELS)


@bp.get("/cases/<reference>/trail")
@requires(Permission.VIEW_CASES)
def trail(reference: str) -> ResponseReturnValue:
    """The whole trail, a hundred entries a page; who only looked is one click away."""
    case, after = case_of(reference), _number(request.args.get("after", ""))
    if request.args.get("reading") == "shown":
        return _story(case, after)
    entries = audit.timeline(case_stream(case.reference), limit=TRAIL_PAGE, after=after)
    earlier = entries[-1].seq if entries and entries[-1].seq > 1 else None
    shown = queries.without_sealed_names(entries, current_actor())
    return render_template("cases/trail.html", case=case, days=days_of(shown, case.zone), earlier=earlier, reading="")


def _story(case: CaseView, after: int | None) -> ResponseReturnValue:
    found = audit.story(case_stream(case.reference), before=after, limit=TRAIL_PAGE + 1)
    earlier = found[TRAIL_PAGE - 1][0] if len(found) > TRAIL_PAGE else None
    shown = queries.without_sealed_names((row for _, row in found[:TRAIL_PAGE]), current_actor())
    return render_template("cases/trail.html", case=case, days=days_of(shown, case.zone), earlier=earlier, reading="shown")


@bp.get("/cases/<reference>/readers")
@requires(Permission.VIEW_CASES)
def readers(reference: str) -> ResponseReturnValue:
    """Who has opened this file."""
    case = case_of(reference)
    return render_template("cases/readers.html", case=case, rows=queries.openings_of(case.reference, current_actor()))


@bp.get("/cases/<reference>/timers/<target>")
@requires(Permission.VIEW_CASES)
def explain(reference: str, target: str) -> ResponseReturnValue:
    """Why this date?  Day by day, printable on a page for an ombudsman."""
    asked, at = request.args, moment_of_request()
    found = queries.explain_timer(
        reference, target, current_actor(), at=at, subject=asked.get("subject", ""), pack=asked.get("pack", ""),
        cycle=_number(asked.get("cycle", "")), occurrence=_number(asked.get("occurrence", "")))
    audit_reads.record_read(found.reference, by=current_actor(), at=at)
    return render_template("cases/explain.html", found=found, timer=found.timer)


def _number(text: str) -> int | None:
    """A small whole number of the address; anything else counts as not given."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else None
