"""What an erasure destroys: one list of every column with what people said or who they are, and what stands there afterwards."""

from __future__ import annotations

from collections.abc import Mapping

from ticketing.codes.rules import Code

GONE = "(erased)"


class ErasureState(Code):
    """Where an erasure stands."""

    ASKED = "asked", "Waiting for a second person"
    APPROVED = "approved", "Erased"
    REFUSED = "refused", "Refused"


class ErasureGround(Code):
    """On what ground somebody's details are destroyed."""

    REQUEST = "request", "They asked us to"
    RETENTION = "retention", "Its time of keeping is over"
    MISTAKE = "mistake", "It was recorded by mistake"


# Rows that belong to a case (by `case_id`, the case itself by `id`).  Codes, moments and numbers stay: the figures rest on them.
OF_A_CASE: Mapping[str, Mapping[str, str]] = {
    "cases": {"narrative": GONE, "outcome_sought": "", "closing_note": "", "received_by": ""},
    "points": {"text": GONE, "reason": "", "remedy": ""},
    "notes": {"text": GONE},
    "tasks": {"title": GONE, "outcome": ""},
    "statement_requests": {"questions": GONE, "records": "", "draft": "", "answer": ""},
    "response_versions": {"text": GONE},
    "holds": {"note": ""},
    "assignments": {"note": ""},
    "declarations": {"words": ""},
    "classifications": {"why": ""},
    "receipt_corrections": {"reason": GONE},
    "glass_openings": {"reason": GONE},
    "attachments": {"name": GONE, "about": "", "finding": "", "digest": ""},
}
