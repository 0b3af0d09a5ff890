"""What the lifecycle's guards look at, read from a case: for the verbs that move it and for the page that offers the moves."""

from __future__ import annotations

import sqlalchemy as sa

from ticketing.cases.models import Case, CaseSubject, Point, ResponseVersion
from ticketing.cases.rules import CaseFacts, PointFacts
from ticketing.core.database import db


def facts_of(case: Case) -> CaseFacts:
    """The facts as they stand now, with three statements; what is sealed or set aside is no part of them."""
    points = db.session.execute(
        sa.select(Point.position, Point.finding, Point.reason, Point.remedy).where(
            Point.case_id == case.id, Point.compartment.is_(None)).order_by(Point.position))
    versions = db.session.execute(
        sa.select(ResponseVersion.text, ResponseVersion.reviewed_at, ResponseVersion.sent_at, ResponseVersion.drafter_id)
        .where(ResponseVersion.case_id == case.id, ResponseVersion.cycle == case.cycle,
               ResponseVersion.set_aside_at.is_(None)).order_by(ResponseVersion.number)).all()
    subjects = db.session.scalars(sa.select(CaseSubject.staff_id).where(CaseSubject.case_id == case.id))
    latest = versions[-1] if versions else None
    return CaseFacts(
        status=case.status, severity=case.severity, consent_status=case.consent_status, is_anonymous=case.is_anonymous,
        is_risk_answered=case.is_risk_answered, is_pack_confirmed=case.is_pack_confirmed,
        has_acknowledgement=case.acknowledged_at is not None, is_discussion_offered=case.is_discussion_offered,
        is_period_agreed=case.response_due_on is not None, points=tuple(PointFacts(*row) for row in points),
        is_outcome_asked=bool(case.outcome_sought) or "outcome_sought" in case.not_known,
        has_draft=latest is not None and bool(latest.text), is_reviewed=latest is not None and latest.reviewed_at is not None,
        drafter_id=latest.drafter_id if latest else None,
        drafter_ids=frozenset(row.drafter_id for row in versions if row.drafter_id is not None), subject_ids=frozenset(subjects),
        has_dispatch=latest is not None and latest.sent_at is not None, open_statements=case.open_statements)
