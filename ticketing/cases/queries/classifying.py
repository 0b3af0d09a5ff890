"""What the policy pack's table made of a concern, and what a person decided."""

from __future__ import annotations

import sqlalchemy as sa

from ticketing.accounts import queries as accounts
from ticketing.cases.models import Case, Classification
from ticketing.cases.queries.case_rows import ClassificationView
from ticketing.codes.rules import CaseType
from ticketing.core.database import db
from ticketing.packs import queries as packs
from ticketing.packs.rules import Pack
from ticketing.packs.rules import classify as decide
from ticketing.sla import queries as sla


def law_of(case: Case) -> Pack:
    """The main pack of the present cycle, in the version it is pinned to."""
    pin = next(row.pinned for row in sla.pins_of(case.id) if row.cycle == case.cycle)
    return packs.pack(pin.pack, pin.pack_version)


def newest(case: Case) -> Classification | None:
    """The latest classification of the present cycle under the pack it runs under now."""
    return db.session.scalar(
        sa.select(Classification).where(
            Classification.case_id == case.id, Classification.cycle == case.cycle, Classification.pack == case.pack)
        .order_by(Classification.id.desc()).limit(1))


def classification_of(case: Case) -> ClassificationView | None:
    """As the case page shows it; None if nobody has answered the questions yet."""
    row = newest(case)
    if row is None:
        return None
    law = packs.pack(row.pack, row.pack_version)
    found, answers = decide(law, row.answers), row.answers
    ruling = next((each for each in law.classifier if each.code == row.ruling), None)
    names = accounts.names_by_id([row.classified_by_id] if row.classified_by_id else [])
    kinds = {kind.code: kind.title for kind in law.case_types}
    return ClassificationView(
        law.name, tuple((question.sentence, answers[question.code]) for question in law.questions if question.code in answers),
        tuple(question.sentence for question in found.to_ask), row.proposed, _title(row.proposed, kinds),
        ruling.sentence if ruling else "", ruling.evidence if ruling else "", ruling.source if ruling else "",
        ruling.verified if ruling else True, row.classified_at, names.get(row.classified_by_id or 0, ""),
        row.decided.label if row.decided else "", row.why)


def _title(case_type: str, kinds: dict[str, str]) -> str:
    return next((kind.label for kind in CaseType if kind.value == case_type), kinds.get(case_type, case_type))
