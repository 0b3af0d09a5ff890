"""Reading what the sweep and its pages need."""

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
    rule_in_words,
    rules_in_words,
    timers_of,
    why_withhold,
)

__all__ = [
    "Filters", "FiringRow", "RuleWords", "TellingRow", "VersionWords", "authors_of", "counts", "dedup_key", "due_words", "firings",
    "firings_of", "rule_in_words", "rules_in_words", "timers_of", "why_withhold",
]
