"""What the sweep decides by: whether a due step still stands, which steps give way, and the words of the mail."""

from ticketing.escalation.rules.sweeping import (
    SOON,
    TAB_LABELS,
    Shown,
    StepFacts,
    TimerFacts,
    first_name,
    giving_way,
    headline,
    is_late,
    reason_task,
    subject_line,
    why_not,
)

__all__ = [
    "SOON", "TAB_LABELS", "Shown", "StepFacts", "TimerFacts", "first_name", "giving_way", "headline", "is_late", "reason_task",
    "subject_line", "why_not",
]
