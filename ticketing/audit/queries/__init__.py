"""Reading the trail, proving parts of it, and finding out whether the whole is still as it was written."""

from ticketing.audit.queries.keys import seal_keys, verifiers
from ticketing.audit.queries.proving import NoSuchStream, bundle
from ticketing.audit.queries.reading import (
    entries_about,
    entries_where,
    entry_count,
    openings,
    read_counts,
    readers_of,
    story,
    timeline,
    values_of_stream,
)
from ticketing.audit.queries.sealing import Seals, notes_after, seals
from ticketing.audit.queries.verifying import Evidence, verify

__all__ = [
    "Evidence", "NoSuchStream", "Seals", "bundle", "entries_about", "entries_where", "entry_count", "notes_after", "openings",
    "read_counts", "readers_of", "seal_keys", "seals", "story", "timeline", "values_of_stream", "verifiers", "verify",
]
