"""Reading what the sweep and its pages need."""

from ticketing.escalation.queries.reaching import Circle, Reached, shifts_by_team
from ticketing.escalation.queries.simulations import draft_in_words, packs_in_use
from ticketing.escalation.queries.steps import (
    Filters,
    FiringRow,
    RuleWords,
    TellingRow,
    VersionWords,
    authors_of,
    counts,
    dedup_key,
    due_words,
    firings,
    firings_of,
    is_anything_due,
    is_seen,
    is_statutory,
    next_to_tell,
    notice_for,
    rule_in_words,
    rules_in_words,
    timers_of,
    why_withhold,
)
from ticketing.escalation.rules import TimerFacts

__all__ = [
    "Circle", "Filters", "FiringRow", "Reached", "RuleWords", "TellingRow", "TimerFacts", "VersionWords", "authors_of", "counts",
    "dedup_key", "draft_in_words", "due_words", "firings", "firings_of", "is_anything_due", "is_seen", "is_statutory", "next_to_tell",
    "notice_for", "packs_in_use", "rule_in_words", "rules_in_words", "shifts_by_team", "timers_of", "why_withhold",
]
